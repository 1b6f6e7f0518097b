"""Framing of system exclusive messages: the beginning and end of each, even if it was cut short or lost bytes.

Source: Yamaha DX7 and DX7II manuals, "MIDI data format"; Standard MIDI Files 1.0, system exclusive events.
"""

import re
from dataclasses import replace
from functools import cache

import numpy as np

from deepdx_core.codec.descriptions import describe_message
from deepdx_core.codec.headerless import find_runs
from deepdx_core.codec.segments import RECORD_SIZE, Checksum, Format, Kind, Segment
from deepdx_core.codec.voice_statistics import has_illegal_run, legal_share
from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE, VMEM_VOICES

_END = 0xF7
_YAMAHA = 0x43
_HEADER_SIZE = 6

_MESSAGE = re.compile(rb"\xf0[\x00-\x7f]++\xf7")
# Headers of dumps, each with less than a voice after it, up to the next message.
_BARE_HEADERS = re.compile(rb"(?:\xf0\x43[\x00-\x0f][\x00\x09][\x00-\x7f]{2,120}+\xf7?+(?=\xf0|\Z))++", re.DOTALL)
_STATUS_BYTE = re.compile(rb"[\x80-\xff]")
# In a MIDI file, the length of the event follows F0, seven bits per byte.
_VOICE_DUMP = re.compile(rb"\xf0(?:[\x80-\xff]{0,3}[\x00-\x7f])?\x43[\x00-\x0f][\x00\x09](?=..)", re.DOTALL)
_START = re.compile(b"(" + _VOICE_DUMP.pattern + b")|" + _MESSAGE.pattern, re.DOTALL)

_VOICE_FORMATS = {0x00: (Format.VCED, Format.VOLCA_FM), 0x09: (Format.VMEM,)}
"""Voice formats by the dump's format number, the likeliest first."""

_DATA_SIZE = {Format.VMEM: VMEM_VOICES * VMEM_SIZE} | {f: RECORD_SIZE[f] for f in (Format.VCED, Format.VOLCA_FM)}
"""Data bytes of a whole dump."""

_MIN_DISPLACED = 4
"""Minimum number of voices at other offsets than those of their dump's slots. Fewer may be chance; as many show that
bytes were lost or added."""


def next_message(data: bytes, start: int) -> list[Segment]:
    """Return the first message from `start` on as contiguous segments; an empty list if no other message begins.

    A dump that lost or gained bytes has several segments: the voices before the damage, and those after it.
    """
    message = _START.search(data, start)
    if message is None:
        return []
    start = message.start()
    if message.lastindex:
        formats = _VOICE_FORMATS[data[message.end() - 1]]
        body = message.end() + 2  # after the byte count
        return _read_whole_dump(data, start, body, formats) or _read_broken_dump(data, start, body, formats)
    what = describe_message(message.group())
    manufacturer_id = message.group()[1]
    if manufacturer_id != _YAMAHA:
        # Messages of other manufacturers come in thousands; those in a row are one segment.
        message = _in_a_row(manufacturer_id).match(data, start) or message
        count = data.count(b"\xf0", start, message.end())
        what = f"{count} x {what}" if count > 1 else what
    return [Segment(start, message.end() - start, Kind.MESSAGE, what)]


@cache
def _in_a_row(manufacturer_id: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?:\xf0" + re.escape(bytes([manufacturer_id])) + rb"[\x00-\x7f]*+\xf7)++")


def _read_whole_dump(data: bytes, start: int, body: int, formats: tuple[Format, ...]) -> list[Segment]:
    """Return the dump at `start` if its F7 is at the offset that a format requires, with any bytes in between."""
    for format_ in formats:
        size = _DATA_SIZE[format_]
        for checksum_size in (1, 0):
            end = body + size + checksum_size
            if end < len(data) and data[end] == _END:
                payload = data[body : body + size]
                checksum = _verify_checksum(payload, data[body + size : end])
                dump = _voice_dump(data, start, body, end + 1, format_, payload, checksum, "")
                return _read_displaced(data, body, dump) or [dump]
    return []


