"""Orders of new voices as users place them, in texts and numbers. `fulfillment` executes them.

Nothing heavy is imported here: forms are made from these fields.
"""

from pydantic import BaseModel, Field

from deepdx_core.errors import DeepDXError
from deepdx_core.voice.parameters import VMEM_VOICES
from deepdx_core.voice.parts import PARTS, part_columns

REFERENCE = "FILE:SLOT or sound_id"
"""A voice as users name it; see `deepdx_core.exchange.references`."""
MAX_VOICES = VMEM_VOICES * 99
MAX_PARENTS = 8


class OrderError(DeepDXError):
    """An order is not valid. `key` is the one at fault; the reason names other keys in backticks."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class Order(BaseModel):
    """An order of new voices."""

    model: str | None = Field(
        default=None,
        description="Model that makes them: `gan` or `writer`, the best of its kind, or the beginning of an id in the "
        "table `models`. By default the champion.",
    )
    label: str | None = Field(
        default=None,
        description="Label, such as Pads, or category, such as electric-piano. By default any, as in the corpus.",
    )
    algorithm: int | None = Field(
        default=None, ge=1, le=32, description="Algorithm as on the panel, 1 to 32. By default any."
    )
    set: dict[str, int] = Field(
        default_factory=dict,
        description="Values of parameters in every voice, by name, such as `op1_coarse: 1`: any of the 145, with the "
        "values that the tables have.",
    )
    count: int = Field(
        default=VMEM_VOICES, ge=1, le=MAX_VOICES, description="Number of voices; more than 32 fill several banks."
    )
    seed: int = Field(default=0, ge=0, description="Random seed; the same seed gives the same banks.")
    temperature: float = Field(
        default=1.0, description="Sampling temperature; below 1 favors likely values, above 1 unlikely ones."
    )
    novelty: float | None = Field(
        default=None,
        description="Distance of a voice from the corpus voice it derives from, relative to the distances between real "
        "voices; 2 doubles it, inf derives from no voice. By default 1.",
    )
    like: str | None = Field(
        default=None,
        description=f"{REFERENCE} of a voice to generate variations of; slots count from 1. Or a recording of a note: "
        "voices that sound like it.",
    )
    parents: list[str] = Field(
        default_factory=list,
        description=f"Two to eight voices, each {REFERENCE}, to breed: each new voice takes whole operators from two.",
    )
    keep: list[str] = Field(
        default_factory=list,
        description="Parts that stay as in `like`, in the first of `parents`, or else in the corpus voice that a voice "
        "derives from: " + ", ".join(PARTS) + ". Or parameters.",
    )
    strength: float | None = Field(
        default=None,
        description="Share of parameters that change from `like`, or from what children inherit; with `keep` or `set`, "
        "of those that may change. By default 0.15, and 0.05 for a recording.",
    )
    between: list[str] = Field(
        default_factory=list,
        description=f"Two voices, each {REFERENCE}: generate steps from the first voice to the second.",
    )
    to_taste: bool = Field(
        default=False, description="Multiply the critic's odds by those that you would like a voice, by your ratings."
    )
    choices: int = Field(default=4, description="Number of candidates per voice, among which the critic chooses.")
    avoid_copies: bool = Field(default=True, description="Reject near copies of corpus voices and of each other.")
    by_ear: bool = Field(
        default=True, description="Render candidates, and reject the silent, endless and noisy ones by their sound."
    )

    @property
    def values(self) -> dict[str, int]:
        """The values of parameters that `set` and `algorithm` ask for."""
        return self.set if self.algorithm is None else {**self.set, "algorithm": self.algorithm - 1}


def check_order(order: Order) -> None:
    """Raise OrderError for keys that exclude each other."""
    if order.between and len(order.between) != 2:
        raise OrderError("between", f"needs two voices, each {REFERENCE}")
    if order.parents and not 2 <= len(order.parents) <= MAX_PARENTS:
        raise OrderError("parents", f"needs 2 to {MAX_PARENTS} voices, each {REFERENCE}")
    if order.like is not None and order.between:
        raise OrderError("between", "cannot be combined with `like`")
    if order.parents and (order.like is not None or order.between):
        raise OrderError("parents", "cannot be combined with `like` or `between`")
    varied = order.like is not None or bool(order.parents)
    if order.strength is not None and not varied:
        raise OrderError("strength", "needs `like` or `parents`")
    for key in ("algorithm", "set", "keep"):
        if order.between and getattr(order, key):
            raise OrderError(key, "cannot be combined with `between`, whose ends are given")
    if "algorithm" in order.set:
        raise OrderError(
            "set", "algorithm counts from 0 in tables; use `algorithm`, which counts from 1 as on the panel"
        )
    try:
        part_columns(order.keep)
    except ValueError as error:
        raise OrderError("keep", str(error)) from error
    if order.novelty is not None and (varied or order.between):
        raise OrderError("novelty", "cannot be combined with `like`, `parents` or `between`")
