"""Baselines without a model, which recombine training voices. A metric on which they do well is easy to satisfy."""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.dataset.arrays import Voices
from deepdx_core.voice.parameters import INDEX, OPERATORS

_OPERATOR_SIZE = INDEX["pitch_eg_rate_1"] // len(OPERATORS)
_BLOCKS = len(OPERATORS) + 1  # six operators, and the common parameters


@dataclass(frozen=True)
class Marginals:
    """Every parameter drawn independently from the training voices of all labels: the lower bound for a generator.

    Labels and other parameters are ignored, so its row shows how far single parameters alone go.
    """

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedMarginals":
        """Return a generator that keeps the training voices' values."""
        return FittedMarginals(train.parameters)


@dataclass(frozen=True)
class FittedMarginals:
    """Values to draw from, `uint8[n, 145]`."""

    values: UInt8Array

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Return voices `uint8[n, 145]`, each parameter from a different training voice."""
        return _draw_independently(self.values, len(labels), np.random.default_rng(seed))

    def score(self, voices: Voices) -> Float64Array:
        """Return the log-probabilities of voices, `float64[n]`, with add-one smoothing."""
        total = np.zeros(len(voices))
        for column, maximum in enumerate(MAXIMA):
            counts = np.bincount(self.values[:, column], minlength=maximum + 1) + 1.0
            total += np.log(counts / counts.sum())[voices.parameters[:, column]]
        return total


@dataclass(frozen=True)
class Mutation:
    """A training voice of the label, with each parameter replaced by another training voice's at probability `rate`.

    Copies deceive the classifier of the C2ST. So the distance to the closest training voice is reported beside it.
    """

    rate: float = 0.1

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedMutation":
        """Return a generator that keeps the training voices."""
        return FittedMutation(train, self.rate)


@dataclass(frozen=True)
class FittedMutation:
    """Voices to mutate."""

    train: Voices
    rate: float

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Return voices `uint8[n, 145]`, each close to a training voice."""
        random = np.random.default_rng(seed)
        voices = self.train.parameters[_draw_rows(self.train.labels, labels, random)]
        changed = random.random(voices.shape) < self.rate
        return np.where(changed, _draw_independently(self.train.parameters, len(labels), random), voices)


@dataclass(frozen=True)
class Crossover:
    """Each operator, and the common parameters, from a different training voice of the label."""

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedCrossover":
        """Return a generator that keeps the training voices."""
        return FittedCrossover(train)


@dataclass(frozen=True)
class FittedCrossover:
    """Voices to recombine."""

    train: Voices

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Return voices `uint8[n, 145]` of up to seven parents."""
        random = np.random.default_rng(seed)
        parents = [_draw_rows(self.train.labels, labels, random) for _ in range(_BLOCKS)]
        blocks = np.minimum(np.arange(len(MAXIMA)) // _OPERATOR_SIZE, _BLOCKS - 1)  # [145]
        return self.train.parameters[np.stack(parents, axis=1)[:, blocks], np.arange(len(MAXIMA))]


def _draw_independently(values: UInt8Array, count: int, random: np.random.Generator) -> UInt8Array:
    rows = random.integers(0, len(values), (count, values.shape[1]))
    return values[rows, np.arange(values.shape[1])]


def _draw_rows(labels: Int64Array, wanted: Int64Array, random: np.random.Generator) -> Int64Array:
    """Draw the row of a voice with each wanted label, `int64[n]`; of any label, if no voice has the wanted one."""
    order = np.argsort(labels, kind="stable")
    begins, ends = np.searchsorted(labels[order], wanted, "left"), np.searchsorted(labels[order], wanted, "right")
    missing = begins == ends
    begins, ends = np.where(missing, 0, begins), np.where(missing, len(labels), ends)
    return np.asarray(order[random.integers(begins, ends)])
