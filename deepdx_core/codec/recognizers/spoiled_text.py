"""Sysex damaged by a text tool. It is refused with the reason, so that no damaged voice passes for a real one.

Two kinds of damage are known: bytes over 127 stored as UTF-8 or replaced by U+FFFD, and a carriage return added before
each line feed (byte 10). The second shows only in the segments of the data.
"""

from collections.abc import Iterable

from deepdx_core.codec.segments import Checksum, Kind, Reading, Segment
from deepdx_core.codec.splitting import split

_YAMAHA_IN_UTF8 = b"\xc3\xb0C"  # F0 43
_YAMAHA_REPLACED = b"\xef\xbf\xbdC"  # U+FFFD in place of F0


def recognize(data: bytes) -> Reading | None:
    """Refuse sysex whose bytes over 127 were stored as UTF-8 or replaced."""
    if _YAMAHA_IN_UTF8 in data and b"\xf0" not in data:
        return _refuse(data, "its bytes over 127 were stored as UTF-8")
    if _YAMAHA_REPLACED in data:
        return _refuse(data, "its bytes over 127 were replaced")
    return None


def recognize_added_line_ends(data: bytes, segments: tuple[Segment, ...]) -> Reading | None:
    """Refuse `data`, split into `segments`, if removing the carriage returns of its line ends mends dumps."""
    damaged = any(s.kind is Kind.MESSAGE or s.checksum in (Checksum.WRONG, Checksum.MISSING) for s in segments)
    if not damaged or b"\r\n" not in data:
        return None
    if _count_right_dumps(split(data.replace(b"\r\n", b"\n"))) <= _count_right_dumps(segments):
        return None
    return _refuse(data, "line ends were added to its data")


def _count_right_dumps(segments: Iterable[Segment]) -> int:
    return sum(segment.checksum is Checksum.RIGHT and not segment.note for segment in segments)


def _refuse(data: bytes, damage: str) -> Reading:
    reason = f"sysex spoiled by a text tool: {damage}"
    return Reading((Segment(0, len(data), Kind.JUNK, "spoiled sysex", reason),), reason)
