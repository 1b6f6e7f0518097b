"""Sequential trees: the baseline that a neural model has to beat.

The algorithm is drawn given the label, then each parameter given the label and those before it: a decision tree is
taught to foretell it, and a value is drawn from the training voices in the leaf that a voice falls into. Source:
Reiter, "Using CART to generate partially synthetic public use microdata", 2005; Nowok, Raab and Dibben, "synthpop:
Bespoke creation of synthetic data in R", 2016.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.dataset.arrays import Voices
from deepdx_core.sound.audio_features import count_cores
from deepdx_core.voice.parameters import INDEX, PARAMETERS

if TYPE_CHECKING:
    from sklearn.tree import BaseDecisionTree

_Known = npt.NDArray[np.float32]

_ORDER = [INDEX["algorithm"], *(i for i in range(len(MAXIMA)) if i != INDEX["algorithm"])]
"""The algorithm first, then as in the VCED format: operators 6 to 1, and what they share."""
_WEIGHT_OF_ANY = 1.0
"""When a voice is scored, so many voices in each leaf count as if they were just any voices."""
_STRIDE = 256  # more than any value


class _Tree(NamedTuple):
    """A tree for one parameter, and what its leaves hold.

    keys: `int64[n]`, leaf and value of each training voice as one number, ascending.
    begins, ends: `int64[nodes]`, where each leaf's keys stand.
    any_voice: `float64[maximum + 1]`, the chances of the values over all voices.
    """

    tree: "BaseDecisionTree"
    keys: Int64Array
    begins: Int64Array
    ends: Int64Array
    any_voice: Float64Array

    def draw(self, known: _Known, chances: Float64Array) -> UInt8Array:
        """A value for each voice of which `known` is known, by `chances` between 0 and 1, `float64[n]`."""
        leaves = self.tree.apply(known)
        sizes = self.ends[leaves] - self.begins[leaves]
        places = self.begins[leaves] + (chances * sizes).astype(np.int64)
        return np.asarray(self.keys[places] % _STRIDE, dtype=np.uint8)

    def score(self, known: _Known, values: UInt8Array) -> Float64Array:
        """The log-probability of each value."""
        leaves = self.tree.apply(known).astype(np.int64)
        keys = leaves * _STRIDE + values
        alike = np.searchsorted(self.keys, keys, "right") - np.searchsorted(self.keys, keys, "left")
        sizes = self.ends[leaves] - self.begins[leaves]
        return np.asarray(np.log((alike + _WEIGHT_OF_ANY * self.any_voice[values]) / (sizes + _WEIGHT_OF_ANY)))


@dataclass(frozen=True)
class SequentialCart:
    """Sequential trees whose leaves hold at least `leaf` training voices.

    Labels enter as one column each. threads: the cores, if nothing is said; the trees do not depend on it.
    """

    leaf: int = 5
    threads: int | None = None

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedCart":
        """A tree for each parameter."""
        labels = int(train.labels.max()) + 1
        known = _known(train.labels, labels)
        known[:, labels:] = train.parameters[:, _ORDER]
        with ThreadPoolExecutor(self.threads or count_cores()) as executor:
            # The last trees take longest, and so go first.
            places = range(len(_ORDER) - 1, -1, -1)
            trees = list(
                executor.map(_fit_tree, repeat(known), repeat(labels), places, repeat(self.leaf), repeat(seed))
            )
        return FittedCart(tuple(reversed(trees)), labels)


@dataclass(frozen=True)
class FittedCart:
    """The trees, in the order in which parameters are drawn, and how many labels there are."""

    trees: tuple[_Tree, ...]
    labels: int

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Voices, parameter after parameter."""
        random = np.random.default_rng(seed)
        known = _known(labels, self.labels)
        for place, tree in enumerate(self.trees, self.labels):
            known[:, place] = tree.draw(known[:, :place], random.random(len(labels)))
        return _voices(known[:, self.labels :])

    def score(self, voices: Voices) -> Float64Array:
        """The log-probability of voices. To each leaf belongs any voice too: none is impossible."""
        known = _known(voices.labels, self.labels)
        known[:, self.labels :] = voices.parameters[:, _ORDER]
        total = np.zeros(len(voices))
        for place, tree in enumerate(self.trees, self.labels):
            total += tree.score(known[:, :place], voices.parameters[:, _ORDER[place - self.labels]])
        return total


def _known(labels: Int64Array, count: int) -> _Known:
    """What trees are asked by, `float32[n, count + 145]`: a column a label, then parameters in `_ORDER`, still 0.

    A label that no training voice has is no label at all.
    """
    known = np.zeros((len(labels), count + len(_ORDER)), dtype=np.float32, order="F")
    (there,) = np.nonzero(labels < count)
    known[there, labels[there]] = 1
    return known


def _voices(values: _Known) -> UInt8Array:
    voices = np.empty(values.shape, dtype=np.uint8)
    voices[:, _ORDER] = values
    return voices


def _fit_tree(known: _Known, labels: int, place: int, leaf: int, seed: int) -> _Tree:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    column = _ORDER[place]
    before, values = known[:, : labels + place], known[:, labels + place].astype(np.int64)
    kind = DecisionTreeClassifier if PARAMETERS[column].categorical else DecisionTreeRegressor
    tree = kind(min_samples_leaf=leaf, random_state=seed).fit(before, values)
    leaves = tree.apply(before).astype(np.int64)
    nodes = np.arange(tree.tree_.node_count)
    keys = np.sort(leaves * _STRIDE + values)
    counts = np.bincount(values, minlength=int(MAXIMA[column]) + 1) + 1.0
    begins, ends = np.searchsorted(keys, nodes * _STRIDE), np.searchsorted(keys, (nodes + 1) * _STRIDE)
    return _Tree(tree, keys, begins, ends, counts / counts.sum())
