"""Dumps of voices, whole and broken: behind a right header or a wrong one, cut short, with bytes lost or added.

Source: Yamaha DX7 and DX7II manuals, "MIDI data format".
"""

import re
from dataclasses import replace

import numpy as np

from deepdx_core.codec.candidates import find_candidates
from deepdx_core.codec.foreign_records import describe_foreign
from deepdx_core.codec.headerless import find_runs_among
from deepdx_core.codec.segments import RECORD_SIZE, Checksum, Format, Kind, Segment
from deepdx_core.codec.voice_statistics import has_illegal_run, holds_voices, legal_share
from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE, VMEM_VOICES

END = 0xF7
HEADER_SIZE = 6
"""Size of a dump's header in bytes: F0, manufacturer, channel and format number take one each, the byte count two."""

WITHOUT_VOICE = "voice dump without a whole voice"
"""Description of the segment of a dump that is cut before its first voice ends."""

REAL_TIME = bytes(range(0xF8, 0x100))
"""Clock, active sensing and the like, which MIDI allows between any two bytes."""

LENGTH_BYTES = "the length bytes of a MIDI file behind its F0"
"""Note of a dump whose F0 the length of a MIDI event follows."""

# Headers of dumps, each with less than a voice after it, up to the next message.
_BARE_HEADERS = re.compile(
    rb"(?:\xf0(?:[\x80-\xff]{0,3}[\x00-\x7f])?\x43[\x00-\x0f][\x00\x09][\x00-\x7f]{2,120}+\xf7?+[\x80-\xef\xf1-\xff]*+"
    rb"(?=\xf0|\Z))++",
    re.DOTALL,
)
_STATUS_BYTE = re.compile(rb"[\x80-\xff]")

VOICE_FORMATS = {0x00: (Format.VCED, Format.VOLCA_FM), 0x09: (Format.VMEM,)}
"""Voice formats by the dump's format number, the likeliest first."""

_DATA_SIZE = {Format.VMEM: VMEM_VOICES * VMEM_SIZE} | {f: RECORD_SIZE[f] for f in (Format.VCED, Format.VOLCA_FM)}
"""Data bytes of a whole dump."""

_RIGHT_COUNTS = {
    format_: bytes(divmod(VMEM_VOICES * VMEM_SIZE if format_ is Format.VMEM else VCED_SIZE, 128))
    for format_ in _DATA_SIZE
}
"""Byte count in the header. The Volca FM keeps that of a VCED dump."""

RIGHT_HEADERS = {
    Format.VMEM: re.compile(rb"\xf0\x43[\x00-\x0f]\x09" + _RIGHT_COUNTS[Format.VMEM]),
    Format.VCED: re.compile(rb"\xf0\x43[\x00-\x0f]\x00" + _RIGHT_COUNTS[Format.VCED]),
}
DUMP_SIZE = {format_: HEADER_SIZE + _DATA_SIZE[format_] + 2 for format_ in RIGHT_HEADERS}
"""Size of a whole dump in bytes, F0 and F7 included."""

_MAX_HEADER_SIZE = 16
"""Bytes from F0 to the voices in a message with another header."""

_WHAT = {Format.VMEM: "32-voice dump", Format.VCED: "single-voice dump", Format.VOLCA_FM: "single-voice dump"}

_MIN_DISPLACED = 4
"""Minimum number of voices at other offsets than those of their dump's slots. Fewer may be chance; as many show that
bytes were lost or added."""

_MIN_LIKELY_DISPLACED = 2
"""Likely voices among them, without which there is no run of voices."""


def read_misnamed_dump(data: bytes, start: int, end: int) -> Segment | None:
    """Return the dump in the message from `start` to `end` if it holds voices, though its header is not that of one."""
    if end - start < VCED_SIZE:
        return None
    message = data[start:end].translate(None, REAL_TIME)
    for format_, header in RIGHT_HEADERS.items():
        for checksum_size in (1, 0):
            stop = len(message) - 1 - checksum_size
            body = stop - _DATA_SIZE[format_]
            if not 1 <= body <= _MAX_HEADER_SIZE or not holds_voices(message[body:stop], format_):
                continue
            payload, checksum = message[body:stop], _verify_checksum(message[body:stop], message[stop:-1])
            # Behind a right header, only the checksum shows that bytes were added to it, rather than to the voices.
            if checksum is not Checksum.RIGHT and header.fullmatch(message[:HEADER_SIZE]):
                continue
            note = f"wrong header: {message[:body].hex(' ')}"
            return Segment(start, end - start, Kind.VOICES, _WHAT[format_], note, format_, None, checksum, payload)
    return None


