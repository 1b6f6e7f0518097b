"""The critic: log-odds that a voice is real rather than written by the writer, from its label, parameters and sound.

It is the discriminator of discriminator rejection sampling (Azadi et al., 2019), trained after the writer, on real and
on written voices. Boosted trees: a transformer of 600 steps could not distinguish the two (area under the ROC curve .50
on held-out voices), while trees do so within seconds, since they test single values and their bounds: .70 from the
parameters alone, .74 by ear as well (`python -m studies.critic HOME`).

scikit-learn fits the trees, but its estimator is not kept. A pickle of it runs foreign code, and skops builds objects
whose C code follows stored indices unchecked. Plain arrays, checked and walked by `Critic`, give the same bits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from deepdx_core.arrays import Float64Array, UInt8Array, UInt16Array
from deepdx_core.dataset.arrays import Voices
from deepdx_core.sound.feature_bytes import FEATURE_BYTES
from deepdx_core.voice.parameters import PARAMETERS

MAX_LABELS = 255
"""Number of categories that scikit-learn's histogram trees can distinguish."""

_TREES, _LEAVES = 300, 31
_EARLIER_TREES = 100  # of models of formats before 5
_NODES = 2 * _LEAVES - 1
_BYTES = 1 + len(PARAMETERS)
_MAX_VALUE = 1e9  # of a leaf, so that no sum overflows; fitted values stay below 1
_VOICES_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Critic:
    """Boosted trees over the bytes of a voice: its label id, its 145 parameters, and by ear its audio features.

    Every array begins with the axes tree and node. Node 0 is the root. A split sends a voice to a later node of its
    tree; a leaf is its own child. The first tree is a single leaf, the log-odds before any test.

    columns: byte that a split tests, `uint16[trees, 61]`.
    sent_right: values of this byte that go right, as 256 bits, the lowest first, `uint8[trees, 61, 32]`.
    children: left and right child, `uint8[trees, 61, 2]`.
    values: log-odds that a leaf adds, `float64[trees, 61]`.
    by_ear: whether the bytes include audio features.

    Raises ValueError if the arrays have other types or shapes, or could lead out of a tree or around in a circle.
    """

    columns: UInt16Array
    sent_right: UInt8Array
    children: UInt8Array
    values: Float64Array
    by_ear: bool = False

    def __post_init__(self) -> None:
        trees = _EARLIER_TREES if len(self.values) == 1 + _EARLIER_TREES else _TREES
        shape_of_nodes = 1 + trees, _NODES
        for name, dtype, shape in (
            ("columns", np.uint16, shape_of_nodes),
            ("sent_right", np.uint8, (*shape_of_nodes, 32)),
            ("children", np.uint8, (*shape_of_nodes, 2)),
            ("values", np.float64, shape_of_nodes),
        ):
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != shape:
                raise ValueError(f"critic/{name} must be {np.dtype(dtype)}{list(shape)}")
        if self.columns.max() >= _BYTES + self.by_ear * FEATURE_BYTES:
            raise ValueError(f"critic/columns must be below {_BYTES + self.by_ear * FEATURE_BYTES}")
        if (self.children < _own_indices()).any() or self.children.max() >= _NODES:
            raise ValueError("critic/children must be the node itself or later nodes of its tree")
        if not (np.abs(self.values) <= _MAX_VALUE).all():
            raise ValueError(f"critic/values must be finite and within {_MAX_VALUE:g}")

    def realness(self, voices: Voices, sound: UInt8Array | None = None) -> Float64Array:
        """Return the log-odds that each voice is real rather than written, `float64[n]`.

        sound: the voices' audio features by `feature_bytes`, for a critic by ear.
        """
        if self.by_ear != (sound is not None):
            raise ValueError("a critic by ear needs the sound of the voices, and no other does")
        inputs, odds = _inputs(voices, sound), np.empty(len(voices))
        for start in range(0, len(voices), _VOICES_AT_ONCE):
            some = slice(start, start + _VOICES_AT_ONCE)
            odds[some] = self._sum_leaves(inputs[some])
        return odds

    def _sum_leaves(self, inputs: UInt8Array) -> Float64Array:
        """Walk all trees at once: a step for every voice in every tree, until all have reached a leaf."""
        rows, trees = np.arange(len(inputs))[:, None], np.arange(len(self.values))
        nodes = np.zeros((len(inputs), len(trees)), dtype=np.uint8)
        while True:
            tested = inputs[rows, self.columns[trees, nodes]]
            right = self.sent_right[trees, nodes, tested >> 3] >> (tested & 7) & 1
            following = self.children[trees, nodes, right]
            if (following == nodes).all():
                # Added one by one, in the order of training, like scikit-learn: another order gives other last digits.
                return np.asarray(self.values[trees, nodes].cumsum(axis=1)[:, -1])
            nodes = following


