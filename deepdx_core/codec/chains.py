"""Chains of records at a constant stride, judged record by record.

A chain goes from one likely voice to the next, over a few records that are none. It is cut where a record is another
kind of data, so that performances between voices, or behind them, never pass for voices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.candidates import Candidates, Class, candidates_in_a_row
from deepdx_core.codec.segments import RECORD_SIZE, Format
from deepdx_core.codec.voice_statistics import SURE, find_best
from deepdx_core.voice.parameters import NAME_LENGTH, VMEM_SIZE, VMEM_VOICES

_MAX_GAP = 4
"""Records in a row that a chain may have between two likely ones, and beside its ends."""

_BANK_SIZE = VMEM_VOICES * VMEM_SIZE
_CHAINS_AT_ONCE = 2**14

Offsets = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Run:
    """Voices of one dump: records of a format at `offsets`, `intp[n]`, ascending.

    legal, sure: numbers of records in range, and of those with the marks of a sure voice.
    name: distance from a record to its name if that is not in its place; the record then lacks its last ten bytes.
    """

    format: Format
    offsets: Offsets
    legal: int
    sure: int
    name: int | None = None

    @property
    def offset(self) -> int:
        """Offset of the first record, or of its name before it."""
        return int(self.offsets[0]) + min(self.name or 0, 0)

    @property
    def end(self) -> int:
        """Offset after the last record, or after its name behind it."""
        size = RECORD_SIZE[self.format]
        if self.name is not None:
            size = max(size - NAME_LENGTH, self.name + NAME_LENGTH)
        return int(self.offsets[-1]) + size

    @property
    def count(self) -> int:
        """Number of records."""
        return len(self.offsets)

    def payload(self, data: UInt8Array) -> bytes:
        """Return the bytes of its records in `data`, `uint8[n]`."""
        if self.name is None:
            return records_at(data, self.offsets, self.format)
        records = np.empty((self.count, RECORD_SIZE[self.format]), dtype=np.uint8)
        records[:, :-NAME_LENGTH] = data[self.offsets[:, None] + np.arange(records.shape[1] - NAME_LENGTH)]
        records[:, -NAME_LENGTH:] = data[self.offsets[:, None] + self.name + np.arange(NAME_LENGTH)]
        return records.tobytes()

    def part(self, start: int, stop: int) -> "Run":
        """Return the run of its records from `start` to `stop`."""
        return replace(
            self,
            offsets=self.offsets[start:stop],
            legal=min(self.legal, stop - start),
            sure=min(self.sure, stop - start),
        )


def records_at(data: UInt8Array, offsets: Offsets, format_: Format) -> bytes:
    """Return the bytes of the records of a format at `offsets` in `data`, `uint8[n]`."""
    records: UInt8Array = data[offsets[:, None] + np.arange(RECORD_SIZE[format_])]
    return records.tobytes()


def link_at_stride(offsets: Offsets, stride: int, gap: int) -> tuple[Offsets, BoolArray]:
    """Return the order of offsets by their place in a stride, `intp[n]`, and which of them the next continues.

    That is at most `gap` records between them: `bool[n - 1]`, in this order.
    """
    order = np.lexsort((offsets, offsets % stride))
    distance = np.diff(offsets[order])
    return order, (distance > 0) & (distance <= stride * (gap + 1)) & (distance % stride == 0)


def find_chains(candidates: Candidates, stride: int, format_: Format, least: int) -> list[Run]:
    """Return the runs of records `stride` bytes apart that the likely candidates belong to.

    A run has at least `least` likely voices; at least half of its records, blank ones aside, are sure. There are at
    most 32 runs per length of a bank.
    """
    if len(candidates.likely) < least:
        return []
    order, linked = link_at_stride(candidates.likely, stride, _MAX_GAP)
    offsets = candidates.likely[order]
    distance = np.diff(offsets)
    linked &= np.diff(candidates.stretch[order]) == 0
    first = np.flatnonzero(np.append(True, ~linked))
    count = np.diff(np.append(first, len(offsets)))
    sure = np.add.reduceat((candidates.marks[order] >= SURE).astype(np.intp), first)
    # Voices two or three strides apart are at another stride.
    steps = np.gcd.reduceat(np.append(0, np.where(linked, distance // stride, 0)), first)
    enough = (count >= least) & (sure * 2 >= count) & (steps == 1)
    first, count = first[enough], count[enough]
    starts, ends = offsets[first], offsets[first + count - 1]
    by_offset = np.argsort(starts, kind="stable")
    by_offset = by_offset[find_best(starts[by_offset], count[by_offset], _BANK_SIZE, VMEM_VOICES)]
    runs: list[Run] = []
    for start in range(0, len(by_offset), _CHAINS_AT_ONCE):
        part = by_offset[start : start + _CHAINS_AT_ONCE]
        runs.extend(_cut(candidates, starts[part], ends[part], stride, format_, least))
    return runs


def _cut(
    candidates: Candidates, starts: Offsets, ends: Offsets, stride: int, format_: Format, least: int
) -> Iterator[Run]:
    """Yield the runs in the chains from `starts` to `ends`, with the records right beside them."""
    room = len(candidates.data) - RECORD_SIZE[format_] - ends
    before, after = np.minimum(_MAX_GAP, starts // stride), np.minimum(_MAX_GAP, room // stride)
    counts = (ends - starts) // stride + 1 + before + after
    chain = np.repeat(np.arange(len(starts)), counts)
    step = np.arange(len(chain)) - np.repeat(np.cumsum(counts) - counts, counts)
    offsets = (starts - before * stride)[chain] + step * stride
    classes = candidates.classify(offsets)
    inside = (offsets >= starts[chain]) & (offsets <= ends[chain])
    kept = (classes >= Class.LEGAL) | (classes == Class.BLANK) | (inside & (classes >= Class.FILL))
    # A few other records keep their slots: legal ones, and any at all if a dump has nothing but its records.
    other = inside & (classes == Class.OTHER)
    if stride != RECORD_SIZE[format_]:
        other &= candidates.codes[offsets] > 0
        kept |= classes == Class.BROKEN  # beside records in a row, it may be a voice that lost bytes
    few = np.bincount(chain, other) * 4 < np.bincount(chain, inside)
    kept |= other & few[chain]

    begins = np.append(True, chain[1:] != chain[:-1])
    first = np.flatnonzero(kept & (begins | ~np.append(False, kept[:-1])))
    last = np.flatnonzero(kept & ~(np.append(kept[1:], False) & ~np.append(begins[1:], True)))

    def count(flags: BoolArray) -> Offsets:
        before = np.append(0, np.cumsum(flags))
        counts: Offsets = before[last + 1] - before[first]
        return counts

    voices, legal, blank = (
        count(flags) for flags in (classes == Class.VOICE, _are_legal(classes), _are_empty(classes))
    )
    sure = count(candidates.codes[offsets] >= 1 + 2 * SURE)
    for i in np.flatnonzero((voices >= least) & (sure * 2 >= last + 1 - first - blank)):
        yield Run(format_, offsets[first[i] : last[i] + 1].copy(), int(legal[i]), int(sure[i]))


def whole_run(data: UInt8Array, format_: Format) -> Run | None:
    """Return all of `data`, `uint8[n]`, as one run if it consists of records of a format, else None.

    At least half of the records, blank ones aside, must be likely voices, fewer than a quarter another kind of data,
    and each bank of 32 must have a voice. A single one may have a value or two out of range.
    """
    size = RECORD_SIZE[format_]
    if len(data) == 0 or len(data) % size:
        return None
    candidates = candidates_in_a_row(data, format_)
    offsets = np.arange(0, len(data), size)
    if len(offsets) == 1:
        return Run(format_, offsets, len(candidates.likely), 0) if candidates.is_single() else None
    classes = candidates.classify(offsets)
    # If the records do not fill whole banks, the first may be a container's header; a broken voice would have marks.
    if len(offsets) % VMEM_VOICES and classes[0] != Class.VOICE:
        offsets, classes = offsets[1:], classes[1:]
    is_voice, blank = classes == Class.VOICE, np.count_nonzero(_are_empty(classes))
    if np.count_nonzero(is_voice) * 2 < len(classes) - blank or (classes == Class.FOREIGN).any():
        return None
    if np.count_nonzero((classes == Class.OTHER) & (candidates.codes[offsets] == 0)) * 4 >= len(classes):
        return None
    if len(classes) % VMEM_VOICES and classes[-1] <= Class.FILL:
        return None  # bytes behind the voices, as in the last block of a disk
    if not np.logical_or.reduceat(is_voice, np.arange(0, len(classes), VMEM_VOICES)).all():
        return None
    if np.gcd.reduce(np.diff(np.flatnonzero(is_voice))) > 1 and np.count_nonzero(is_voice) > 2:
        return None  # at another stride
    sure = np.count_nonzero(candidates.codes[offsets] >= 1 + 2 * SURE)
    return Run(format_, offsets, int(np.count_nonzero(_are_legal(classes))), int(sure))


def _are_empty(classes: UInt8Array) -> BoolArray:
    empty: BoolArray = (classes == Class.BLANK) | (classes == Class.FILL)
    return empty


def _are_legal(classes: UInt8Array) -> BoolArray:
    legal: BoolArray = (classes >= Class.LEGAL) | (classes == Class.BLANK)
    return legal
