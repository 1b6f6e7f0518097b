"""Adversarial random forests: the leaves of forests as a density, with likelihoods, fitted within a minute.

A forest learns to distinguish training voices from synthetic ones. These are drawn from its leaves, so that they are
harder to distinguish in each round. In the end, parameters are nearly independent within a leaf. Each label has a
forest. Source: Watson et al., "Adversarial random forests for density estimation and generative modeling", 2023.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.dataset.arrays import Voices
from deepdx_core.sound.rendering import count_cores

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

_COLUMNS = np.arange(len(MAXIMA))
_PRIOR_WEIGHT = 1.0
"""Number of voices, distributed as all of the label are, that `score` adds to each leaf; and of voices in each leaf."""
_STRIDE = 256  # more than any value


@dataclass(frozen=True)
class AdversarialForest:
    """Forests of `trees` trees after some rounds, with at least `leaf` voices in a leaf, training and synthetic ones.

    A label without training voices is taken for the most frequent one.
    """

    trees: int = 20
    leaf: int = 5
    rounds: int = 5

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedForests":
        """Return a generator with a forest for each label. It does not depend on the number of cores."""
        labels, counts = np.unique(train.labels, return_counts=True)
        forests = {label: self._fit(train.parameters[train.labels == label], seed) for label in labels.tolist()}
        return FittedForests(forests, int(labels[counts.argmax()]))

    def _fit(self, voices: UInt8Array, seed: int) -> "_Forest":
        from sklearn.ensemble import RandomForestClassifier

        random = np.random.default_rng(seed)
        model = RandomForestClassifier(self.trees, min_samples_leaf=self.leaf, random_state=seed, n_jobs=count_cores())
        leaves = np.zeros((len(voices), 1), np.int64)  # at first, one with all voices
        for _ in range(self.rounds):
            both = np.concatenate([voices, _draw(voices, leaves, len(voices), random)])
            leaves = model.fit(both, np.arange(len(both)) < len(voices)).apply(voices)
        return _Forest(model, voices, leaves)


@dataclass(frozen=True)
class _Forest:
    """The forest of a label, its training voices, `uint8[n, 145]`, and their leaves, `int64[n, trees]`."""

    model: "RandomForestClassifier"
    voices: UInt8Array
    leaves: Int64Array

    def score(self, parameters: UInt8Array) -> Float64Array:
        """Return the log-probability of each voice `uint8[m, 145]` that comes from the leaves it falls into."""
        from scipy.special import logsumexp

        counts = np.stack([np.bincount(column, minlength=_STRIDE) for column in self.voices.T])
        prior = (counts + 1) / (len(self.voices) + 1.0 + MAXIMA[:, None])  # [145, values]
        scores = []
        for tree, known, found in zip(
            self.model.estimators_, self.leaves.T, self.model.apply(parameters).T, strict=True
        ):
            keys, own = np.sort(_keys(known, self.voices), axis=None), _keys(found, parameters)
            equal = np.searchsorted(keys, own, "right") - np.searchsorted(keys, own, "left")  # [m, 145]
            size = np.bincount(known, minlength=tree.tree_.node_count)[found] + _PRIOR_WEIGHT
            share = size / (len(self.voices) + _PRIOR_WEIGHT * tree.get_n_leaves())
            values = (equal + _PRIOR_WEIGHT * prior[_COLUMNS, parameters]) / size[:, None]
            scores.append(np.log(share) + np.log(values).sum(axis=1))
        return np.asarray(logsumexp(scores, axis=0) - np.log(len(scores)))


@dataclass(frozen=True)
class FittedForests:
    """A forest for each label, and the most frequent label."""

    forests: dict[int, _Forest]
    common: int

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Return voices `uint8[n, 145]`, each with parameters of training voices in one leaf."""
        random = np.random.default_rng(seed)
        drawn = np.empty((len(labels), len(MAXIMA)), np.uint8)
        for forest, rows in self._by_forest(labels):
            drawn[rows] = _draw(forest.voices, forest.leaves, len(rows), random)
        return drawn

    def score(self, voices: Voices) -> Float64Array:
        """Return the log-probabilities of voices, `float64[n]`. All are finite, and rather too low than too high."""
        scores = np.empty(len(voices))
        for forest, rows in self._by_forest(voices.labels):
            scores[rows] = forest.score(voices.parameters[rows])
        return scores

    def _by_forest(self, labels: Int64Array) -> list[tuple[_Forest, Int64Array]]:
        known = np.where(np.isin(labels, list(self.forests)), labels, self.common)
        return [(self.forests[label], np.flatnonzero(known == label)) for label in np.unique(known).tolist()]


def _draw(voices: UInt8Array, leaves: Int64Array, count: int, random: np.random.Generator) -> UInt8Array:
    """Draw voices `uint8[count, 145]` from leaves of training voices, `int64[n, trees]`.

    A leaf of any tree is drawn in proportion to its training voices, and each parameter from one of these.
    """
    trees = leaves.shape[1]
    keys = (leaves + np.arange(trees) * (leaves.max() + 1)).ravel()
    order = np.argsort(keys, kind="stable")
    drawn = keys[random.integers(0, len(keys), (count, 1))]
    begins, ends = np.searchsorted(keys[order], drawn, "left"), np.searchsorted(keys[order], drawn, "right")
    rows = order[random.integers(begins, ends, (count, len(MAXIMA)))] // trees
    return np.asarray(voices[rows, _COLUMNS])


def _keys(leaves: Int64Array, parameters: UInt8Array) -> Int64Array:
    """Return leaf, parameter and value as one number, `int64[n, 145]`."""
    return np.asarray((leaves[:, None] * len(MAXIMA) + _COLUMNS) * _STRIDE + parameters)