def fit_critic(real: Voices, written: Voices, seed: int, sound: tuple[UInt8Array, UInt8Array] | None = None) -> Critic:
    """Fit a critic to real and written voices. Both classes have the same total weight, whatever their sizes.

    sound: audio features of the real and of the written voices, by `feature_bytes`, for a critic by ear.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    is_real = np.arange(len(real) + len(written)) < len(real)
    weights = np.where(is_real, len(written) / len(real), 1.0)
    trees = HistGradientBoostingClassifier(
        max_iter=_TREES, max_leaf_nodes=_LEAVES, categorical_features=[0], early_stopping=False, random_state=seed
    )
    with threadpool_limits(1, "openmp"):  # sums depend on how they are split among threads
        of_real, of_written = sound or (None, None)
        inputs = np.concatenate([_inputs(real, of_real), _inputs(written, of_written)])
        trees.fit(inputs, is_real, sample_weight=weights)
    return _to_arrays(trees, sound is not None)


def _to_arrays(trees: Any, by_ear: bool) -> Critic:
    """Copy the nodes out of a fitted classifier.

    scikit-learn has no public access to them. tests/generation/test_critic.py compares the results bit by bit.
    """
    shape = 1 + _TREES, _NODES
    columns, sent_right = np.zeros(shape, np.uint16), np.zeros((*shape, 256), np.bool_)
    children, values = np.broadcast_to(_own_indices(), (*shape, 2)).copy(), np.zeros(shape)
    values[0, 0] = trees._baseline_prediction.item()
    (labels,) = trees._preprocessor.named_transformers_["encoder"].categories_
    for tree, (predictor,) in enumerate(trees._predictors, start=1):
        nodes = predictor.nodes
        (splits,) = np.nonzero(nodes["is_leaf"] == 0)
        values[tree, : len(nodes)] = np.where(nodes["is_leaf"], nodes["value"], 0)
        nodes = nodes[splits]
        columns[tree, splits] = nodes["feature_idx"]
        children[tree, splits] = np.stack([nodes["left"], nodes["right"]], axis=1)
        sent_right[tree, splits] = np.arange(256) > nodes["num_threshold"][:, None]
        for split, node in zip(splits, nodes, strict=True):
            if node["is_categorical"]:
                # The set of labels that go left, by rank among the labels seen; others go where missing values go.
                bits = predictor.raw_left_cat_bitsets[node["bitset_idx"]].astype("<u4").view(np.uint8)
                goes_left = np.unpackbits(bits, bitorder="little", count=len(labels))
                sent_right[tree, split] = not node["missing_go_to_left"]
                sent_right[tree, split, labels] = goes_left == 0
    return Critic(columns, np.packbits(sent_right, axis=2, bitorder="little"), children, values, by_ear)


def _own_indices() -> UInt8Array:
    """Return the index of each node, `uint8[61, 1]`: the children of a leaf."""
    return np.arange(_NODES, dtype=np.uint8)[:, None]


def _inputs(voices: Voices, sound: UInt8Array | None) -> UInt8Array:
    """Return the bytes that the trees test, `uint8[n, 146]`, or more by ear."""
    columns = [voices.labels.astype(np.uint8)[:, None], voices.parameters]
    return np.concatenate(columns if sound is None else [*columns, sound], axis=1)
