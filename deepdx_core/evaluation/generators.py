"""What a generator must be able to do to be judged, and no generator itself."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.arrays import Voices


class Generator(Protocol):
    """What has learned, and makes voices."""

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """A legal voice for each of these labels, `int64[n]`, as `uint8[n, 145]`; the same seed gives the same."""


@runtime_checkable
class Scorer(Protocol):
    """A generator that can also say how likely a voice is."""

    def score(self, voices: Voices) -> Float64Array:
        """The log-probability of each voice given its label, in nats, `float64[n]`."""


class Method(Protocol):
    """How a generator is taught. Test voices are kept from it: it is handed training and validation voices only."""

    def fit(self, train: Voices, validation: Voices, seed: int) -> Generator:
        """A generator taught with `train`; what is chosen is chosen by `validation`."""


@dataclass(frozen=True)
class Pretrained:
    """A generator that has already been taught, as a method: fitting costs nothing, and is not reported."""

    generator: Generator

    def fit(self, train: Voices, validation: Voices, seed: int) -> Generator:
        """The generator as it is."""
        return self.generator
