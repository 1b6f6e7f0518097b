"""A file's bytes to segments that account for all of them: voice dumps, other messages, junk."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from deepdx_core.codec.plausibility import look_like_voices
from deepdx_core.codec.segments import Format, Kind, Segment
from deepdx_core.codec.sysex import START, read_message
from deepdx_core.voice.parameters import VMEM_SIZE, VMEM_VOICES

_BANK_SIZE = VMEM_VOICES * VMEM_SIZE


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
    """Account for all of `data`. Never fails: what is not understood is junk, and `reason` says so."""
    segments = tuple(_segments(data))
    has_voices = any(segment.kind is Kind.VOICES for segment in segments)
    return Reading(segments, "" if has_voices else _reason(data, segments))


def _segments(data: bytes) -> Iterator[Segment]:
    done = position = 0
    while (start := data.find(START, position)) >= 0:
        message = read_message(data, start)
        if message is None:
            position = start + 1
            continue
        yield from _between(data, done, start)
        yield message
        done = position = message.offset + message.length
    yield from _between(data, done, len(data))


def _between(data: bytes, start: int, end: int) -> Iterator[Segment]:
    """Segments of bytes outside any message: banks without a header if they look like it, junk otherwise."""
    stretch = data[start:end]
    if not stretch:
        return
    if len(stretch) % _BANK_SIZE == 0 and look_like_voices(stretch):
        for offset in range(0, len(stretch), _BANK_SIZE):
            bank = stretch[offset : offset + _BANK_SIZE]
            yield Segment(
                start + offset,
                _BANK_SIZE,
                Kind.VOICES,
                "32 voices without a header",
                format=Format.HEADERLESS_VMEM,
                payload=bank,
            )
    else:
        yield Segment(start, len(stretch), Kind.JUNK, "not a message")


def _list(things: list[str]) -> str:
    return ", ".join(f"{count} x {what}" if count > 1 else what for what, count in Counter(things).items())


def _reason(data: bytes, segments: tuple[Segment, ...]) -> str:
    if not data:
        return "empty file"
    messages = [segment.what for segment in segments if segment.kind is Kind.MESSAGE]
    if messages:
        return f"system exclusive without DX7 voices: {_list(messages)}"
    if data.startswith(b"MThd"):
        return "MIDI file without DX7 voices"
    if data.lstrip()[:1] == b"<":
        return "web page or XML, not a dump"
    if _is_text(data):
        return "text, not a dump"
    return f"{len(data)} bytes without system exclusive or DX7 voices"


def _is_text(data: bytes) -> bool:
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1a" for byte in data[:4096])
    return control == 0
