"""What a conversion did not carry over, voice by voice."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import BoolArray, UInt8Array

OUT_OF_RANGE = "values out of range"
"""The loss of a voice that was not legal on its own synth."""


@dataclass(frozen=True)
class Losses:
    """Reasons in words, and which of them apply to which voice: `bool[n, reasons]`."""

    reasons: tuple[str, ...]
    present: BoolArray

    def of_voice(self, voice: int) -> list[str]:
        """Return the reasons that apply to a voice."""
        return [self.reasons[i] for i in np.flatnonzero(self.present[voice])]

    def counts(self) -> dict[str, int]:
        """Return the number of voices by reason, for reasons that apply to any."""
        numbers = self.present.sum(axis=0)
        return {reason: int(number) for reason, number in zip(self.reasons, numbers, strict=True) if number}


def collect_losses(found: Mapping[str, BoolArray]) -> Losses:
    """Return losses from an array `bool[n]` for each reason."""
    return Losses(tuple(found), np.stack(list(found.values()), axis=1))


@dataclass(frozen=True)
class Converted:
    """Voices as DX7 voices: parameters `uint8[n, 145]`, all legal, and names `uint8[n, 10]`.

    possible: False for voices that have no counterpart at all, `bool[n]`; their parameters are those of INIT VOICE.
    losses: of every voice; for those without a counterpart also the reason why.
    """

    parameters: UInt8Array
    names: UInt8Array
    possible: BoolArray
    losses: Losses
