"""System exclusive messages in bytes: the message at a given place, what it is, and its voices where it has any.

Source: Yamaha DX7 and DX7II manuals, "MIDI data format"; Standard MIDI Files 1.0, system exclusive events.
"""

import re
from dataclasses import replace
from functools import cache

import numpy as np

from deepdx_core.codec.makers import name_maker, name_yamaha_bulk
from deepdx_core.codec.plausibility import MIN_DISPLACED, VMEM_RECORDS, find_runs, off_the_grid, share_legal
from deepdx_core.codec.segments import RECORD_SIZE, Checksum, Format, Kind, Segment
from deepdx_core.voice.parameters import VMEM_SIZE, VMEM_VOICES

_END = 0xF7
_YAMAHA = 0x43
_HEADER = 6

_MESSAGE = re.compile(rb"\xf0[\x00-\x7f]++\xf7")
# Headers of dumps without as much as a voice behind them, up to the next message.
_BARE_HEADERS = re.compile(rb"(?:\xf0\x43[\x00-\x0f][\x00\x09][\x00-\x7f]{2,120}+\xf7?+(?=\xf0|\Z))++", re.DOTALL)
_STATUS = re.compile(rb"[\x80-\xff]")
# A MIDI file has the length of an event, seven bits a byte, between F0 and the message.
_VOICE_DUMP = re.compile(rb"\xf0(?:[\x80-\xff]{0,3}[\x00-\x7f])?\x43[\x00-\x0f][\x00\x09](?=..)", re.DOTALL)
_START = re.compile(b"(" + _VOICE_DUMP.pattern + b")|" + _MESSAGE.pattern, re.DOTALL)

_VOICE_DUMPS = {0x00: (Format.VCED, Format.VOLCA_FM), 0x09: (Format.VMEM,)}
"""Voice formats by the dump's format number, the likeliest first."""

_OTHER_DUMPS = {
    0x01: "DX1/DX5 performance data",
    0x02: "TX7/DX5 performance data",
    0x03: "4-operator voice",
    0x04: "4-operator bank",
    0x05: "DX7II supplement of one voice",
    0x06: "DX7II supplement of 32 voices",
}

_DATA_SIZE = {Format.VMEM: VMEM_VOICES * VMEM_SIZE} | {f: RECORD_SIZE[f] for f in (Format.VCED, Format.VOLCA_FM)}


def next_message(data: bytes, start: int) -> list[Segment]:
    """The first message from `start` on, as segments that follow each other; none where no further message begins.

    A dump that lost bytes on the way has several: the voices before the damage, and those after it.
    """
    message = _START.search(data, start)
    if message is None:
        return []
    start = message.start()
    if message.lastindex:
        formats = _VOICE_DUMPS[data[message.end() - 1]]
        body = message.end() + 2  # behind the byte count
        return _whole_dump(data, start, body, formats) or _broken_dump(data, start, body, formats)
    what = _describe(message.group())
    if message.group()[1] != _YAMAHA:
        # Other makers' messages come in thousands: those in a row are one segment.
        message = _in_a_row(message.group()[1]).match(data, start) or message
        count = data.count(b"\xf0", start, message.end())
        what = f"{count} x {what}" if count > 1 else what
    return [Segment(start, message.end() - start, Kind.MESSAGE, what)]


@cache
def _in_a_row(maker: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?:\xf0" + re.escape(bytes([maker])) + rb"[\x00-\x7f]*+\xf7)++")


def _whole_dump(data: bytes, start: int, body: int, formats: tuple[Format, ...]) -> list[Segment]:
    """The dump at `start` if its F7 stands where its format has it, whatever lies between."""
    for format_ in formats:
        size = _DATA_SIZE[format_]
        for checksum_bytes in (1, 0):
            last = body + size + checksum_bytes
            if last < len(data) and data[last] == _END:
                payload = data[body : body + size]
                checksum = _checksum_state(payload, data[body + size : last])
                dump = _dump(data, start, body, last + 1, format_, payload, checksum, "")
                return _displaced(data, body, dump) or [dump]
    return []


