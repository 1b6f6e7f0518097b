"""Voices whose names stand apart from their parameters: before them, or after them with other bytes in between.

Parameters alone prove little. Only records at a constant stride count, eight or more, nearly all with every mark and
the values of a voice. Their names are the ten columns of the records that are text in nearly all.
"""

from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.chains import Run, link_at_stride
from deepdx_core.codec.likelihood import LIKELY_VALUES, score_values
from deepdx_core.codec.packing import unpack_records
from deepdx_core.codec.segments import RECORD_SIZE, Format
from deepdx_core.codec.voice_statistics import COMMON_IN_NAMES, find_best, find_legal_records, with_parameter_marks
from deepdx_core.voice.parameters import NAME_LENGTH

_LEAST = 8
_MAX_STRIDE = 1024
_STRIDES = 4
_BLOCK = 2**20
_MAX_GAP = 2
_SAMPLE = 64
"""Records in which names are looked for."""

_MIN_NAMED = 0.9


def find_nameless_runs(data: UInt8Array, format_: Format) -> list[Run]:
    """Return the runs of a format in `data`, `uint8[n]`, in order."""
    size = RECORD_SIZE[format_] - NAME_LENGTH
    offsets = _find_parameters(data, size, format_)
    runs: list[Run] = []
    for first, count, stride in _find_rows(offsets, size):
        row = first + stride * np.arange(count)
        name = _find_names(data, row, stride, size)
        if name is not None and (not runs or first + min(name, 0) >= runs[-1].end):
            runs.append(Run(format_, row, count, count, name))
    return runs


def name_runs(data: UInt8Array, runs: list[Run]) -> list[Run]:
    """Return runs in `data`, given in order. Those with each name before its parameters are read that way."""
    named: list[Run] = []
    for run, following in zip_longest(runs, runs[1:]):
        changed = _with_names_before(data, run)
        free = (not named or changed.offset >= named[-1].end) and (not following or changed.end <= following.offset)
        named.append(changed if free else run)
    return named


def _with_names_before(data: UInt8Array, run: Run) -> Run:
    """Return a run at a stride with the name of each voice before its parameters, if the data has that layout.

    Otherwise, return the run as it is: the name is behind.

    That layout has a name before the first record, and parameters without a name behind them after the last one.
    """
    strides, size = np.diff(run.offsets), RECORD_SIZE[run.format] - NAME_LENGTH
    if run.count < _LEAST or run.format is Format.HEADERLESS_VCED_156 or (strides != strides[0]).any():
        return run
    stride = int(strides[0])
    name, last = size - stride, int(run.offsets[-1]) + stride
    # Zeros before the first name look like a blank slot with that name.
    written = data[run.offsets[:, None] + np.arange(size)].any(axis=1)
    whole, run = run, run.part(int(np.argmax(written)), run.count)
    if run.offsets[0] + name < 0 or last + size > len(data):
        return whole
    at = np.array([run.offsets[0] + name, last + size])
    if not _are_names(data[at[:1, None] + np.arange(NAME_LENGTH)])[0]:
        return whole
    if at[1] + NAME_LENGTH <= len(data) and _are_names(data[at[1:, None] + np.arange(NAME_LENGTH)])[0]:
        return whole
    if last not in last - size + _find_parameters(data[last - size : last + size], size, run.format, 1):
        return whole
    return Run(run.format, np.append(run.offsets, last), run.legal + 1, run.sure, name)


