"""The interface of generators that the protocol evaluates. No generator itself."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.arrays import Voices


class Generator(Protocol):
    """A fitted generator of voices."""

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Return a legal voice `uint8[n, 145]` for each label `int64[n]`; the same for the same seed."""


@runtime_checkable
class Scorer(Protocol):
    """A generator that also has likelihoods."""

    def score(self, voices: Voices) -> Float64Array:
        """Return the log-probability of each voice given its label, in nats, `float64[n]`."""


class Method(Protocol):
    """A way to fit a generator. It never sees test voices."""

    def fit(self, train: Voices, validation: Voices, seed: int) -> Generator:
        """Return a generator fitted on `train`; `validation` is for choices such as early stopping."""


@dataclass(frozen=True)
class Pretrained:
    """A pretrained generator as a method. Fitting is a no-op; its time is not reported."""

    generator: Generator

    def fit(self, train: Voices, validation: Voices, seed: int) -> Generator:
        """Return the generator, unchanged."""
        return self.generator
