"""Trees as arrays: the results of scikit-learn bit for bit, whatever the outputs; damaged arrays are refused."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from deepdx_core.trees import Trees, fit_trees

SETTINGS = {"max_iter": 20, "max_leaf_nodes": 9, "min_samples_leaf": 5}


def data(classes, rows=400, columns=6, seed=0):
    random = np.random.default_rng(seed)
    inputs = random.integers(0, 256, (rows, columns)).astype(np.uint8)
    inputs[:, 3] = random.integers(0, 9, rows)
    targets = (inputs[:, 0] // 64 + inputs[:, 3] + random.integers(0, 2, rows)) % classes
    return inputs, targets, random.uniform(0.5, 2, rows)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("categorical", [(), (3,), (1, 3)])
def test_sums_are_those_of_scikit_learn_to_the_last_bit(classes, categorical):
    inputs, targets, weights = data(classes)
    expected = HistGradientBoostingClassifier(
        categorical_features=list(categorical) or None, early_stopping=False, random_state=3, **SETTINGS
    )
    with threadpool_limits(1, "openmp"):
        expected.fit(inputs, targets, sample_weight=weights)
    trees = fit_trees(inputs, targets, weights, categorical=categorical, seed=3, **SETTINGS)
    others = np.concatenate([inputs, data(2, rows=9000, seed=1)[0]])
    sums = trees.sum_leaves(others, 1 if classes == 2 else classes)
    assert (sums == expected.decision_function(others).reshape(len(others), -1)).all()


def test_rows_do_not_depend_on_other_rows():
    inputs, targets, weights = data(3, rows=4000)  # which compiled code walks, but not two of them
    trees = fit_trees(inputs, targets, weights, **SETTINGS)
    sums = trees.sum_leaves(inputs, 3)
    assert (trees.sum_leaves(inputs[[7, 300]], 3) == sums[[7, 300]]).all()
    assert trees.sum_leaves(inputs[:0], 3).shape == (0, 3)


@pytest.mark.parametrize("rows", [400, 4000])
def test_a_transposed_input_is_read_as_well(rows):
    inputs, targets, weights = data(2, rows)
    trees = fit_trees(inputs, targets, weights, **SETTINGS)
    assert (trees.sum_leaves(np.asfortranarray(inputs)) == trees.sum_leaves(inputs)).all()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("columns", lambda a: a.astype(np.uint8), "columns must be uint16"),
        ("columns", lambda a: a[0], "columns must be uint16"),
        ("sent_right", lambda a: a[:, :, :31], "sent_right must be"),
        ("children", lambda a: np.zeros_like(a), "children must be the node itself or later"),
        ("children", lambda a: a + np.uint8(200), "children must be"),
        ("values", lambda a: a * np.nan, "values must be finite"),
        ("values", lambda a: a[:-1], "values must be float64"),
    ],
)
def test_damaged_arrays_are_refused(name, change, message):
    inputs, targets, weights = data(2)
    trees = fit_trees(inputs, targets, weights, **SETTINGS)
    with pytest.raises(ValueError, match=message):
        replace(trees, **{name: change(getattr(trees, name))})


def test_inputs_and_outputs_must_fit():
    leaf = Trees(
        np.full((3, 1), 4, np.uint16), np.zeros((3, 1, 32), np.uint8), np.zeros((3, 1, 2), np.uint8), np.ones((3, 1))
    )
    assert leaf.sum_leaves(np.zeros((2, 5), np.uint8)).tolist() == [[3], [3]]
    assert leaf.sum_leaves(np.zeros((2, 5), np.uint8), 3).tolist() == [[1, 1, 1]] * 2
    with pytest.raises(ValueError, match="columns must be below 4"):
        leaf.sum_leaves(np.zeros((2, 4), np.uint8))
    with pytest.raises(ValueError, match="3 trees cannot have 2 outputs"):
        leaf.sum_leaves(np.zeros((2, 5), np.uint8), 2)
