"""Requests for voices: conditions on a sample, and how candidates for it are selected."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from deepdx_core.arrays import BoolArray, Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.generation.orders import MAX_PARENTS
from deepdx_core.voice.parameters import INDEX, PARAMETERS
from deepdx_core.voice.parts import part_columns

Preference = Callable[[UInt8Array, pl.DataFrame | None], Float64Array]
"""Log-odds, `float64[n]`, of candidates `uint8[n, 145]`; with a table `audio_features` of them if they are rendered."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class SamplingRequest:
    """Conditions on sampled voices; without them, voices follow the training set. Raises ValueError if out of range."""

    label: str | None = None
    """One of the model's labels."""

    set: Mapping[str, int] = field(default_factory=dict)
    """Values of parameters by name, in every voice. As in `PARAMETERS`: the algorithm counts from 0."""

    temperature: float = 1.0
    """Below 1, likely values become likelier; above 1, unlikely ones. From 0.05 to 5."""

    novelty: float = 1.0
    """Factor on the distance of voices to their parents; at 1 it is that of real voices. Infinity: without parents."""

    like: UInt8Array | None = None
    """A voice, `uint8[145]`, to make variations of, or several, `uint8[n, 145]`, of which each varies one."""

    parents: UInt8Array | None = None
    """Two to eight voices, `uint8[n, 145]`, to breed: the sample are variations of their children. Excludes `like`."""

    keep: tuple[str, ...] = ()
    """Parts or parameters (`deepdx_core.voice.parts`) that stay as in `like`, in the first of `parents`, or else in the
    training voice that a voice derives from. `set` comes first."""

    strength: float = 0.15
    """Share of the parameters in which variations differ from `like`, or children from what they inherit, above 0.
    With `keep` or `set`, of those that may differ."""

    between: tuple[UInt8Array, UInt8Array] | None = None
    """Two voices to interpolate: the sample leads from the first to the second. Excludes `like`."""

    choices: int = 4
    """Candidates per voice, 1 to 256, among which critic and preferences select. With 1, nothing is selected."""

    preferences: tuple[Preference, ...] = ()
    """Functions whose log-odds are added to those of the critic; see `deepdx_core.generation.preferences`."""

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
        for name, value in self.set.items():
            if name not in INDEX:
                raise ValueError(f"set {name!r} is no parameter")
            if not 0 <= value <= PARAMETERS[INDEX[name]].maximum:
                raise ValueError(f"set {name} is {value}, its range is 0 to {PARAMETERS[INDEX[name]].maximum}")
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
        if not free.any():
            raise ValueError(f"{'keep' if self.keep else 'set'} leaves nothing to change")
        if self.between is not None and not free.all():
            raise ValueError(
                f"{'keep' if self.keep else 'set'} cannot be combined with `between`, whose ends are given"
            )
        if self.keep and np.isinf(self.novelty):
            raise ValueError("keep needs a voice to keep parts of, and an infinite `novelty` derives from none")

    @property
    def given(self) -> list[UInt8Array]:
        """The voices that the request names: those of `like`, the two ends of `between`, or `parents`."""
        return [
            *([] if self.like is None else np.atleast_2d(self.like)),
            *(self.between or ()),
            *(self.parents if self.parents is not None else ()),
        ]

    @property
    def of_writers(self) -> list[str]:
        """The keys that only a writer can fulfill, because it starts from a voice."""
        keys = [key for key in ("like", "parents", "between") if getattr(self, key) is not None]
        keys += ["keep"] if self.keep else []
        return keys if self.novelty == SamplingRequest.novelty else [*keys, "novelty"]

    @property
    def free(self) -> BoolArray:
        """The parameters that neither `keep` nor `set` determines, `bool[145]`."""
        free = np.ones(len(PARAMETERS), dtype=np.bool_)
        free[part_columns(self.keep)] = False
        free[self.set_columns] = False
        return free

    @property
    def set_columns(self) -> Int64Array:
        """The columns of the parameters in `set`, `int64[n]`, in its order."""
        return np.array([INDEX[name] for name in self.set], dtype=np.int64)

    def put_set_values(self, voices: UInt8Array) -> None:
        """Overwrite the parameters named in `set` with its values in all voices, `uint8[n, 145]`, in place."""
        voices[:, self.set_columns] = list(self.set.values())

    @property
    def too_close(self) -> int:
        """Number of differing parameters up to which two voices are close; -1 if voices may be close.

        It is 5, and with `keep` or `set` as large a share of the parameters that may differ.
        """
        if not self.avoid_copies or self.between is not None:
            return -1
        return round(MAX_DIFFERING * int(self.free.sum()) / len(PARAMETERS))


UNCONDITIONAL = SamplingRequest()
"""The request with all defaults."""
