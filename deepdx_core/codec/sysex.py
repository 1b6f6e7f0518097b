"""System exclusive messages in bytes: one message at a given place, what it is, and its voices where it has any.

Source: Yamaha DX7 and DX7II manuals, "MIDI data format"; MIDI 1.0 specification, manufacturer numbers.
"""

import re

from deepdx_core.codec.plausibility import look_like_voices
from deepdx_core.codec.segments import RECORD_SIZE, Checksum, Format, Kind, Segment
from deepdx_core.voice.parameters import VMEM_SIZE, VMEM_VOICES

START, END = 0xF0, 0xF7
_YAMAHA = 0x43
_HEADER = 6

_MESSAGE = re.compile(rb"\xf0[\x00-\x7f]+\xf7")
_STATUS = re.compile(rb"[\x80-\xff]")

_VOICE_DUMPS = {0x00: (Format.VCED, Format.VOLCA_FM), 0x09: (Format.VMEM,)}
"""Voice formats by the dump's format number, the likeliest first."""

_OTHER_DUMPS = {
    0x01: "DX1/DX5 performance data",
    0x02: "TX7/DX5 performance data",
    0x03: "4-operator voice",
    0x04: "4-operator bank",
    0x05: "DX7II supplement of one voice",
    0x06: "DX7II supplement of 32 voices",
    0x7E: "Yamaha bulk data",
}

_MAKERS = {
    0x01: "Sequential",
    0x06: "Lexicon",
    0x07: "Kurzweil",
    0x0F: "Ensoniq",
    0x10: "Oberheim",
    0x18: "E-mu",
    0x3E: "Waldorf",
    0x40: "Kawai",
    0x41: "Roland",
    0x42: "Korg",
    0x43: "Yamaha",
    0x44: "Casio",
    0x47: "Akai",
    0x7D: "non-commercial",
    0x7E: "universal",
    0x7F: "universal real-time",
}


def read_message(data: bytes, start: int) -> Segment | None:
    """The message whose F0 stands at `start`, or None where no message begins."""
    header = data[start : start + _HEADER]
    if len(header) == _HEADER and header[1] == _YAMAHA and header[2] < 0x10 and header[3] in _VOICE_DUMPS:
        return _whole_dump(data, start) or _broken_dump(data, start)
    match = _MESSAGE.match(data, start)
    if match is None:
        return None
    return Segment(start, match.end() - start, Kind.MESSAGE, _describe(match.group()))


def _data_size(format_: Format) -> int:
    return VMEM_VOICES * VMEM_SIZE if format_ is Format.VMEM else RECORD_SIZE[format_]


def _whole_dump(data: bytes, start: int) -> Segment | None:
    """The dump at `start` if its F7 stands where its format has it, whatever lies between."""
    body = start + _HEADER
    for format_ in _VOICE_DUMPS[data[start + 3]]:
        size = _data_size(format_)
        for checksum_bytes in (1, 0):
            last = body + size + checksum_bytes
            if data[last : last + 1] == bytes([END]):
                payload = data[body : body + size]
                return _dump(data, start, last + 1, format_, payload, data[body + size : last], "")
    return None


def _broken_dump(data: bytes, start: int) -> Segment | None:
    """The whole voices of a dump that is cut short or has no F7; None if what follows the header is no dump."""
    body = start + _HEADER
    status = _STATUS.search(data, body)
    stop = min(status.start() if status else len(data), body + _data_size(_VOICE_DUMPS[data[start + 3]][-1]) + 1)
    end = stop + 1 if data[stop : stop + 1] == bytes([END]) else stop
    format_ = _VOICE_DUMPS[data[start + 3]][0]
    size = _data_size(format_)
    if stop - body >= size:
        return _dump(
            data, start, stop, format_, data[body : body + size], data[body + size : stop][:1], "no F7 at its end"
        )
    record = RECORD_SIZE[format_]
    payload = data[body : body + (stop - body) // record * record]
    if not payload or not look_like_voices(payload):
        what = f"{format_.upper()} dump cut short before its first whole voice"
        return Segment(start, end - start, Kind.MESSAGE, what, f"{stop - body} of {size} data bytes")
    return _dump(data, start, end, format_, payload, b"", f"cut short: {stop - body} of {size} data bytes")


def _dump(data: bytes, start: int, end: int, format_: Format, payload: bytes, stored: bytes, note: str) -> Segment:
    count, right_count = data[start + 4 : start + 6], divmod(RECORD_SIZE[Format.VCED], 128)
    if format_ is Format.VMEM:
        right_count = divmod(VMEM_VOICES * VMEM_SIZE, 128)
    notes = [note] if note else []
    if tuple(count) != right_count:
        notes.append(f"byte count {count.hex(' ')} in place of {bytes(right_count).hex(' ')}")
    return Segment(
        start,
        end - start,
        Kind.VOICES,
        "32-voice dump" if format_ is Format.VMEM else "single-voice dump",
        "; ".join(notes),
        format_,
        data[start + 2],
        _checksum_state(payload, stored),
        payload,
    )


def _checksum_state(payload: bytes, stored: bytes) -> Checksum:
    if not stored:
        return Checksum.MISSING
    if (sum(payload) + stored[0]) & 0x7F:
        return Checksum.WRONG
    return Checksum.RIGHT if stored[0] < 0x80 else Checksum.UNMASKED


def _describe(message: bytes) -> str:
    maker = message[1]
    if maker != _YAMAHA or len(message) < 5:
        return f"message of another maker ({_MAKERS.get(maker, f'number {maker:02X}')})"
    status, format_number = message[2] >> 4, message[3]
    if status == 0:
        what = _OTHER_DUMPS.get(format_number, f"Yamaha dump of format {format_number:02X}")
        if format_number == 0x7E:
            # Bulk data says what it is in ten characters: "LM  8973PM" are DX7II performances.
            what += f" ({message[_HEADER : _HEADER + 10].decode('ascii', 'replace').strip()})"
        return what
    return {1: "Yamaha parameter change", 2: "Yamaha dump request"}.get(status, "Yamaha message")
