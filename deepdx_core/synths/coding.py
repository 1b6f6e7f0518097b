"""How the bytes of records are stored in messages, whose data bytes have seven bits."""

from enum import StrEnum

import numpy as np

from deepdx_core.arrays import UInt8Array

_HEXADECIMAL = np.full(256, 255, dtype=np.uint8)
_HEXADECIMAL[list(b"0123456789ABCDEF")] = range(16)
_DIGITS = np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)


class Coding(StrEnum):
    """How the bytes of records are stored in a block."""

    PLAIN = "plain"
    NIBBLES = "nibbles"
    """Two bytes each, the low nibble first."""
    CHARACTERS = "characters"
    """Two characters from `0` to `?` each, the high nibble first."""
    HEXADECIMAL = "hexadecimal"
    """Two hexadecimal digits each."""


def decode_records(stored: UInt8Array, coding: Coding) -> UInt8Array:
    """Return records `uint8[n, size]` from the bytes stored for each. Anything that is no digit counts as F."""
    if coding is Coding.PLAIN:
        return stored.copy()
    low, high = (stored[:, ::2], stored[:, 1::2]) if coding is Coding.NIBBLES else (stored[:, 1::2], stored[:, ::2])
    if coding is Coding.HEXADECIMAL:
        low, high = _HEXADECIMAL[low], _HEXADECIMAL[high]
    return np.asarray((high & 15) << 4 | low & 15)


def encode_records(records: UInt8Array, coding: Coding) -> UInt8Array:
    """Undo `decode_records`."""
    if coding is Coding.PLAIN:
        return records
    low, high = records & 15, records >> 4
    if coding is Coding.NIBBLES:
        return np.stack([low, high], axis=2).reshape(len(records), -1)
    digits = np.stack([high, low], axis=2).reshape(len(records), -1)
    return _DIGITS[digits] if coding is Coding.HEXADECIMAL else np.asarray(digits + ord("0"))
