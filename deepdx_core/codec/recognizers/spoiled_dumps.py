"""Dumps whose bytes over 127 a text tool stored as UTF-8, or replaced by U+FFFD. They are named, and never read.

Evidence: the header of a dump with its F0 changed so, and data of at least a voice with no other change. Reason: no
damaged voice may pass for a real one.
"""

import re
from collections.abc import Iterator

from deepdx_core.codec.segments import Kind, Segment
from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE, VMEM_VOICES

SPOILED = "spoiled sysex"
"""Description of the segments of such dumps."""

_STORED, _REPLACED = b"\xc3\xb0\x43", b"\xef\xbf\xbd\x43"  # in place of F0 43
_CHARACTER = rb"(?:[\x00-\x7f]|[\xc2\xc3][\x80-\xbf]|\xef\xbf\xbd)"
# Data, checksum and F7, behind the byte count; at least a voice.
_BANK = rb"\x09" + _CHARACTER + b"{%d,%d}+" % (2 + VMEM_SIZE, 2 + VMEM_SIZE * VMEM_VOICES + 2)
_SINGLE = rb"\x00" + _CHARACTER + b"{%d,%d}+" % (2 + VCED_SIZE, 2 + VCED_SIZE + 2)
_DUMP = re.compile(b"(?:" + _STORED + b"|(" + _REPLACED + rb"))[\x00-\x0f](?:" + _BANK + b"|" + _SINGLE + b")")


def find(data: bytes) -> Iterator[Segment]:
    """Yield each spoiled dump as one segment."""
    if _STORED not in data and _REPLACED not in data:
        return
    for dump in _DUMP.finditer(data):
        how = "replaced" if dump[1] else "stored as UTF-8"
        note = f"sysex spoiled by a text tool: its bytes over 127 were {how}"
        yield Segment(dump.start(), len(dump[0]), Kind.JUNK, SPOILED, note)
