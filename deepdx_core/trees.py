"""Boosted trees over bytes, as plain arrays: fitted by scikit-learn, checked when made, walked by compiled code.

Neither a pickle of scikit-learn's estimator nor skops would do for files from outside. The former runs foreign code,
and the latter builds objects whose C code follows stored indices unchecked.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, Float64Array, UInt8Array, UInt16Array

MAX_CATEGORIES = 255
"""Number of values that scikit-learn's trees can distinguish in a categorical column."""

_MAX_NODES = 256
_MAX_VALUE = 1e9  # of a leaf, so that no sum overflows; fitted values stay below 10
_FEW_WALKS = 50_000  # rows times trees; numpy takes less for them than numba takes to load
_ROWS_AT_ONCE = 512  # their inputs stay in a core's cache while all trees are walked


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Trees:
    """Trees whose leaves add up to one number or several.

    Every array begins with the axes tree and node. Node 0 is the root. A split sends a row to a later node of its tree;
    a leaf is its own child. With several outputs, the trees take turns: tree t adds to output t % outputs.

    columns: byte that a split tests, `uint16[trees, nodes]`.
    sent_right: values of this byte that go right, as 256 bits, the lowest first, `uint8[trees, nodes, 32]`.
    children: left and right child, `uint8[trees, nodes, 2]`.
    values: number that a leaf adds, `float64[trees, nodes]`.

    Raises ValueError if the arrays have other types or shapes, or could lead out of a tree or around in a circle.
    """

    columns: UInt16Array
    sent_right: UInt8Array
    children: UInt8Array
    values: Float64Array

    def __post_init__(self) -> None:
        if self.columns.ndim != 2 or not 0 < self.columns.shape[1] <= _MAX_NODES or not len(self.columns):
            raise ValueError(f"columns must be uint16[trees, up to {_MAX_NODES} nodes]")
        shape = self.columns.shape
        for name, dtype, expected in (
            ("columns", np.uint16, shape),
            ("sent_right", np.uint8, (*shape, 32)),
            ("children", np.uint8, (*shape, 2)),
            ("values", np.float64, shape),
        ):
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != expected:
                raise ValueError(f"{name} must be {np.dtype(dtype)}{list(expected)}")
        if (self.children < _own_indices(shape[1])).any() or self.children.max() >= shape[1]:
            raise ValueError("children must be the node itself or later nodes of its tree")
        if not (np.abs(self.values) <= _MAX_VALUE).all():
            raise ValueError(f"values must be finite and within {_MAX_VALUE:g}")

    def sum_leaves(self, inputs: UInt8Array, outputs: int = 1) -> Float64Array:
        """Return the sum of the leaves that each row of `uint8[n, bytes]` reaches, `float64[n, outputs]`.

        Leaves are added one by one, in the order of the trees, so that the last bit is the same on every machine.
        Raises ValueError if the trees test bytes beyond the last, or if the outputs do not have equally many trees.
        """
        if self.columns.max() >= inputs.shape[1]:
            raise ValueError(f"columns must be below {inputs.shape[1]}")
        if len(self.values) % outputs:
            raise ValueError(f"{len(self.values)} trees cannot have {outputs} outputs")
        if len(inputs) * len(self.values) <= _FEW_WALKS:
            return self._sum_leaves_of_few(inputs, outputs)
        inputs = np.ascontiguousarray(inputs)
        sums = np.zeros((len(inputs), outputs))
        arrays = [np.ascontiguousarray(a) for a in (self.columns, self.sent_right, self.children, self.values)]
        walk = _compiled_walk()

        def walk_some(start: int) -> None:
            some = slice(start, start + _ROWS_AT_ONCE)
            walk(*arrays, inputs[some], sums[some])

        with ThreadPoolExecutor() as executor:
            list(executor.map(walk_some, range(0, len(inputs), _ROWS_AT_ONCE)))
        return sums

    def _sum_leaves_of_few(self, inputs: UInt8Array, outputs: int) -> Float64Array:
        trees, rows = np.arange(len(self.values)), np.arange(len(inputs))[:, None]
        nodes = np.zeros((len(inputs), len(trees)), dtype=np.uint8)
        while True:
            tested = inputs[rows, self.columns[trees, nodes]]
            right = self.sent_right[trees, nodes, tested >> 3] >> (tested & 7) & 1
            following = self.children[trees, nodes, right]
            if (following == nodes).all():
                break
            nodes = following
        leaves = self.values[trees, nodes].reshape(len(inputs), len(trees) // outputs, outputs)
        return np.add.accumulate(leaves, axis=1)[:, -1]  # unlike `sum`, adds one by one


def _walk(
    columns: UInt16Array,
    sent_right: UInt8Array,
    children: UInt8Array,
    values: Float64Array,
    inputs: UInt8Array,
    sums: Float64Array,
) -> None:
    for tree in range(len(values)):  # outside, so that a tree is loaded once for all rows
        for row in range(len(inputs)):
            node = 0
            while True:
                tested = inputs[row, columns[tree, node]]
                right = sent_right[tree, node, tested >> 3] >> (tested & 7) & 1
                following = children[tree, node, right]
                if following == node:
                    break
                node = following
            sums[row, tree % sums.shape[1]] += values[tree, node]


@cache
def _compiled_walk() -> Any:
    """Compile the walk on first use: numba takes a third of a second to import."""
    import numba

    from deepdx_core.compilation import CompiledCode

    u1, u2, f8 = numba.uint8, numba.uint16, numba.float64
    signature = numba.void(u2[:, ::1], u1[:, :, ::1], u1[:, :, ::1], f8[:, ::1], u1[:, ::1], f8[:, ::1])
    return CompiledCode("trees", "the walk of trees", (Path(__file__),)).compile(_walk, signature)


def fit_trees(
    inputs: UInt8Array,
    targets: npt.ArrayLike,
    weights: Float64Array | None,
    *,
    categorical: tuple[int, ...] = (),
    seed: int = 0,
    **settings: Any,
) -> Trees:
    """Fit trees to rows of `uint8[n, bytes]` and their classes, 0 to classes - 1, each of which must occur.

    With two classes, the leaves add up to the log-odds of class 1; with more, to a score of each class, whose softmax
    is its probability. The first tree of an output is a single leaf: the score before any test.

    categorical: columns whose bytes have no order. settings: of scikit-learn's `HistGradientBoostingClassifier`.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    estimator = HistGradientBoostingClassifier(
        categorical_features=list(categorical) or None, early_stopping=False, random_state=seed, **settings
    )
    with threadpool_limits(1, "openmp"):  # sums depend on how they are split among threads
        estimator.fit(inputs, targets, sample_weight=weights)
    return _to_arrays(estimator)


def _to_arrays(estimator: Any) -> Trees:
    """Copy the nodes out of a fitted classifier.

    scikit-learn has no public access to them. tests/test_trees.py compares the results bit by bit.
    """
    rounds = estimator._predictors
    outputs = len(rounds[0])
    most = 2 * estimator.max_leaf_nodes - 1
    shape = (1 + len(rounds)) * outputs, most
    columns, sent_right = np.zeros(shape, np.uint16), np.zeros((*shape, 256), np.bool_)
    children, values = np.broadcast_to(_own_indices(most), (*shape, 2)).copy(), np.zeros(shape)
    values[:outputs, 0] = np.ravel(estimator._baseline_prediction)
    names = _Columns(estimator)
    predictors = [predictor for predictors in rounds for predictor in predictors]
    for tree, predictor in enumerate(predictors, start=outputs):
        nodes = predictor.nodes
        (splits,) = np.nonzero(nodes["is_leaf"] == 0)
        values[tree, : len(nodes)] = np.where(nodes["is_leaf"], nodes["value"], 0)
        nodes = nodes[splits]
        columns[tree, splits] = names.of_feature[nodes["feature_idx"]]
        children[tree, splits] = np.stack([nodes["left"], nodes["right"]], axis=1)
        sent_right[tree, splits] = np.arange(256) > nodes["num_threshold"][:, None]
        for split, node in zip(splits, nodes, strict=True):
            if node["is_categorical"]:
                # The set of values that go left, by rank among the values seen; others go where missing ones go.
                seen = names.categories[names.of_feature[node["feature_idx"]]]
                bits = predictor.raw_left_cat_bitsets[node["bitset_idx"]].astype("<u4").view(np.uint8)
                goes_left = np.unpackbits(bits, bitorder="little", count=len(seen))
                sent_right[tree, split] = not node["missing_go_to_left"]
                sent_right[tree, split, seen] = goes_left == 0
    return Trees(columns, np.packbits(sent_right, axis=2, bitorder="little"), children, values)


class _Columns:
    """Columns of the inputs by scikit-learn's features: categorical columns come first."""

    def __init__(self, estimator: Any) -> None:
        categorical: BoolArray | None = estimator.is_categorical_
        count = estimator.n_features_in_
        if categorical is None:
            self.of_feature, self.categories = np.arange(count), {}
            return
        (first,), (rest,) = np.nonzero(categorical), np.nonzero(~categorical)
        self.of_feature = np.concatenate([first, rest])
        seen = estimator._preprocessor.named_transformers_["encoder"].categories_
        self.categories = dict(zip(first, seen, strict=True))


def _own_indices(nodes: int) -> UInt8Array:
    """Return the index of each node, `uint8[nodes, 1]`: the children of a leaf."""
    return np.arange(nodes, dtype=np.uint8)[:, None]
