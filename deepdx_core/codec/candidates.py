"""Candidates for voices in any bytes: the offsets where a record would be legal, and how much it resembles a voice.

Time and memory are linear in the size of any data: it is searched in blocks, and where candidates are denser than real
voices ever are, only the best are examined.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, Float32Array, UInt8Array
from deepdx_core.codec.foreign_records import are_foreign
from deepdx_core.codec.likelihood import LIKELY_VALUES, score_values
from deepdx_core.codec.packing import MAXIMA, repack_vmem, unpack_records, unused_bits
from deepdx_core.codec.segments import RECORD_SIZE, Format
from deepdx_core.codec.voice_statistics import (
    COMMON_IN_NAMES,
    LIKELY,
    SURE,
    are_legal,
    count_illegal,
    count_marks,
    find_legal_records,
)
from deepdx_core.voice.parameters import VMEM_SIZE

_BLOCK = 2**20  # offsets that are searched at once
_AT_ONCE = 2**16  # legal records whose marks are counted at once
_CHUNK = 4096  # records

_MAX_ILLEGAL = 16
"""Bytes out of range that a broken voice may have. More make it another kind of data."""

_MAX_ILLEGAL_ALONE = 2
"""Bytes out of range that a voice may have that is all of a file."""


class Class(IntEnum):
    """What a record is, by its own bytes alone."""

    OTHER = 0
    """Another kind of data, or a voice broken beyond recognition."""
    FOREIGN = 1
    """A record of another synthesizer, or a performance."""
    FILL = 2
    """One value throughout, the name included: fill bytes, or an empty slot."""
    BLANK = 3
    """An empty slot: a legal record whose parameters are all 0."""
    BROKEN = 4
    """A voice with some values out of range."""
    LEGAL = 5
    """In range, without the marks of a voice, but with its usual values."""
    VOICE = 6


@dataclass(frozen=True)
class Candidates:
    """Candidates of a format in `data`.

    codes: `uint8[len(data)]`, 0 where no legal record begins, otherwise 1 plus twice its marks.
    likely: offsets of records with at least LIKELY marks that are not foreign, ascending. marks: of each of them.
    stretch: the number of runs that begin before each, since no run includes another.
    """

    format: Format
    data: UInt8Array
    codes: UInt8Array
    likely: npt.NDArray[np.intp]
    marks: UInt8Array
    stretch: npt.NDArray[np.intp]

    @property
    def size(self) -> int:
        """Bytes of a record."""
        return RECORD_SIZE[self.format]

    def with_switches(self) -> "Candidates":
        """Return the candidates that a byte of six operator switches follows: records of 156 bytes."""
        codes = np.zeros_like(self.codes)
        codes[: -self.size] = np.where(self.data[self.size :] < 64, self.codes[: -self.size], 0)
        return replace(self, codes=codes).where(codes[self.likely] > 0)

    def where(self, mask: BoolArray) -> "Candidates":
        """Return the candidates with the likely ones of a mask only."""
        return replace(self, likely=self.likely[mask], marks=self.marks[mask], stretch=self.stretch[mask])

    def free_of(self, taken: BoolArray, runs_at: npt.NDArray[np.intp]) -> "Candidates":
        """Return the candidates outside `taken`, `bool[len(data)]`; runs that were found begin at `runs_at`."""
        free = self.where(~(taken[self.likely] | taken[self.likely + self.size - 1]))
        return replace(free, stretch=np.searchsorted(runs_at, free.likely))

    def records(self, offsets: npt.NDArray[np.intp]) -> UInt8Array:
        """Return the bytes of the records that begin at `offsets`, `uint8[n, size]`."""
        found: UInt8Array = self.data[offsets[:, None] + np.arange(self.size)]
        return found

    def scores(self, offsets: npt.NDArray[np.intp]) -> Float32Array:
        """Return the likelihood of the values of the records at `offsets`, `float32[n]`."""
        parts = [_score(self.records(part)) for part in np.array_split(offsets, len(offsets) // _CHUNK + 1)]
        return np.concatenate(parts)

    def is_single(self) -> bool:
        """Return True if the data is one voice, with no more than two values out of range."""
        record = self.data[None, : self.size]
        if count_illegal(record, self.format)[0] > _MAX_ILLEGAL_ALONE:
            return False
        parameters, names = unpack_records(record)
        legal = np.minimum(parameters, MAXIMA)
        if self.size == VMEM_SIZE:
            mended = repack_vmem(legal, names, unused_bits(record))
        else:
            mended = np.concatenate([legal, record[:, len(MAXIMA) :]], axis=1)
        marks = count_marks(mended.reshape(-1), np.zeros(1, dtype=np.intp), self.format)
        return bool(marks[0] >= SURE and score_values(legal)[0] >= LIKELY_VALUES) or len(self.likely) > 0

    def classify(self, offsets: npt.NDArray[np.intp]) -> UInt8Array:
        """Return the `Class` of the record at each of `offsets`, `uint8[n]`."""
        codes = self.codes[offsets]
        classes = np.where(codes >= 1 + 2 * LIKELY, Class.VOICE, Class.OTHER).astype(np.uint8)
        doubtful = np.flatnonzero(classes == Class.OTHER)
        for part in np.array_split(doubtful, len(doubtful) // _CHUNK + 1):
            if len(part):
                classes[part] = _classify(self.records(offsets[part]), codes[part] > 0, self.format)
        return classes


def find_candidates(data: UInt8Array, format_: Format) -> Candidates:
    """Return the candidates for voices of a format in `data`, `uint8[n]`. Every offset is tried."""
    size = RECORD_SIZE[format_]
    codes = np.zeros(len(data), dtype=np.uint8)
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK + size - 1]
        legal = find_legal_records(block, format_)
        if len(legal) == 0:
            continue
        for part in np.array_split(legal, len(legal) // _AT_ONCE + 1):
            codes[start + part] = 1 + 2 * count_marks(block, part, format_)
    return _candidates(data, codes, np.flatnonzero(codes >= 1 + 2 * LIKELY), format_)


def candidates_in_a_row(data: UInt8Array, format_: Format) -> Candidates:
    """Return the candidates of a format in `data` that consists of records: at their offsets only."""
    offsets = np.arange(0, len(data), RECORD_SIZE[format_])
    offsets = offsets[are_legal(data.reshape(len(offsets), -1), format_)]
    codes = np.zeros(len(data), dtype=np.uint8)
    codes[offsets] = 1 + 2 * count_marks(data, offsets, format_)
    return _candidates(data, codes, offsets[codes[offsets] >= 1 + 2 * LIKELY], format_)


def _candidates(data: UInt8Array, codes: UInt8Array, likely: npt.NDArray[np.intp], format_: Format) -> Candidates:
    if RECORD_SIZE[format_] == VMEM_SIZE:
        for part in np.array_split(likely, len(likely) // _CHUNK + 1):
            codes[part[are_foreign(data[part[:, None] + np.arange(VMEM_SIZE)])]] = 1
        likely = likely[codes[likely] > 1]
    return Candidates(format_, data, codes, likely, codes[likely] // 2, np.zeros_like(likely))


def _score(records: UInt8Array) -> Float32Array:
    return score_values(unpack_records(records)[0])


def _classify(records: UInt8Array, legal: BoolArray, format_: Format) -> UInt8Array:
    """Return the class of records `uint8[n, size]` that are no likely voices."""
    classes = np.full(len(records), Class.OTHER, dtype=np.uint8)
    parameters, names = unpack_records(records)
    usual = score_values(parameters) >= LIKELY_VALUES
    named = np.count_nonzero(COMMON_IN_NAMES[names], axis=1) >= 5
    classes[usual & named & (count_illegal(records, format_) <= _MAX_ILLEGAL)] = Class.BROKEN
    classes[usual & legal] = Class.LEGAL
    if records.shape[1] == VMEM_SIZE:
        classes[are_foreign(records)] = Class.FOREIGN
    classes[legal & ~parameters.any(axis=1)] = Class.BLANK
    classes[(records == records[:, :1]).all(axis=1)] = Class.FILL
    return classes