def _find_parameters(data: UInt8Array, size: int, format_: Format, least: int = _LEAST) -> npt.NDArray[np.intp]:
    """Return the offsets of parameters with all marks and the values of a voice, at most two per record length."""
    found = []
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK + size - 1]
        offsets = find_legal_records(block, format_, named=False)
        for part in np.array_split(offsets, len(offsets) // _BLOCK * 16 + 1):
            found.append(start + with_parameter_marks(block, part, format_))
    offsets = np.concatenate([np.empty(0, dtype=np.intp), *found])
    if len(offsets) < least:
        return offsets[:0]
    offsets = offsets[find_best(offsets, np.zeros(len(offsets), dtype=np.intp), size, 16)]
    scores = np.concatenate([_score(data, part, size) for part in np.array_split(offsets, len(offsets) // 4096 + 1)])
    offsets, scores = offsets[scores >= LIKELY_VALUES], scores[scores >= LIKELY_VALUES]
    return offsets[find_best(offsets, scores.astype(np.intp), size, 2)]


def _score(data: UInt8Array, offsets: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.float32]:
    records = np.zeros((len(offsets), size + NAME_LENGTH), dtype=np.uint8)
    records[:, :size] = data[offsets[:, None] + np.arange(size)]
    parameters, _ = unpack_records(records)
    scores = score_values(parameters)
    # Few values in all are a pattern, not a voice.
    ascending = np.sort(parameters, axis=1)
    scores[1 + np.count_nonzero(ascending[:, 1:] != ascending[:, :-1], axis=1) < 10] = 0
    return scores


def _find_rows(offsets: npt.NDArray[np.intp], size: int) -> list[tuple[int, int, int]]:
    """Return first offset, count and stride of rows of parameters, in order; of overlapping ones, those with most."""
    if len(offsets) < _LEAST:
        return []
    distances = np.concatenate([offsets[skipped:] - offsets[:-skipped] for skipped in range(1, 4)])
    counts = np.bincount(distances[(distances >= size) & (distances <= _MAX_STRIDE)], minlength=_MAX_STRIDE + 1)
    rows: list[tuple[int, int, int, int]] = []
    for stride in np.argsort(-counts, kind="stable")[:_STRIDES]:
        if counts[stride] < _LEAST - 1:
            break
        order, linked = link_at_stride(offsets, int(stride), _MAX_GAP)
        ordered = offsets[order]
        first = np.flatnonzero(np.append(True, ~linked))
        found = np.diff(np.append(first, len(ordered)))
        start, last = ordered[first], ordered[first + found - 1]
        count = (last - start) // stride + 1
        for i in np.flatnonzero((found >= _LEAST) & (found * 8 >= count * 7)):
            rows.append((-int(found[i]), int(start[i]), int(count[i]), int(stride)))
    chosen: list[tuple[int, int, int]] = []
    for _, row_start, row_count, row_stride in sorted(rows):
        end = row_start + row_count * row_stride
        if all(end <= other or row_start >= other + n * step for other, n, step in chosen):
            chosen.append((row_start, row_count, row_stride))
    return sorted(chosen)


def _find_names(data: UInt8Array, offsets: npt.NDArray[np.intp], stride: int, size: int) -> int | None:
    """Return the distance from the parameters to the names, None if there are none.

    Of several texts, names differ most from voice to voice.
    """
    sample = offsets[np.unique(np.linspace(0, len(offsets) - 1, _SAMPLE).astype(np.intp))]
    best = None
    for at in [*range(size - stride, -NAME_LENGTH + 1), *range(size, stride - NAME_LENGTH + 1)]:
        if offsets[0] + at < 0 or offsets[-1] + at + NAME_LENGTH > len(data):
            continue
        names = data[sample[:, None] + at + np.arange(NAME_LENGTH)]
        share = float(_are_names(names).mean())
        if share >= _MIN_NAMED:
            rank = int(np.count_nonzero((names != names[len(names) // 2]).any(axis=0))), share
            if best is None or rank > best[0]:
                best = rank, at
    return best and best[1]


def _are_names(names: UInt8Array) -> BoolArray:
    printable = np.all(((names >= 32) & (names < 127)) | (names == 0), axis=1) & (names[:, 0] > 32)
    common: BoolArray = printable & (np.count_nonzero(COMMON_IN_NAMES[names], axis=1) >= 5)
    return common
