"""A file's bytes to segments that account for all of them: voice dumps, other messages, junk."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import numpy as np

from deepdx_core.codec.makers import name_file
from deepdx_core.codec.plausibility import ALL_RECORDS, find_runs
from deepdx_core.codec.segments import RECORD_SIZE, Checksum, Format, Kind, Segment
from deepdx_core.codec.sounddiver import read_library
from deepdx_core.codec.sysex import next_message
from deepdx_core.codec.text import (
    LINE_ENDS,
    hex_text,
    is_table_of_voices,
    is_text,
    spoiled_by_text_tool,
    without_added_line_ends,
)
from deepdx_core.display import counted
from deepdx_core.voice.parameters import VMEM_VOICES

MAX_SEGMENTS = 2**19
"""Segments of a file; more than the largest file that is read has of single-voice dumps."""

_MOST_LISTED = 12  # kinds of things that a file holds


@dataclass(frozen=True)
class Reading:
    """What a file's bytes are: segments in order, without gap or overlap, and the reason where none has voices."""

    segments: tuple[Segment, ...]
    reason: str

    @property
    def voices(self) -> int:
        """Number of voice slots."""
        return sum(segment.voices for segment in self.segments)

    @property
    def taken_for(self) -> str:
        """What the file is, in a few words."""
        dumps = [segment.what for segment in self.segments if segment.kind is Kind.VOICES]
        return _list(dumps) if dumps else self.reason


def read(data: bytes) -> Reading:
    """Account for all of `data`. Never fails: what is not understood is junk, and `reason` says so.

    Beyond MAX_SEGMENTS, the rest of the data is one segment, not read, whose note says so: what a file takes of memory
    and time grows with its size, and no further.
    """
    if spoiled := spoiled_by_text_tool(data):
        return _refused(data, spoiled)
    if library := read_library(data):
        end = library.offset + library.length
        segments: tuple[Segment, ...] = (_junk(data, 0, library.offset), library, _junk(data, end, len(data)))
    elif spelled := hex_text(data):
        segments = _spelled_segments(data, *spelled)
    else:
        segments = tuple(_segments(data))
        if _gained_line_ends(data, segments):
            return _refused(data, LINE_ENDS)
    has_voices = any(segment.kind is Kind.VOICES for segment in segments)
    return Reading(segments, "" if has_voices else _reason(data, segments))


def _refused(data: bytes, reason: str) -> Reading:
    return Reading((Segment(0, len(data), Kind.JUNK, "spoiled sysex", reason),), reason)


def _gained_line_ends(data: bytes, segments: tuple[Segment, ...]) -> bool:
    """Whether a dump in `data` is right only without the carriage returns before its line feeds."""
    broken = any(s.kind is not Kind.JUNK and s.checksum is not Checksum.RIGHT for s in segments)
    if not broken or b"\r\n" not in data:
        return False
    return _right_dumps(_segments(without_added_line_ends(data))) > _right_dumps(segments)


def _right_dumps(segments: Iterator[Segment] | tuple[Segment, ...]) -> int:
    return sum(segment.checksum is Checksum.RIGHT and not segment.note for segment in segments)


def _spelled_segments(data: bytes, spelled: bytes, places: Sequence[int]) -> tuple[Segment, ...]:
    """Segments of the bytes that a text spells out, at their places in the text; each ends where the next begins."""
    found = list(_segments(spelled))
    starts = [0, *(places[segment.offset] for segment in found[1:]), len(data)]
    return tuple(
        replace(segment, offset=start, length=end - start, note="; ".join(filter(None, [segment.note, "hex text"])))
        for segment, (start, end) in zip(found, pairwise(starts), strict=True)
    )


def _segments(data: bytes) -> Iterator[Segment]:
    found = _all_segments(data)
    yield from islice(found, MAX_SEGMENTS - 1)
    if last := next(found, None):
        left = len(data) - last.offset
        over = Segment(last.offset, left, Kind.JUNK, "not read", f"more than {MAX_SEGMENTS:,} stretches")
        yield last if last.length == left else over


def _all_segments(data: bytes) -> Iterator[Segment]:
    done = 0
    while message := next_message(data, done):
        if message[0].offset > done:
            yield from _between(data, done, message[0].offset)
        yield from message
        done = message[-1].offset + message[-1].length
    yield from _between(data, done, len(data))


_SHORTEST_RECORD = min(RECORD_SIZE[format_] for format_ in ALL_RECORDS)
_HEADERLESS = {
    Format.HEADERLESS_VMEM: ("voice", "without a header"),
    Format.HEADERLESS_VCED: ("unpacked voice", "without a header"),
    Format.HEADERLESS_VCED_156: ("unpacked voice", "of 156 bytes without a header"),
}


def _between(data: bytes, start: int, end: int) -> Iterator[Segment]:
    """Segments of bytes outside any message: voices without a header where they look like it, junk otherwise."""
    done = start
    if end - start >= _SHORTEST_RECORD and not is_text(data[start:end]):
        for run in find_runs(np.frombuffer(data, dtype=np.uint8)[start:end], ALL_RECORDS):
            size = RECORD_SIZE[run.format]
            if start + run.offset > done:
                yield _junk(data, done, start + run.offset)
            # Banks of 32, so that a slot is what it would be on the panel.
            for first in range(0, run.count, VMEM_VOICES):
                count = min(VMEM_VOICES, run.count - first)
                offset = start + run.offset + first * size
                payload = data[offset : offset + count * size]
                voice, how = _HEADERLESS[run.format]
                what = f"{counted(count, voice)} {how}"
                yield Segment(offset, len(payload), Kind.VOICES, what, format=run.format, payload=payload)
            done = start + run.end
    if done < end:
        yield _junk(data, done, end)


def _junk(data: bytes, start: int, end: int) -> Segment:
    what = (name_file(data) if start == 0 else None) or "not a message"
    return Segment(start, end - start, Kind.JUNK, what)


def _list(things: list[str]) -> str:
    kinds = Counter(things).items()
    listed = [f"{count} x {what}" if count > 1 else what for what, count in islice(kinds, _MOST_LISTED)]
    return ", ".join(listed + ([f"{len(kinds) - _MOST_LISTED:,} kinds more"] if len(kinds) > _MOST_LISTED else []))


def _reason(data: bytes, segments: tuple[Segment, ...]) -> str:
    if not data:
        return "empty file"
    if len(segments) == MAX_SEGMENTS:
        return f"{segments[-1].note}, the rest is not read; no DX7 voices before it"
    if is_table_of_voices(data):
        return "table of voices: `deepdx convert` makes banks of it"
    if kind := name_file(data):
        return f"{kind} without DX7 voices"
    messages = [segment.what for segment in segments if segment.kind is Kind.MESSAGE]
    if messages:
        return f"system exclusive without DX7 voices: {_list(messages)}"
    if data.lstrip()[:1] == b"<":
        return "web page or XML, not a dump"
    if is_text(data):
        return "text, not a dump"
    return f"{counted(len(data), 'byte')} without system exclusive or DX7 voices"
