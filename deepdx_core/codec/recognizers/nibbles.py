"""Data in nibbles: each byte stored as two of four bits, as the E! board of Grey Matter and other hardware sends it.

The evidence is in the bytes: a row of values below 16 in which every other one is below 8, as the bytes of voices are
below 128. Either nibble may come first.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.segments import Kind, Reading, Segment, join_notes
from deepdx_core.codec.splitting import split
from deepdx_core.voice.parameters import VMEM_SIZE

_MIN_LENGTH = 2 * VMEM_SIZE
_SMALL = bytes(value < 16 for value in range(256))
_ROW = b"\1" * _MIN_LENGTH
_MAX_HIGH = 8  # high nibbles of 8 and more in a row, from F0, F7 and checksums


def recognize(data: bytes) -> Reading | None:
    """Read the voices in rows of nibbles. The rest is split like any data."""
    if _ROW not in data.translate(_SMALL):
        return None
    rows = _find_rows(np.frombuffer(data, dtype=np.uint8))
    found = [segment for start, end in rows for segment in _read_row(data, start, end)]
    if not found:
        return None
    segments: list[Segment] = []
    done = 0
    for segment in found:
        segments += _shift(split(data[done : segment.offset]), done)
        segments.append(segment)
        done = segment.offset + segment.length
    return Reading((*segments, *_shift(split(data[done:]), done)))


def _shift(segments: Iterator[Segment], by: int) -> Iterator[Segment]:
    return (replace(segment, offset=segment.offset + by) for segment in segments)


def _find_rows(data: UInt8Array) -> list[tuple[int, int]]:
    """Return the bounds of long rows of values below 16."""
    small = np.concatenate([[False], data < 16, [False]])
    edges = np.flatnonzero(small[1:] != small[:-1]).reshape(-1, 2)
    return [(int(start), int(end)) for start, end in edges[edges[:, 1] - edges[:, 0] >= _MIN_LENGTH]]


def _read_row(data: bytes, start: int, end: int) -> list[Segment]:
    """Return the voices in a row of nibbles, at their offsets in the file."""
    row = np.frombuffer(data, dtype=np.uint8)[start:end]
    large = [int(np.count_nonzero(row[side::2] >= 8)) for side in (0, 1)]
    high = int(large[1] < large[0])  # side of the high nibbles
    if large[high] > _MAX_HIGH or large[1 - high] <= _MAX_HIGH:
        return []
    found: list[Segment] = []
    for first in (high, 1 - high):
        pairs = row[first : first + (len(row) - first) // 2 * 2].reshape(-1, 2)
        ahead = int(first != high)  # place of the high nibble in a pair
        decoded = (pairs[:, ahead] << 4 | pairs[:, 1 - ahead]).tobytes()
        voices = [
            replace(segment, offset=start + first + 2 * segment.offset, length=2 * segment.length)
            for segment in split(decoded)
            if segment.kind is Kind.VOICES
        ]
        if sum(segment.voices for segment in voices) > sum(segment.voices for segment in found):
            found = voices
    return [replace(s, note=join_notes(s.note, "in nibbles")) for s in found]
