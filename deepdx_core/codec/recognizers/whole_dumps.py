"""Files of nothing but whole dumps of voices, one after another, as nearly all are.

Evidence: right headers and checksums, and no byte over 127 in between. Reason: speed, since no other recognizer reads
such a file in another way.
"""

from deepdx_core.codec import splitting
from deepdx_core.codec.dumps import HEADER_SIZE, RIGHT_HEADERS, read_whole_dump
from deepdx_core.codec.segments import Checksum, Reading, Segment


def recognize(data: bytes) -> Reading | None:
    """Read the dumps."""
    segments: list[Segment] = []
    done = 0
    while done < len(data):
        body = done + HEADER_SIZE
        format_ = next((format_ for format_, header in RIGHT_HEADERS.items() if header.match(data, done)), None)
        dump = read_whole_dump(data, done, body, (format_,)) if format_ else []
        if not dump or dump[0].checksum is not Checksum.RIGHT:
            return None
        segments += dump
        done = dump[-1].offset + dump[-1].length
        if len(segments) > splitting.MAX_SEGMENTS or not data[body : done - 1].isascii():
            return None
    return Reading(tuple(segments)) if segments else None
