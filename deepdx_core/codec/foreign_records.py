"""Records of 128 bytes that stand where packed voices do, but are none: 4-operator voices, and performances of a TX7.

Source: Yamaha TX81Z manual (4-operator VMEM), TX7 manual (performance memory, two blocks of 64 bytes in 128); both
checked on dumps of these instruments.
"""

import numpy as np

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.voice_statistics import COMMON_IN_NAMES
from deepdx_core.voice.parameters import VMEM_SIZE

_MIN_FOREIGN = 4
"""Records of a dump that are needed to name it."""

_FOUR_OPERATOR_NAME = slice(57, 67)
_PERFORMANCE_SIZE = 64
_PERFORMANCE_NAME = slice(34, 64)
# In a DX7 voice, these bytes of the names are curves or sensitivities: never printable.
_IN_FOUR_OPERATOR_NAME, _IN_PERFORMANCE_NAME = 62, 47
_IN_NAMES = (_IN_FOUR_OPERATOR_NAME, _IN_PERFORMANCE_NAME)

_CONTROL = bytes(range(32))
_PRINTABLE: BoolArray = (np.arange(256) >= 32) & (np.arange(256) < 127)

# Highest value of each byte: four operators of ten bytes, then the common parameters; 127 where unknown.
_OPERATOR = [31, 31, 31, 15, 15, 99, 127, 99, 63, 63]
_FOUR_OPERATOR_MAXIMA = np.full(VMEM_SIZE, 127, dtype=np.uint8)
_FOUR_OPERATOR_MAXIMA[:40] = _OPERATOR * 4
_FOUR_OPERATOR_MAXIMA[40:48] = [127, 99, 99, 99, 99, 127, 48, 12]


def describe_foreign(payload: bytes) -> str | None:
    """Return the kind of the records of 128 bytes in a payload if at least half of the written ones are of it."""
    if len(payload) < _MIN_FOREIGN * VMEM_SIZE or all(
        len(payload[at::VMEM_SIZE].translate(None, _CONTROL)) < _MIN_FOREIGN for at in _IN_NAMES
    ):
        return None
    records = np.frombuffer(payload, dtype=np.uint8).reshape(-1, VMEM_SIZE)
    written = np.count_nonzero(records.any(axis=1))
    for kind, are_of_kind in (("4-operator voices", _are_four_operator), ("TX7 performances", _are_performances)):
        count = np.count_nonzero(are_of_kind(records))
        if count and count * 2 >= written:
            return kind
    return None


def are_foreign(records: UInt8Array) -> BoolArray:
    """Return a mask of the records `uint8[n, 128]` that are 4-operator voices or performances, `bool[n]`."""
    return _are_four_operator(records) | _are_performances(records)


def _are_four_operator(records: UInt8Array) -> BoolArray:
    four: BoolArray = _PRINTABLE[records[:, _IN_FOUR_OPERATOR_NAME]]
    (named,) = np.nonzero(four)
    if len(named):
        names = records[named, _FOUR_OPERATOR_NAME]
        four[named] &= np.all(_PRINTABLE[names], axis=1) & (np.count_nonzero(COMMON_IN_NAMES[names], axis=1) >= 5)
        four[named] &= np.all(records[named] <= _FOUR_OPERATOR_MAXIMA, axis=1)
    return four


def _are_performances(records: UInt8Array) -> BoolArray:
    """Return a mask of the records that are two performances, or one and a block of zeros."""
    blocks = records.reshape(-1, _PERFORMANCE_SIZE)
    named: BoolArray = _PRINTABLE[blocks[:, _IN_PERFORMANCE_NAME]]
    if not named.any():
        return np.zeros(len(records), dtype=bool)
    named &= np.all(_PRINTABLE[blocks[:, _PERFORMANCE_NAME]], axis=1) & np.all(blocks < 128, axis=1)
    named, written = named.reshape(-1, 2), blocks.any(axis=1).reshape(-1, 2)
    performances: BoolArray = np.all(named | ~written, axis=1) & np.any(written, axis=1)
    return performances