def _read_broken_dump(data: bytes, start: int, body: int, formats: tuple[Format, ...]) -> list[Segment]:
    """Return the whole voices of a dump that is cut short, has no F7, or gained or lost bytes."""
    format_ = formats[0]
    size, record_size = _DATA_SIZE[format_], RECORD_SIZE[format_]
    status_byte = _STATUS_BYTE.search(data, body)
    stop = status_byte.start() if status_byte else len(data)
    has_end = stop < len(data) and data[stop] == _END
    if stop - body < record_size:
        if (bare := _BARE_HEADERS.match(data, start)) and (count := data.count(b"\xf0", start, bare.end())) > 1:
            what = f"{count} x voice dump without a whole voice"
            return [Segment(start, bare.end() - start, Kind.MESSAGE, what)]
        note = f"cut short: {stop - body} of {size} data bytes"
        return [Segment(start, stop + has_end - start, Kind.MESSAGE, "voice dump without a whole voice", note)]
    # An F7 far beyond a dump's size is not the end of this one.
    if has_end and stop - body <= 2 * size:
        end, note = stop + 1, f"{stop - body} data bytes and no checksum in place of {size}"
    else:
        stop = end = min(stop, body + size + 1)
        note = "no F7 at its end"
    payload = data[body : body + min(size, (stop - body) // record_size * record_size)]
    if len(payload) < size:
        note = f"cut short: {stop - body} of {size} data bytes"
    elif stop - body > size:
        note = "no F7 at its end" if end == stop else f"{stop - body - size - 1} bytes too many"
    checksum = _verify_checksum(payload, data[body + size : stop][:1])
    dump = _voice_dump(data, start, body, end, format_, payload, checksum, note)
    if displaced := _read_displaced(data, body, dump):
        return displaced
    if len(payload) < size and legal_share(payload, format_) < 0.5:
        return [Segment(start, end - start, Kind.MESSAGE, f"{format_.upper()} dump without voices", note)]
    return [dump]


def _read_displaced(data: bytes, body: int, dump: Segment) -> list[Segment]:
    """Return the voices of a bank that lost or gained bytes, at their offsets now; an empty list for any other dump."""
    if dump.format is not Format.VMEM or not has_illegal_run(dump.payload, dump.format, _MIN_DISPLACED):
        return []
    end = dump.offset + dump.length
    runs = find_runs(np.frombuffer(data[body:end], dtype=np.uint8), (Format.HEADERLESS_VMEM,))
    first = next((run for run in runs if run.offset % VMEM_SIZE and run.legal >= _MIN_DISPLACED), None)
    if first is None:
        return []
    done = body + first.offset // VMEM_SIZE * VMEM_SIZE
    note = f"bytes were lost or added before byte {body + first.offset}"
    segments = [replace(dump, length=done - dump.offset, payload=data[body:done], note=note)]
    if done == body:
        segments = [Segment(dump.offset, done - dump.offset, Kind.MESSAGE, "header of a 32-voice dump", note)]
    what = "voices displaced in their dump"
    for run in runs[runs.index(first) :]:
        offset, payload = body + run.offset, data[body + run.offset : body + run.end]
        if offset > done:
            segments.append(Segment(done, offset - done, Kind.JUNK, "part of a broken voice"))
        segments.append(Segment(offset, len(payload), Kind.VOICES, what, format=run.format, payload=payload))
        done = offset + len(payload)
    if done < end:
        segments.append(Segment(done, end - done, Kind.JUNK, "end of a broken dump"))
    return segments


def _voice_dump(
    data: bytes, start: int, body: int, end: int, format_: Format, payload: bytes, checksum: Checksum, note: str
) -> Segment:
    """Return the segment of a dump. Anything unusual in its header is appended to `note`."""
    notes = [note] if note else []
    if body - start > _HEADER_SIZE:
        notes.append("the length bytes of a MIDI file behind its F0")
    # The Volca FM keeps the byte count of a VCED dump.
    right_count = bytes(divmod(VMEM_VOICES * VMEM_SIZE if format_ is Format.VMEM else VCED_SIZE, 128))
    count = data[body - 2 : body]
    if count != right_count:
        notes.append(f"byte count {count.hex(' ')} in place of {right_count.hex(' ')}")
    what = "32-voice dump" if format_ is Format.VMEM else "single-voice dump"
    channel = data[body - 4]
    return Segment(start, end - start, Kind.VOICES, what, "; ".join(notes), format_, channel, checksum, payload)


def _verify_checksum(payload: bytes, stored: bytes) -> Checksum:
    if not stored:
        return Checksum.MISSING
    if (int(np.frombuffer(payload, dtype=np.uint8).sum()) + stored[0]) & 0x7F:
        return Checksum.WRONG
    return Checksum.RIGHT if stored[0] < 0x80 else Checksum.UNMASKED
