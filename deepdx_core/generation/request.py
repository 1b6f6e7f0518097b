"""Requests for voices: conditions on a sample, and how candidates for it are selected."""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.generation.orders import MAX_PARENTS
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX, PARAMETERS
from deepdx_core.voice.parts import part_columns


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

    parents: UInt8Array | None = None
    """Two to eight voices, `uint8[n, 145]`, to breed: the sample are variations of their children. Excludes `like`."""

    keep: tuple[str, ...] = ()
    """Parts or parameters (`deepdx_core.voice.parts`) that stay as in `like`, or in the first of `parents`."""

    strength: float = 0.15
    """Share of the parameters in which variations differ from `like`, or children from what they inherit, above 0.
    With `keep`, of those that may differ."""

    between: tuple[UInt8Array, UInt8Array] | None = None
    """Two voices to interpolate: the sample leads from the first to the second. Excludes `like`."""

    choices: int = 4
    """Candidates per voice that the critic selects from, 1 to 256. With 1, it has no choice."""

    avoid_copies: bool = True
    """Reject candidates that are close to a training voice, to `like`, to one of `parents` or to another voice of the
    sample; see `too_close`. Without effect between two voices."""

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
        if sum(given is not None for given in (self.like, self.between, self.parents)) > 1:
            raise ValueError("`like`, `between` and `parents` exclude each other")
        if self.parents is not None and not 2 <= len(self.parents) <= MAX_PARENTS:
            raise ValueError(f"parents must be 2 to {MAX_PARENTS} voices, got {len(self.parents)}")
        for voice in self.given:
            require_legal(voice[None])
        try:
            free = self.free
        except ValueError as error:
            raise ValueError(f"keep {error}") from error
        if self.keep and self.like is None and self.parents is None:
            raise ValueError("keep needs `like` or `parents`")
        if not free.any():
            raise ValueError("keep leaves nothing to change")
        if self.algorithm is not None and not free[INDEX["algorithm"]]:
            raise ValueError("algorithm cannot be combined with `keep` of the algorithm")

    @property
    def given(self) -> list[UInt8Array]:
        """The voices that the request names: `like`, the two ends of `between`, or `parents`."""
        return [
            *([] if self.like is None else [self.like]),
            *(self.between or ()),
            *(self.parents if self.parents is not None else ()),
        ]

    @property
    def of_writers(self) -> list[str]:
        """The keys that only a writer can fulfill, because it starts from a voice."""
        keys = [key for key in ("like", "parents", "between") if getattr(self, key) is not None]
        return keys if self.novelty == SamplingRequest.novelty else [*keys, "novelty"]

    @property
    def free(self) -> BoolArray:
        """The parameters that may differ from `like` or the first of `parents`, `bool[145]`."""
        free = np.ones(len(PARAMETERS), dtype=np.bool_)
        free[part_columns(self.keep)] = False
        return free

    @property
    def too_close(self) -> int:
        """Number of differing parameters up to which two voices are close; -1 if voices may be close.

        It is 5, and with `keep` as large a share of the parameters that may differ.
        """
        if not self.avoid_copies or self.between is not None:
            return -1
        return int(MAX_DIFFERING * self.free.sum() / len(PARAMETERS))


UNCONDITIONAL = SamplingRequest()
"""The request with all defaults."""
