"""Sysex in which a text tool added a carriage return before each line feed (byte 10). It is refused with the reason.

The damage shows only in the segments of the data.
"""

from collections.abc import Iterable

from deepdx_core.codec.recognizers.spoiled_dumps import SPOILED
from deepdx_core.codec.segments import Checksum, Kind, Reading, Segment
from deepdx_core.codec.splitting import split


def recognize_added_line_ends(data: bytes, segments: tuple[Segment, ...]) -> Reading | None:
    """Refuse `data`, split into `segments`, if removing the carriage returns of its line ends mends dumps."""
    damaged = any(s.kind is Kind.MESSAGE or s.checksum in (Checksum.WRONG, Checksum.MISSING) for s in segments)
    if not damaged or b"\r\n" not in data:
        return None
    if _count_right_dumps(split(data.replace(b"\r\n", b"\n"))) <= _count_right_dumps(segments):
        return None
    reason = "sysex spoiled by a text tool: line ends were added to its data"
    return Reading((Segment(0, len(data), Kind.JUNK, SPOILED, reason),), reason)


def _count_right_dumps(segments: Iterable[Segment]) -> int:
    return sum(segment.checksum is Checksum.RIGHT and not segment.note for segment in segments)
