"""Search for runs of voices without a header: records that follow each other, with broken ones among them.

Time and memory are linear in the size of any data: it is searched in blocks, and where candidates are denser than real
voices ever are, only the best are examined.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.segments import RECORD_SIZE, Format
from deepdx_core.codec.voice_statistics import (
    ALL,
    COMMON_IN_NAMES,
    LIKELY,
    SURE,
    are_blank,
    are_legal,
    count_marks,
    find_best,
    find_legal_records,
)
from deepdx_core.voice.parameters import NAME_LENGTH, VMEM_SIZE, VMEM_VOICES

HEADERLESS_FORMATS = (Format.HEADERLESS_VMEM, Format.HEADERLESS_VCED, Format.HEADERLESS_VCED_156)
"""Formats of records without a header."""

_MAX_GAP = 4
"""Broken records in a row that a run may have between two likely ones."""

_BLOCK = 2**20  # offsets that are searched at once
_CANDIDATES = 2**16  # legal records whose marks are counted at once
_BANK_SIZE = VMEM_VOICES * VMEM_SIZE


@dataclass(frozen=True)
class Run:
    """`count` records that follow each other from `offset`. `legal` is the number of legal ones among them."""

    format: Format
    offset: int
    count: int
    legal: int

    @property
    def end(self) -> int:
        """Offset after the last record."""
        return self.offset + self.count * RECORD_SIZE[self.format]


def find_runs(data: UInt8Array, formats: tuple[Format, ...]) -> list[Run]:
    """Return runs of voices in `data`, `uint8[n]`, in order. Of overlapping runs, the one with most legal records wins.

    If all of `data` consists of records, at least half of them, blank ones aside, must be likely voices; broken records
    at its ends belong to the run. Otherwise at least half of a run must be sure voices, and broken records belong to it
    only between likely ones. A single likely voice must have all marks.
    """
    if whole := [run for format_ in formats if (run := _run_of_everything(data, format_))]:
        return [max(whole, key=lambda run: run.legal)]
    runs = sorted((run for format_ in formats for run in _find_runs(data, format_)), key=lambda run: run.offset)
    chosen: list[Run] = []
    taken = np.zeros(len(data), dtype=bool)
    for run in sorted(_settle_borders(data, runs), key=lambda run: (-run.legal, run.offset - run.end, run.offset)):
        if part := _free_part(run, taken):
            taken[part.offset : part.end] = True
            chosen.append(part)
    return sorted(chosen, key=lambda run: run.offset)


def _run_of_everything(data: UInt8Array, format_: Format) -> Run | None:
    """Return all of `data` as one run, None if it does not consist of records of that format."""
    size = RECORD_SIZE[format_]
    if len(data) == 0 or len(data) % size:
        return None
    offsets = np.arange(0, len(data), size)
    legal = are_legal(data.reshape(-1, size), format_)
    marks = count_marks(data, offsets, format_)
    likely = legal & (marks >= LIKELY)
    # If the records do not fill whole banks, the first may be a container's header; a broken voice would have marks.
    first = int(len(offsets) % VMEM_VOICES > 0 and len(offsets) > 1 and marks[0] < LIKELY)
    written = np.count_nonzero(~are_blank(data, offsets[first:], format_))
    if not likely.any() or np.count_nonzero(likely) * 2 < written:
        return None
    return Run(format_, first * size, len(offsets) - first, int(np.count_nonzero(legal[first:])))


def _find_runs(data: UInt8Array, format_: Format) -> list[Run]:
    """Return the runs of a format in the order of their offsets, at most 32 of them per length of a bank."""
    size = RECORD_SIZE[format_]
    # For each offset: 0 if no legal record begins there, otherwise 1 plus twice its marks.
    codes = np.zeros(len(data), dtype=np.uint8)
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK + size - 1]
        legal = find_legal_records(block, format_)
        if len(legal) == 0:
            continue
        for part in np.array_split(legal, len(legal) // _CANDIDATES + 1):
            codes[start + part] = 1 + 2 * count_marks(block, part, format_)
    likely = np.flatnonzero(codes >= 2 * LIKELY)
    if len(likely) == 0:
        return []
    found = [_find_runs_at(data, codes, int(phase), format_) for phase in np.unique(likely % size)]
    offsets, counts, legals = np.concatenate(found, axis=1)
    order = np.argsort(offsets, kind="stable")
    order = order[find_best(offsets[order], legals[order], _BANK_SIZE, VMEM_VOICES)]
    return [Run(format_, *map(int, run)) for run in zip(offsets[order], counts[order], legals[order], strict=True)]


def _find_runs_at(data: UInt8Array, codes: UInt8Array, phase: int, format_: Format) -> npt.NDArray[np.intp]:
    """Return offset, count and legal count, `intp[3, n]`, of the runs at `phase` plus multiples of the record size."""
    size = RECORD_SIZE[format_]
    at_phase = codes[phase::size]
    legal, marks = at_phase > 0, at_phase // 2
    likely = np.flatnonzero(marks >= LIKELY)
    apart = np.diff(likely) > _MAX_GAP + 1
    first, last = likely[np.append(True, apart)], likely[np.append(apart, True)]
    likely_count = np.diff(np.searchsorted(likely, first), append=len(likely))
    # From the first likely record to the last, plus the legal ones right beside them.
    illegal = np.concatenate([[-1], np.flatnonzero(~legal), [len(legal)]])
    first = illegal[np.searchsorted(illegal, first) - 1] + 1
    last = illegal[np.searchsorted(illegal, last)] - 1
    blank = np.zeros(len(legal), dtype=bool)
    # In a blank record only the name is over 0, so it has exactly one mark: its rest levels are 0.
    one_mark = np.flatnonzero(at_phase == 1 + 2 * 1)
    for part in np.array_split(one_mark, len(one_mark) // 4096 + 1):
        blank[part] = are_blank(data, phase + part * size, format_)

    def count_in_runs(flags: BoolArray) -> npt.NDArray[np.intp]:
        before = np.append(0, np.cumsum(flags))
        counts: npt.NDArray[np.intp] = before[last + 1] - before[first]
        return counts

    count = last - first + 1
    # A single voice, anywhere in a file, must leave no doubt.
    sure = np.where(likely_count > 1, count_in_runs(marks >= SURE), count_in_runs(marks >= ALL))
    runs = np.stack([phase + first * size, count, count_in_runs(legal)])
    return runs[:, sure * 2 >= count - count_in_runs(blank)]


def _settle_borders(data: UInt8Array, runs: list[Run]) -> list[Run]:
    """Return runs, given in order, without the records that overlap the next run of the same format.

    Where bytes were lost, the broken voice may look legal with bytes of its neighbor: the end of a name at its start,
    or envelope rates at its end. The shared bytes show which voice they belong to.
    """
    settled = list(runs)
    for i in range(len(settled) - 1):
        earlier, later = settled[i], settled[i + 1]
        size = RECORD_SIZE[earlier.format]
        if later.format is not earlier.format or not 0 < earlier.end - later.offset < size:
            continue
        end_of_name = data[max(later.offset, earlier.end - NAME_LENGTH) : earlier.end]
        if np.all(COMMON_IN_NAMES[end_of_name]):
            settled[i + 1] = replace(later, offset=later.offset + size, count=later.count - 1, legal=later.legal - 1)
        else:
            settled[i] = replace(earlier, count=earlier.count - 1, legal=earlier.legal - 1)
    return [run for run in settled if run.count > 0]


def _free_part(run: Run, taken: BoolArray) -> Run | None:
    """Return a run without a record at either end that overlaps `taken`, None if others overlap or nothing is left."""
    size = RECORD_SIZE[run.format]
    overlapping = taken[run.offset : run.end].reshape(run.count, size).any(axis=1)
    free = np.flatnonzero(~overlapping)
    if len(free) < max(1, run.count - 2) or free[-1] - free[0] != len(free) - 1:
        return None
    return replace(run, offset=run.offset + int(free[0]) * size, count=len(free), legal=min(run.legal, len(free)))
