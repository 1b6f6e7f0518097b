"""Split bytes into segments: messages, runs of headerless voices between them, and junk."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from deepdx_core.codec.file_types import identify_file, is_text
from deepdx_core.codec.framing import next_message
from deepdx_core.codec.headerless import HEADERLESS_FORMATS, find_runs
from deepdx_core.codec.segments import RECORD_SIZE, Format, Kind, Segment
from deepdx_core.display import counted
from deepdx_core.voice.parameters import VMEM_VOICES

MAX_SEGMENTS = 2**19
"""Maximum number of segments of a file. The largest accepted file holds fewer single-voice dumps."""

UNREAD = "not read"
"""Description of the segment that holds the unread rest of a file."""

_MIN_RECORD_SIZE = min(RECORD_SIZE[format_] for format_ in HEADERLESS_FORMATS)
_HEADERLESS = {
    Format.HEADERLESS_VMEM: ("voice", "without a header"),
    Format.HEADERLESS_VCED: ("unpacked voice", "without a header"),
    Format.HEADERLESS_VCED_156: ("unpacked voice", "of 156 bytes without a header"),
}


def split(data: bytes) -> Iterator[Segment]:
    """Yield the segments of `data` in order, without gap or overlap, MAX_SEGMENTS at most: the last holds the rest."""
    segments = _split(data)
    yield from islice(segments, MAX_SEGMENTS - 1)
    if last := next(segments, None):
        rest = len(data) - last.offset
        unread = Segment(last.offset, rest, Kind.JUNK, UNREAD, f"more than {MAX_SEGMENTS:,} stretches")
        yield last if last.length == rest else unread


def junk(data: bytes, start: int, end: int) -> Segment:
    """Return the bytes from `start` to `end` as junk, described by the type of the file if they are its start."""
    what = (identify_file(data) if start == 0 else None) or "not a message"
    return Segment(start, end - start, Kind.JUNK, what)


def _split(data: bytes) -> Iterator[Segment]:
    done = 0
    while message := next_message(data, done):
        if message[0].offset > done:
            yield from _split_gap(data, done, message[0].offset)
        yield from message
        done = message[-1].offset + message[-1].length
    yield from _split_gap(data, done, len(data))


def _split_gap(data: bytes, start: int, end: int) -> Iterator[Segment]:
    """Split the bytes outside any message into runs of headerless voices and junk."""
    done = start
    if end - start >= _MIN_RECORD_SIZE and not is_text(data[start:end]):
        for run in find_runs(np.frombuffer(data, dtype=np.uint8)[start:end], HEADERLESS_FORMATS):
            if start + run.offset > done:
                yield junk(data, done, start + run.offset)
            size = RECORD_SIZE[run.format]
            voice, how = _HEADERLESS[run.format]
            # Banks of 32, so that slot numbers are those of the DX7's panel.
            for first in range(0, run.count, VMEM_VOICES):
                count = min(VMEM_VOICES, run.count - first)
                offset = start + run.offset + first * size
                payload = data[offset : offset + count * size]
                what = f"{counted(count, voice)} {how}"
                yield Segment(offset, len(payload), Kind.VOICES, what, format=run.format, payload=payload)
            done = start + run.end
    if done < end:
        yield junk(data, done, end)
