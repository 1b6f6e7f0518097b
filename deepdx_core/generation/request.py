"""Requests for voices: conditions on a sample, and how candidates for it are selected."""

from dataclasses import dataclass

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.voice.algorithms import ALGORITHMS


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class SamplingRequest:
    """Conditions on sampled voices; without them, voices follow the training set. Raises ValueError if out of range."""

    label: str | None = None
    """One of the model's labels."""

    algorithm: int | None = None
    """Algorithm as on the panel, 1 to 32."""

    temperature: float = 1.0
    """Below 1, likely values become likelier; above 1, unlikely ones. From 0.05 to 5."""

    novelty: float = 1.0
    """Factor on the distance of voices to their parents; at 1 it is that of real voices. Infinity: without parents."""

    like: UInt8Array | None = None
    """A voice, `uint8[145]`, to make variations of."""

    strength: float = 0.15
    """Share of the parameters in which variations differ from `like`, above 0."""

    between: tuple[UInt8Array, UInt8Array] | None = None
    """Two voices to interpolate: the sample leads from the first to the second. Excludes `like`."""

    choices: int = 4
    """Candidates per voice that the critic selects from, 1 to 256. With 1, it has no choice."""

    avoid_copies: bool = True
    """Reject candidates that differ in 5 or fewer parameters from a training voice, from `like` or from another voice
    of the sample. Without effect between two voices."""

    def __post_init__(self) -> None:
        if not 0.05 <= self.temperature <= 5:
            raise ValueError(f"temperature must be within 0.05 and 5, got {self.temperature}")
        if not self.novelty > 0:
            raise ValueError(f"novelty must be over 0, got {self.novelty}")
        if not 1 <= self.choices <= 256:
            raise ValueError(f"choices must be within 1 and 256, got {self.choices}")
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength must be over 0 and at most 1, got {self.strength}")
        if self.algorithm is not None and not 1 <= self.algorithm <= len(ALGORITHMS):
            raise ValueError(f"algorithm {self.algorithm} is not within 1 to {len(ALGORITHMS)}")
        if self.like is not None and self.between is not None:
            raise ValueError("`like` and `between` exclude each other")
        for voice in (self.like, *(self.between or ())):
            if voice is not None:
                require_legal(voice[None])


UNCONDITIONAL = SamplingRequest()
"""The request with all defaults."""