def _broken_dump(data: bytes, start: int, body: int, formats: tuple[Format, ...]) -> list[Segment]:
    """The whole voices of a dump that is cut short, has no F7, or gained or lost bytes."""
    format_ = formats[0]
    size, record = _DATA_SIZE[format_], RECORD_SIZE[format_]
    status = _STATUS.search(data, body)
    stop = status.start() if status else len(data)
    ended = stop < len(data) and data[stop] == _END
    if stop - body < record:
        if (bare := _BARE_HEADERS.match(data, start)) and (count := data.count(b"\xf0", start, bare.end())) > 1:
            what = f"{count} x voice dump without a whole voice"
            return [Segment(start, bare.end() - start, Kind.MESSAGE, what)]
        note = f"cut short: {stop - body} of {size} data bytes"
        return [Segment(start, stop + ended - start, Kind.MESSAGE, "voice dump without a whole voice", note)]
    # An F7 far beyond a dump's size is not the end of this one.
    if ended and stop - body <= 2 * size:
        end, note = stop + 1, f"{stop - body} data bytes and no checksum in place of {size}"
    else:
        stop = end = min(stop, body + size + 1)
        note = "no F7 at its end"
    payload = data[body : body + min(size, (stop - body) // record * record)]
    if len(payload) < size:
        note = f"cut short: {stop - body} of {size} data bytes"
    elif stop - body > size:
        note = "no F7 at its end" if end == stop else f"{stop - body - size - 1} bytes too many"
    checksum = _checksum_state(payload, data[body + size : stop][:1])
    dump = _dump(data, start, body, end, format_, payload, checksum, note)
    if displaced := _displaced(data, body, dump):
        return displaced
    if len(payload) < size and share_legal(payload, format_) < 0.5:
        return [Segment(start, end - start, Kind.MESSAGE, f"{format_.upper()} dump without voices", note)]
    return [dump]


def _displaced(data: bytes, body: int, dump: Segment) -> list[Segment]:
    """A bank that lost or gained bytes on the way, its voices where they stand now; none if all is in its place."""
    if dump.format is not Format.VMEM or not off_the_grid(dump.payload, dump.format):
        return []
    end = dump.offset + dump.length
    runs = find_runs(np.frombuffer(data[body:end], dtype=np.uint8), VMEM_RECORDS)
    first = next((run for run in runs if run.offset % VMEM_SIZE and run.whole >= MIN_DISPLACED), None)
    if first is None:
        return []
    done = body + first.offset // VMEM_SIZE * VMEM_SIZE
    note = f"bytes were lost or added before byte {body + first.offset}"
    segments = [replace(dump, length=done - dump.offset, payload=data[body:done], note=note)]
    if done == body:
        segments = [Segment(dump.offset, done - dump.offset, Kind.MESSAGE, "header of a 32-voice dump", note)]
    for run in runs[runs.index(first) :]:
        offset, payload = body + run.offset, data[body + run.offset : body + run.end]
        if offset > done:
            segments.append(Segment(done, offset - done, Kind.JUNK, "part of a broken voice"))
        what = "voices displaced in their dump"
        segments.append(
            Segment(offset, len(payload), Kind.VOICES, what, format=Format.HEADERLESS_VMEM, payload=payload)
        )
        done = offset + len(payload)
    if done < end:
        segments.append(Segment(done, end - done, Kind.JUNK, "end of a broken dump"))
    return segments


def _dump(
    data: bytes, start: int, body: int, end: int, format_: Format, payload: bytes, checksum: Checksum, note: str
) -> Segment:
    count = tuple(data[body - 2 : body])
    right_count = divmod(RECORD_SIZE[Format.VCED], 128)
    if format_ is Format.VMEM:
        right_count = divmod(VMEM_VOICES * VMEM_SIZE, 128)
    notes = [note] if note else []
    if body - start > _HEADER:
        notes.append("the length bytes of a MIDI file behind its F0")
    if count != right_count:
        notes.append(f"byte count {bytes(count).hex(' ')} in place of {bytes(right_count).hex(' ')}")
    what = "32-voice dump" if format_ is Format.VMEM else "single-voice dump"
    channel = data[body - 4]
    return Segment(start, end - start, Kind.VOICES, what, "; ".join(notes), format_, channel, checksum, payload)


def _checksum_state(payload: bytes, stored: bytes) -> Checksum:
    if not stored:
        return Checksum.MISSING
    if (int(np.frombuffer(payload, dtype=np.uint8).sum()) + stored[0]) & 0x7F:
        return Checksum.WRONG
    return Checksum.RIGHT if stored[0] < 0x80 else Checksum.UNMASKED


def _describe(message: bytes) -> str:
    if message[1] != _YAMAHA or len(message) < 5:
        return name_maker(message)
    status, format_number = message[2] >> 4, message[3]
    if status == 0 and format_number == 0x7E:
        # Bulk data says what it is in ten characters behind the byte count.
        return name_yamaha_bulk(message[_HEADER : _HEADER + 10])
    if status == 0:
        return _OTHER_DUMPS.get(format_number, f"Yamaha dump of format {format_number:02X}")
    return {1: "Yamaha parameter change", 2: "Yamaha dump request"}.get(status, "Yamaha message")
