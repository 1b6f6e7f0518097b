"""Any other file: MIDI messages, and voices without a header between them.

Containers are ignored and their bytes searched. So voices are found in MIDI files, disk images and backups too, and in
files that hold nothing but records.
"""

from deepdx_core.codec.recognizers.spoiled_text import recognize_added_line_ends
from deepdx_core.codec.segments import Reading
from deepdx_core.codec.splitting import split


def recognize(data: bytes) -> Reading:
    """Split any bytes into messages, headerless voices and junk."""
    segments = tuple(split(data))
    return recognize_added_line_ends(data, segments) or Reading(segments)
