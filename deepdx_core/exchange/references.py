"""Voices as users name them: `FILE:SLOT`, or the id of a sound of the corpus."""

import re
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.inspection import NoVoiceError, load_voice
from deepdx_core.home import Home
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES

_FILE_AND_SLOT = re.compile(r"(.+):([1-9][0-9]{0,5})", re.DOTALL)
_SOUND_ID = re.compile("[0-9a-f]{20}")


class InvalidReferenceError(DeepDXError):
    """A text is neither `FILE:SLOT` nor a sound id."""


def read_voice(home: Home, reference: str) -> tuple[UInt8Array, str]:
    """Return the parameters of a voice, `uint8[145]`, all in range, and its name.

    The name of a file may contain colons. Raises InvalidReferenceError, NoVoiceError if there is no such voice or it is
    not legal, and the errors of `Tables.read` for a sound id.
    """
    if _SOUND_ID.fullmatch(reference):
        return _read_sound(home, reference)
    match = _FILE_AND_SLOT.fullmatch(reference)
    if match is None:
        raise InvalidReferenceError(f"{reference!r} is not FILE:SLOT, such as EPIANOS1.syx:5, or a sound_id")
    return load_voice(Path(match[1]), int(match[2]))


def _read_sound(home: Home, sound_id: str) -> tuple[UInt8Array, str]:
    found = Tables(home).read("unique_voices").filter(pl.col("sound_id") == sound_id)
    if found.is_empty():
        raise NoVoiceError(f"no sound {sound_id} in the corpus of {printable(str(home.root))}")
    if not found["in_range"][0]:
        raise NoVoiceError(f"sound {sound_id} has parameters out of range")
    return np.array(found.select(PARAMETER_NAMES).row(0), dtype=np.uint8), found["name"][0]
