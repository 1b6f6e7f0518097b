"""Sysex written as hexadecimal digits, as in mails, monitor logs and source code. Words around it are skipped."""

import re
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from deepdx_core.codec.file_types import is_text
from deepdx_core.codec.segments import Reading
from deepdx_core.codec.splitting import split

# A byte in any of the usual notations: F0, 0xF0, $F0, F0h; a line of bytes with the usual marks around them.
# All quantifiers are possessive, so that a line of any length takes no memory for backtracking.
_BYTE = rb"(?:0[xX]|\$)?+[0-9A-Fa-f]{2}[hH]?+"
_LINE = re.compile(rb"^[ \t\[({]*+" + _BYTE + rb"(?:[ \t,;:|-]*+" + _BYTE + rb")*+[ \t,;\])}\r]*+$", re.MULTILINE)
_DIGITS = re.compile(rb"(?:0[xX]|\$)?([0-9A-Fa-f]{2})")
_YAMAHA = re.compile(rb"[fF]0[^0-9A-Za-z]{0,8}(?:0[xX]|\$)?43")


def recognize(data: bytes) -> Reading | None:
    """Read the sysex in hexadecimal text. Segments have their offsets in the text; each ends where the next begins."""
    if not is_text(data) or not _YAMAHA.search(data):
        return None
    decoded, offsets = _decode(data)
    if b"\xf0\x43" not in decoded:
        return None
    segments = list(split(decoded))
    bounds = [0, *(offsets[segment.offset] for segment in segments[1:]), len(data)]
    return Reading(
        tuple(
            replace(segment, offset=start, length=end - start, note="; ".join(filter(None, [segment.note, "hex text"])))
            for segment, (start, end) in zip(segments, pairwise(bounds), strict=True)
        )
    )


def _decode(data: bytes) -> tuple[bytes, Sequence[int]]:
    """Return the bytes of all lines of hexadecimal digits, and the offset of each in the text."""
    decoded, offsets = bytearray(), array("L")
    for line in _LINE.finditer(data):
        for digits in _DIGITS.finditer(data, line.start(), line.end()):
            decoded.append(int(digits[1], 16))
            offsets.append(digits.start())
    return bytes(decoded), offsets
