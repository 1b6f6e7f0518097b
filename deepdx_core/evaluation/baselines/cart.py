"""Sequential CART: a decision tree per parameter, the baseline that a neural model has to beat.

The algorithm is drawn given the label, then each parameter given the label and the parameters before it. A decision
tree predicts it, and its value is drawn from the training voices in the leaf that a voice falls into. Sources: Reiter,
"Using CART to generate partially synthetic public use microdata", 2005; Nowok, Raab and Dibben, "synthpop: Bespoke
creation of synthetic data in R", 2016.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deepdx_core.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.dataset.arrays import Voices
from deepdx_core.sound.rendering import count_cores
from deepdx_core.voice.parameters import INDEX, PARAMETERS

if TYPE_CHECKING:
    from sklearn.tree import BaseDecisionTree

_ORDER = [INDEX["algorithm"], *(i for i in range(len(MAXIMA)) if i != INDEX["algorithm"])]
"""The algorithm first, then as in the VCED format: operators 6 to 1, then the common parameters."""
_PRIOR_WEIGHT = 1.0
"""Number of voices, distributed as all training voices are, that `score` adds to each leaf."""
_STRIDE = 256  # more than any value


class _Tree(NamedTuple):
    """The tree of one parameter, and the values in its leaves.

    keys: `int64[n]`, leaf and value of each training voice as one number, ascending.
    begins, ends: `int64[nodes]`, range of each leaf's keys.
    prior: `float64[maximum + 1]`, probabilities of the values over all training voices.
    """

    tree: "BaseDecisionTree"
    keys: Int64Array
    begins: Int64Array
    ends: Int64Array
    prior: Float64Array

    def draw(self, features: Float32Array, chances: Float64Array) -> UInt8Array:
        """Draw a value for each voice from its leaf, `uint8[n]`, by `chances` between 0 and 1, `float64[n]`."""
        leaves = self.tree.apply(features)
        sizes = self.ends[leaves] - self.begins[leaves]
        places = self.begins[leaves] + (chances * sizes).astype(np.int64)
        return np.asarray(self.keys[places] % _STRIDE, dtype=np.uint8)

    def score(self, features: Float32Array, values: UInt8Array) -> Float64Array:
        """Return the log-probability of each value `uint8[n]`."""
        leaves = self.tree.apply(features).astype(np.int64)
        keys = leaves * _STRIDE + values
        equal = np.searchsorted(self.keys, keys, "right") - np.searchsorted(self.keys, keys, "left")
        sizes = self.ends[leaves] - self.begins[leaves]
        return np.asarray(np.log((equal + _PRIOR_WEIGHT * self.prior[values]) / (sizes + _PRIOR_WEIGHT)))


@dataclass(frozen=True)
class SequentialCart:
    """Sequential trees with at least `leaf` training voices in each leaf.

    threads: None for all cores; the trees do not depend on it.
    """

    leaf: int = 5
    threads: int | None = None

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedCart":
        """Return a generator with a tree for each parameter."""
        labels = int(train.labels.max()) + 1
        features = _label_features(train.labels, labels)
        features[:, labels:] = train.parameters[:, _ORDER]
        with ThreadPoolExecutor(self.threads or count_cores()) as executor:
            # The last trees take longest, so they go first.
            places = range(len(_ORDER) - 1, -1, -1)
            trees = list(
                executor.map(_fit_tree, repeat(features), repeat(labels), places, repeat(self.leaf), repeat(seed))
            )
        return FittedCart(tuple(reversed(trees)), labels)


@dataclass(frozen=True)
class FittedCart:
    """The trees, in the order in which parameters are drawn, and the number of labels."""

    trees: tuple[_Tree, ...]
    labels: int

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Return voices `uint8[n, 145]`, drawn parameter by parameter."""
        random = np.random.default_rng(seed)
        features = _label_features(labels, self.labels)
        for column, tree in enumerate(self.trees, self.labels):
            features[:, column] = tree.draw(features[:, :column], random.random(len(labels)))
        voices = np.empty((len(labels), len(_ORDER)), dtype=np.uint8)
        voices[:, _ORDER] = features[:, self.labels :]
        return voices

    def score(self, voices: Voices) -> Float64Array:
        """Return the log-probabilities of voices, `float64[n]`. All are finite, since each leaf has a prior."""
        features = _label_features(voices.labels, self.labels)
        features[:, self.labels :] = voices.parameters[:, _ORDER]
        total = np.zeros(len(voices))
        for column, tree in enumerate(self.trees, self.labels):
            total += tree.score(features[:, :column], voices.parameters[:, _ORDER[column - self.labels]])
        return total


def _label_features(labels: Int64Array, count: int) -> Float32Array:
    """Return the trees' features with only the labels filled in, `float32[n, count + 145]`.

    One column per label, then the parameters in `_ORDER`, still 0. A label that no training voice has is all 0.
    """
    features = np.zeros((len(labels), count + len(_ORDER)), dtype=np.float32, order="F")
    (known,) = np.nonzero(labels < count)
    features[known, labels[known]] = 1
    return features


def _fit_tree(features: Float32Array, labels: int, place: int, leaf: int, seed: int) -> _Tree:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    column = _ORDER[place]
    before, values = features[:, : labels + place], features[:, labels + place].astype(np.int64)
    kind = DecisionTreeClassifier if PARAMETERS[column].categorical else DecisionTreeRegressor
    tree = kind(min_samples_leaf=leaf, random_state=seed).fit(before, values)
    leaves = tree.apply(before).astype(np.int64)
    nodes = np.arange(tree.tree_.node_count)
    keys = np.sort(leaves * _STRIDE + values)
    counts = np.bincount(values, minlength=int(MAXIMA[column]) + 1) + 1.0
    begins, ends = np.searchsorted(keys, nodes * _STRIDE), np.searchsorted(keys, (nodes + 1) * _STRIDE)
    return _Tree(tree, keys, begins, ends, counts / counts.sum())
