"""Split bytes into segments: each recognizer of stretches is tried on the bytes that those before it left over."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

from deepdx_core.codec.file_types import identify_file
from deepdx_core.codec.recognizers import messages, midi_files, nameless_records, records, spoiled_dumps
from deepdx_core.codec.segments import Kind, Segment
from deepdx_core.voice.parameters import VMEM_NAME

Finder = Callable[[bytes], Iterator[Segment]]
"""Yields what it recognizes in a stretch of bytes: segments in order, without overlap, at offsets in the stretch."""

FINDERS: tuple[Finder, ...] = (
    midi_files.find,  # first, since packets of a message are in no other way together
    messages.find,
    spoiled_dumps.find,  # so that none below finds voices in destroyed data
    records.find,
    nameless_records.find,
)
"""All recognizers of stretches, in the order in which they are tried."""

MAX_SEGMENTS = 2**19
"""Maximum number of segments of a file. The largest accepted file holds fewer single-voice dumps."""

_SMALLEST, _START = VMEM_NAME, b"\xf0"
"""Bytes of the smallest record, one without a name, and the first byte of any message."""

UNREAD = "not read"
"""Description of the segment that holds the unread rest of a file."""


def split(data: bytes) -> Iterator[Segment]:
    """Yield the segments of `data` in order, without gap or overlap, MAX_SEGMENTS at most: the last holds the rest."""
    segments = _split(data, 0, 0)
    yield from islice(segments, MAX_SEGMENTS - 1)
    if last := next(segments, None):
        rest = len(data) - last.offset
        unread = Segment(last.offset, rest, Kind.JUNK, UNREAD, f"more than {MAX_SEGMENTS:,} stretches")
        yield last if last.length == rest else unread


def junk(data: bytes, start: int, end: int) -> Segment:
    """Return the bytes from `start` to `end` as junk, described by the type of the file if they are its start."""
    return _junk(data[start:end], start)


def _junk(stretch: bytes, offset: int) -> Segment:
    what = (identify_file(stretch) if offset == 0 else None) or "not a message"
    return Segment(offset, len(stretch), Kind.JUNK, what)


def _split(stretch: bytes, offset: int, tried: int) -> Iterator[Segment]:
    """Yield the segments of a stretch that begins at `offset` of the file and that `tried` recognizers left over."""
    if tried == len(FINDERS) or (0 < len(stretch) < _SMALLEST and _START not in stretch):
        yield _junk(stretch, offset)
        return
    done = 0
    for segment in FINDERS[tried](stretch):
        if segment.offset > done:
            yield from _split(stretch[done : segment.offset], offset + done, tried + 1)
        yield replace(segment, offset=offset + segment.offset) if offset else segment
        done = segment.offset + segment.length
    if done < len(stretch):
        yield from _split(stretch[done:], offset + done, tried + 1)
