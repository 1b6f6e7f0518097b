"""Voices without a header in any bytes: the evidence for each, the strongest first.

1. All of the data consists of records.
2. Records that follow each other without space: two likely voices or more.
3. Records at a constant stride, with other bytes between them: three likely voices or more.
4. Voices near each other at no constant stride, as in databases and archives: four likely voices or more.
5. A voice by itself: only one without doubt.

Where bytes could belong to several runs, the one with most legal records wins.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.candidates import Candidates, Class, find_candidates
from deepdx_core.codec.chains import Offsets, Run, find_chains, whole_run
from deepdx_core.codec.likelihood import LIKELY_VALUES, VERY_LIKELY_VALUES
from deepdx_core.codec.segments import RECORD_SIZE, Format
from deepdx_core.codec.voice_statistics import ALL, COMMON_IN_NAMES, SURE, find_best
from deepdx_core.voice.parameters import NAME_LENGTH

HEADERLESS_FORMATS = (Format.HEADERLESS_VMEM, Format.HEADERLESS_VCED, Format.HEADERLESS_VCED_156)
"""Formats of records without a header."""

_MAX_STRIDE = 4096
_STRIDES = 8
"""Strides that are tried in a stretch of data, the most frequent distances between likely voices."""

_LEAST_AT_A_STRIDE = 3
_HALF_A_BANK = 16
_LEAST_NEAR_EACH_OTHER = 4
_NEAR = 1024
"""Bytes between voices near each other."""


def find_runs(data: UInt8Array, formats: Sequence[Format]) -> list[Run]:
    """Return runs of voices in `data`, `uint8[n]`, in order."""
    if whole := [run for format_ in formats if (run := whole_run(data, format_))]:
        return [max(whole, key=lambda run: run.legal)]
    # A record of 156 bytes is one of 155 with a byte behind it.
    searched = [find_candidates(data, f) for f in formats if f is not Format.HEADERLESS_VCED_156]
    return find_runs_among(searched, formats)


def find_runs_among(found: Sequence[Candidates], formats: Sequence[Format]) -> list[Run]:
    """Return runs of the voices among candidates in the same data, one for each format, in order."""
    if not any(len(candidates.likely) for candidates in found):
        return []
    data, searched = found[0].data, {candidates.format: candidates for candidates in found}
    taken = np.zeros(len(data), dtype=bool)
    in_rows = [
        run for c, format_ in _by_format(searched, formats) for run in find_chains(c, RECORD_SIZE[format_], format_, 2)
    ]
    in_rows.sort(key=lambda run: run.offset)
    at_strides = [
        run
        for c in searched.values()
        if _count_outside(c, in_rows) >= _LEAST_AT_A_STRIDE
        for run in _find_at_strides(c)
    ]
    chosen = _choose(_settle_borders(data, in_rows) + at_strides, taken)
    for find in (_find_near_each_other, _find_alone):
        runs_at = np.sort(np.array([run.offset for run in chosen], dtype=np.intp))
        chosen += _choose([run for c in searched.values() for run in find(c.free_of(taken, runs_at))], taken)
    return sorted(chosen, key=lambda run: run.offset)


def _by_format(searched: dict[Format, Candidates], formats: Sequence[Format]) -> Iterator[tuple[Candidates, Format]]:
    """Yield formats with their candidates. A record of 156 bytes ends in a byte of six operator switches."""
    for format_ in formats:
        if format_ in searched:
            yield searched[format_], format_
        elif (unpacked := searched.get(Format.HEADERLESS_VCED)) and len(unpacked.likely):
            yield unpacked.with_switches(), format_


def _count_outside(candidates: Candidates, runs: list[Run]) -> int:
    """Return the number of likely voices outside `runs`."""
    inside = np.zeros(len(candidates.likely), dtype=bool)
    for run in runs:
        first, last = np.searchsorted(candidates.likely, [run.offset, run.end])
        inside[first:last] = True
    return int(np.count_nonzero(~inside))


def _find_at_strides(candidates: Candidates) -> list[Run]:
    """Return runs at the most frequent strides.

    They leave out few of the voices around them, unless they are half a bank long: voices near each other that are now
    and then at the same distance are no run.
    """
    offsets = candidates.likely
    distances = [np.empty(0, dtype=np.intp)]
    for skipped in range(1, 5):  # other candidates may stand between two voices
        apart = offsets[skipped:] - offsets[:-skipped]
        distances.append(apart[(apart > candidates.size) & (apart <= _MAX_STRIDE)])
    counts = np.bincount(np.concatenate(distances), minlength=_MAX_STRIDE + 1)
    strides = np.argsort(-counts, kind="stable")[:_STRIDES]
    strides = strides[counts[strides] >= _LEAST_AT_A_STRIDE - 1]
    if len(strides) == 0:
        return []
    voices = _best_of_overlapping(candidates).likely
    borders = np.append(0, np.flatnonzero(np.diff(voices) > candidates.size + _NEAR) + 1)

    def around(run: Run) -> int:
        first, last = np.searchsorted(voices, [run.offset, run.end])
        group = np.searchsorted(borders, [first, max(last - 1, first)], "right")
        return int(np.append(borders, len(voices))[group[1]] - borders[group[0] - 1])

    return [
        run
        for stride in strides
        for run in find_chains(candidates, int(stride), candidates.format, _LEAST_AT_A_STRIDE)
        if run.legal * 4 >= around(run) * 3 or run.legal >= _HALF_A_BANK
    ]


def _find_near_each_other(candidates: Candidates) -> list[Run]:
    best = _best_of_overlapping(candidates)
    if len(best.likely) < _LEAST_NEAR_EACH_OTHER:
        return []
    apart = (np.diff(best.likely) > best.size + _NEAR) | (np.diff(best.stretch) > 0)
    first = np.flatnonzero(apart) + 1
    groups = zip(np.split(best.likely, first), np.split(best.marks, first), strict=True)
    return [
        _with_tagged(candidates, group, int(np.count_nonzero(marks >= SURE)))
        for group, marks in groups
        if len(group) >= _LEAST_NEAR_EACH_OTHER and np.count_nonzero(marks >= SURE) * 2 >= len(group)
    ]


def _with_tagged(candidates: Candidates, offsets: Offsets, sure: int) -> Run:
    """Return the run of the voices at `offsets`, with those behind the same two bytes that do not prove themselves.

    Archives of objects have the length of a record before it: `C\\x80` in a pickle of Python.
    """
    data, size, found = candidates.data, candidates.size, len(offsets)
    tags = data[np.maximum(offsets, 2)[:, None] - [2, 1]]
    tag = np.median(tags, axis=0)
    if tag[0] != tag[1] and np.count_nonzero((tags == tag).all(axis=1)) * 4 >= found * 3:
        start, stop = max(int(offsets[0]) - _NEAR, 2), min(int(offsets[-1]) + _NEAR, len(data) - size + 1)
        tagged = start + np.flatnonzero((data[start - 2 : stop - 2] == tag[0]) & (data[start - 1 : stop - 1] == tag[1]))
        before = np.searchsorted(offsets, tagged)
        apart = tagged >= np.append(0, offsets + size)[before]
        apart &= tagged + size <= np.append(offsets, len(data))[before]
        tagged = tagged[apart]
        tagged = tagged[candidates.classify(tagged) >= Class.BROKEN]
        tagged = tagged[np.append(True, np.diff(tagged) >= size)[: len(tagged)]]
        offsets = np.sort(np.concatenate([offsets, tagged]))
    return Run(candidates.format, offsets, found, sure)


def _find_alone(candidates: Candidates) -> list[Run]:
    best = _best_of_overlapping(candidates)
    beyond_doubt = (best.marks >= SURE) & (best.scores(best.likely) >= VERY_LIKELY_VALUES)
    beyond_doubt |= best.marks >= ALL
    return [Run(best.format, offset[None], 1, 1) for offset in best.likely[beyond_doubt]]


def _best_of_overlapping(candidates: Candidates) -> Candidates:
    """Return the candidates with the values of voices, the best where several overlap."""
    if len(candidates.likely) == 0:
        return candidates
    few = np.zeros(len(candidates.likely), dtype=bool)
    few[find_best(candidates.likely, candidates.marks, candidates.size, 2)] = True
    candidates = candidates.where(few)
    scores = candidates.scores(candidates.likely)
    usual = scores >= LIKELY_VALUES
    candidates = candidates.where(usual)
    offsets, ranks = (
        candidates.likely.tolist(),
        list(zip(candidates.marks.tolist(), scores[usual].tolist(), strict=True)),
    )
    best: list[int] = []
    for i in range(len(offsets)):
        if best and offsets[i] - offsets[best[-1]] < candidates.size:
            if ranks[i] > ranks[best[-1]]:
                best[-1] = i
        else:
            best.append(i)
    kept = np.zeros(len(offsets), dtype=bool)
    kept[best] = True
    return candidates.where(kept)


def _choose(runs: list[Run], taken: BoolArray) -> list[Run]:
    """Return the runs with most legal records that are free of `taken` and of each other, and mark them there."""
    chosen = []
    for run in sorted(runs, key=lambda run: (-run.legal, -run.sure, run.offset - run.end, run.offset)):
        if part := _free_part(run, taken):
            taken[part.offset : part.end] = True
            chosen.append(part)
    return chosen


def _settle_borders(data: UInt8Array, runs: list[Run]) -> list[Run]:
    """Return runs, given in order, without the records that overlap the next run of the same format.

    Where bytes were lost, the broken voice may look legal with bytes of its neighbor: the end of a name at its start,
    or envelope rates at its end. The shared bytes show which voice they belong to.
    """
    settled: list[Run | None] = list(runs)
    for i in range(len(runs) - 1):
        earlier, later = settled[i], runs[i + 1]
        if earlier is None or later.format is not earlier.format:
            continue
        if not 0 < earlier.end - later.offset < RECORD_SIZE[earlier.format]:
            continue
        end_of_name = data[max(later.offset, earlier.end - NAME_LENGTH) : earlier.end]
        if np.all(COMMON_IN_NAMES[end_of_name]):
            settled[i + 1] = later.part(1, later.count)
        else:
            settled[i] = earlier.part(0, earlier.count - 1)
    return [run for run in settled if run is not None and run.count > 0]


def _free_part(run: Run, taken: BoolArray) -> Run | None:
    """Return a run without a record at either end that overlaps `taken`, None if others overlap or nothing is left."""
    size = RECORD_SIZE[run.format]
    if not taken[run.offset : run.end].any():
        return run
    overlapping = taken[run.offsets] | taken[run.offsets + size - 1]
    free = np.flatnonzero(~overlapping)
    if len(free) < max(1, run.count - 2) or free[-1] - free[0] != len(free) - 1:
        return None
    part = run.part(int(free[0]), int(free[-1]) + 1)
    return None if taken[part.offset : part.end].any() else part
