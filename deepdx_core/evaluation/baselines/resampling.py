"""Generators without a model of voices, which tell what a measure is worth: what they do well at is easily had."""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.dataset.arrays import Voices
from deepdx_core.voice.parameters import INDEX, OPERATORS

_OF_OPERATOR = INDEX["pitch_eg_rate_1"] // len(OPERATORS)
_BLOCKS = len(OPERATORS) + 1  # six operators, and what they share


@dataclass(frozen=True)
class Marginals:
    """Every parameter by itself, as training voices of any label have it: the ceiling of what can go wrong.

    Neither labels nor other parameters enter, so that its row is what nothing but ranges and habits gives.
    """

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedMarginals":
        """Remember the training voices' values."""
        return FittedMarginals(train.parameters)


@dataclass(frozen=True)
class FittedMarginals:
    """Values to draw from, `uint8[n, 145]`."""

    values: UInt8Array

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Each parameter from a voice of its own."""
        return _independent(self.values, len(labels), np.random.default_rng(seed))

    def score(self, voices: Voices) -> Float64Array:
        """The log-probability of voices, each value counted once more than it was seen."""
        total = np.zeros(len(voices))
        for column, maximum in enumerate(MAXIMA):
            counts = np.bincount(self.values[:, column], minlength=maximum + 1) + 1.0
            total += np.log(counts / counts.sum())[voices.parameters[:, column]]
        return total


@dataclass(frozen=True)
class Mutation:
    """A training voice of the label with each parameter, at a chance of `rate`, replaced by another training voice's.

    Copying wins against a classifier, which is why the distance to the closest training voice stands beside it.
    """

    rate: float = 0.1

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedMutation":
        """Remember the training voices."""
        return FittedMutation(train, self.rate)


@dataclass(frozen=True)
class FittedMutation:
    """Voices to change."""

    train: Voices
    rate: float

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Voices, each near one of the training voices."""
        random = np.random.default_rng(seed)
        voices = self.train.parameters[_of_labels(self.train.labels, labels, random)]
        changed = random.random(voices.shape) < self.rate
        return np.where(changed, _independent(self.train.parameters, len(labels), random), voices)


@dataclass(frozen=True)
class Crossover:
    """Each operator, and what the operators share, from a training voice of its own, all of the label."""

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedCrossover":
        """Remember the training voices."""
        return FittedCrossover(train)


@dataclass(frozen=True)
class FittedCrossover:
    """Voices to take apart."""

    train: Voices

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Voices of up to seven parents."""
        random = np.random.default_rng(seed)
        parents = [_of_labels(self.train.labels, labels, random) for _ in range(_BLOCKS)]
        blocks = np.minimum(np.arange(len(MAXIMA)) // _OF_OPERATOR, _BLOCKS - 1)  # [145]
        return self.train.parameters[np.stack(parents, axis=1)[:, blocks], np.arange(len(MAXIMA))]


def _independent(values: UInt8Array, count: int, random: np.random.Generator) -> UInt8Array:
    rows = random.integers(0, len(values), (count, values.shape[1]))
    return values[rows, np.arange(values.shape[1])]


def _of_labels(there: Int64Array, wished: Int64Array, random: np.random.Generator) -> Int64Array:
    """For each label wished, the row of a random voice that has it, `int64[n]`; of any, where none has."""
    order = np.argsort(there, kind="stable")
    begins, ends = np.searchsorted(there[order], wished, "left"), np.searchsorted(there[order], wished, "right")
    unknown = begins == ends
    begins, ends = np.where(unknown, 0, begins), np.where(unknown, len(there), ends)
    return np.asarray(order[random.integers(begins, ends)])
