"""Framing of system exclusive messages: the beginning and end of each, even if it was cut short or lost bytes.

Source: Yamaha DX7 and DX7II manuals, "MIDI data format"; Standard MIDI Files 1.0, system exclusive events.
"""

import re
from dataclasses import replace
from functools import cache

import numpy as np

from deepdx_core.codec.descriptions import describe_message
from deepdx_core.codec.dumps import (
    END,
    REAL_TIME,
    VOICE_FORMATS,
    WITHOUT_VOICE,
    read_broken_dump,
    read_misnamed_dump,
    read_whole_dump,
)
from deepdx_core.codec.segments import Checksum, Kind, Segment, join_notes
from deepdx_core.display import counted
from deepdx_core.voice.parameters import VMEM_SIZE

_YAMAHA = 0x43

# Messages of Yamaha may have real-time bytes inside. Those of others are only named.
_MESSAGE = rb"\xf0[\x00-\x7f]++\xf7|\xf0[\xf8-\xff]*+\x43[\x00-\x7f\xf8-\xff]*+\xf7"
_IS_REAL_TIME = re.compile(rb"[\xf8-\xff]")
_END_OF_DATA = re.compile(rb"[\x80-\xf7]")
# In a MIDI file, the length of the event follows F0, seven bits per byte.
_VOICE_DUMP = rb"\xf0(?:[\x80-\xff]{0,3}[\x00-\x7f])?\x43[\x00-\x0f][\x00\x09](?=[^\xf0]{2})"
_WITH_REAL_TIME = rb"\xf0[\xf8-\xff]*+\x43[\xf8-\xff]*+[\x00-\x0f][\xf8-\xff]*+[\x00\x09](?=[^\xf0]{2})"
# Of start marks in a row only the last is tried.
_START = re.compile(
    rb"(?=\xf0[^\xf0]{2})(?:(" + _VOICE_DUMP + b")|(" + _WITH_REAL_TIME + b")|" + _MESSAGE + b")", re.DOTALL
)


def next_message(data: bytes, start: int) -> list[Segment]:
    """Return the first message from `start` on as contiguous segments; an empty list if no other message begins.

    A dump that lost or gained bytes has several segments: the voices before the damage, and those after it.
    """
    message = _START.search(data, start)
    if message is None:
        return []
    start = message.start()
    if message[2] and (dump := _read_without_real_time(data, start)):
        return dump
    if message.lastindex:
        return _read_dump(data, start, message.end())
    if misnamed := read_misnamed_dump(data, start, message.end()):
        return [misnamed]
    found = message.group().translate(None, REAL_TIME)
    what = describe_message(found)
    manufacturer_id = found[1]
    if manufacturer_id != _YAMAHA:
        # Messages of other manufacturers come in thousands; those in a row are one segment.
        message = _in_a_row(manufacturer_id).match(data, start) or message
        count = data.count(b"\xf0", start, message.end())
        what = f"{count} x {what}" if count > 1 else what
    return [Segment(start, message.end() - start, Kind.MESSAGE, what)]


def _read_dump(data: bytes, start: int, header_end: int) -> list[Segment]:
    """Return the dump at `start`, whose format number is the last byte before `header_end`."""
    formats, body = VOICE_FORMATS[data[header_end - 1]], header_end + 2  # after the byte count
    dump = read_whole_dump(data, start, body, formats)
    if dump and dump[0].checksum is Checksum.RIGHT:
        return dump
    # Only the right checksum shows that bytes over 127 in a whole dump were added, rather than changed.
    if (clean := _read_without_real_time(data, start)) and (not dump or clean[0].checksum is Checksum.RIGHT):
        return clean
    if dump:
        return dump
    end = _END_OF_DATA.search(data, body)
    if end and data[end.start()] == END and (misnamed := read_misnamed_dump(data, start, end.end())):
        return [misnamed]
    return read_broken_dump(data, start, body, formats)


def _read_without_real_time(data: bytes, start: int) -> list[Segment]:
    """Return the dump at `start` without the real-time bytes inside it; an empty list if it has none."""
    end = _END_OF_DATA.search(data, start + 1)
    stop = len(data) if end is None else end.start() + (data[end.start()] == END)
    if _IS_REAL_TIME.search(data, start, stop) is None:
        return []
    if stop - start < VMEM_SIZE:
        return [Segment(start, stop - start, Kind.MESSAGE, WITHOUT_VOICE, "cut short")]
    stretch = np.frombuffer(data, dtype=np.uint8)[start:stop]
    kept = np.flatnonzero(stretch < REAL_TIME[0])
    clean = stretch[kept].tobytes()
    header = _START.match(clean)
    if header is None or header.lastindex is None:
        return []
    segments = _read_dump(clean, 0, header.end())
    starts = [start + int(kept[segment.offset]) for segment in segments]
    ends = [*starts[1:], start + int(kept[segments[-1].offset + segments[-1].length - 1]) + 1]
    taken_out = stretch[: ends[-1] - start]
    taken_out = taken_out[taken_out >= REAL_TIME[0]]
    if not len(taken_out):
        return []
    kinds = " ".join(f"{kind:02X}" for kind in np.unique(taken_out))
    note = f"{counted(len(taken_out), 'real-time byte')} ({kinds}) taken out"
    segments[0] = replace(segments[0], note=join_notes(note, segments[0].note))
    return [
        replace(segment, offset=first, length=last - first)
        for segment, first, last in zip(segments, starts, ends, strict=True)
    ]


@cache
def _in_a_row(manufacturer_id: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?:\xf0" + re.escape(bytes([manufacturer_id])) + rb"[\x00-\x7f]*+\xf7)++")