def read_whole_dump(data: bytes, start: int, body: int, formats: tuple[Format, ...]) -> list[Segment]:
    """Return the dump at `start` if its F7 is at the offset that a format requires, with any bytes in between."""
    for format_ in formats:
        size = _DATA_SIZE[format_]
        for checksum_size in (1, 0):
            end = body + size + checksum_size
            if end < len(data) and data[end] == END:
                payload = data[body : body + size]
                checksum = _verify_checksum(payload, data[body + size : end])
                dump = _voice_dump(data, start, body, end + 1, format_, payload, checksum, "")
                if dump.kind is not Kind.VOICES:
                    return [dump]
                return _read_displaced(data, body, dump) or [dump]
    return []


def read_broken_dump(data: bytes, start: int, body: int, formats: tuple[Format, ...]) -> list[Segment]:
    """Return the whole voices of a dump that is cut short, has no F7, or gained or lost bytes."""
    format_ = formats[0]
    size, record_size = _DATA_SIZE[format_], RECORD_SIZE[format_]
    status_byte = _STATUS_BYTE.search(data, body)
    stop = status_byte.start() if status_byte else len(data)
    has_end = stop < len(data) and data[stop] == END
    if stop - body < record_size:
        if (bare := _BARE_HEADERS.match(data, start)) and (count := data.count(b"\xf0", start, bare.end())) > 1:
            what = f"{count} x {WITHOUT_VOICE}"
            return [Segment(start, bare.end() - start, Kind.MESSAGE, what)]
        note = f"cut short: {stop - body} of {size} data bytes"
        return [Segment(start, stop + has_end - start, Kind.MESSAGE, WITHOUT_VOICE, note)]
    # An F7 far beyond a dump's size is not the end of this one.
    runs_on = False
    if has_end and stop - body <= 2 * size:
        end, note = stop + 1, f"{stop - body} data bytes and no checksum in place of {size}"
    else:
        runs_on = stop > body + size + 1
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
    if legal_share(payload, format_) < 0.5 or (runs_on and not holds_voices(payload, format_)):
        if not has_end or runs_on:  # other data may follow the header
            end = body
        elif len(payload) == size:
            return [dump]
        return [Segment(start, end - start, Kind.MESSAGE, f"{format_.upper()} dump without voices", note)]
    return [dump]


def _read_displaced(data: bytes, body: int, dump: Segment) -> list[Segment]:
    """Return the voices of a bank that lost or gained bytes, at their offsets now; an empty list for any other dump."""
    if dump.format is not Format.VMEM or not has_illegal_run(dump.payload, dump.format, _MIN_DISPLACED):
        return []
    end = dump.offset + dump.length
    array = np.frombuffer(data[body:end].removesuffix(bytes([END])), dtype=np.uint8)
    candidates = find_candidates(array, Format.HEADERLESS_VMEM)
    if np.count_nonzero(candidates.likely % VMEM_SIZE) < _MIN_LIKELY_DISPLACED:
        return []
    runs = find_runs_among([candidates], [candidates.format])
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
        offset, length = body + run.offset, run.end - run.offset
        if offset > done:
            segments.append(Segment(done, offset - done, Kind.JUNK, "part of a broken voice"))
        payload = run.payload(array)
        segments.append(Segment(offset, length, Kind.VOICES, what, format=run.format, payload=payload))
        done = offset + length
    if done < end:
        segments.append(Segment(done, end - done, Kind.JUNK, "end of a broken dump"))
    return segments


def _voice_dump(
    data: bytes, start: int, body: int, end: int, format_: Format, payload: bytes, checksum: Checksum, note: str
) -> Segment:
    """Return the segment of a dump. Anything unusual in its header is appended to `note`."""
    notes = [note] if note else []
    if body - start > HEADER_SIZE:
        notes.append(LENGTH_BYTES)
    right_count = _RIGHT_COUNTS[format_]
    count = data[body - 2 : body]
    if count != right_count:
        notes.append(f"byte count {count.hex(' ')} in place of {right_count.hex(' ')}")
    if format_ is Format.VMEM and (foreign := describe_foreign(payload)):
        what = f"{foreign} under a DX7 header"
        return Segment(start, end - start, Kind.MESSAGE, what, "; ".join(notes))
    channel = data[body - 4]
    return Segment(
        start, end - start, Kind.VOICES, _WHAT[format_], "; ".join(notes), format_, channel, checksum, payload
    )


def _verify_checksum(payload: bytes, stored: bytes) -> Checksum:
    if not stored:
        return Checksum.MISSING
    if (int(np.frombuffer(payload, dtype=np.uint8).sum()) + stored[0]) & 0x7F:
        return Checksum.WRONG
    return Checksum.RIGHT if stored[0] < 0x80 else Checksum.UNMASKED
