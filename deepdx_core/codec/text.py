"""Files that are text: sysex written out in hexadecimal digits is read, sysex that a text tool spoiled is known."""

import re
from array import array
from collections.abc import Sequence

from deepdx_core.voice.parameters import PARAMETER_NAMES

# A byte in any of the usual spellings: F0, 0xF0, $F0, F0h; a line of bytes with the usual marks around them.
# No part gives back what it took, so that a line of any length takes no memory.
_BYTE = rb"(?:0[xX]|\$)?+[0-9A-Fa-f]{2}[hH]?+"
_LINE = re.compile(rb"^[ \t\[({]*+" + _BYTE + rb"(?:[ \t,;:|-]*+" + _BYTE + rb")*+[ \t,;\])}\r]*+$", re.MULTILINE)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")
_DIGITS = re.compile(rb"(?:0[xX]|\$)?([0-9A-Fa-f]{2})")
_YAMAHA = re.compile(rb"[fF]0[^0-9A-Za-z]{0,8}(?:0[xX]|\$)?43")
_COLUMNS = [name.replace("_", "").encode() for name in PARAMETER_NAMES]
_SAMPLE = 2**16  # bytes of the head and of the tail of a table, where its columns are named
_YAMAHA_IN_UTF8 = b"\xc3\xb0C"  # F0 43
_YAMAHA_REPLACED = b"\xef\xbf\xbdC"  # U+FFFD in place of F0


def is_text(data: bytes) -> bool:
    """Whether bytes are text as people write it: no control characters but white space in its first 4096."""
    return _CONTROL.search(data, 0, 4096) is None


def is_table_of_voices(data: bytes) -> bool:
    """Whether bytes are a table as `deepdx convert` writes it: CSV, JSON or Parquet with the parameters' names."""
    if not is_text(data) and not data.startswith(b"PAR1"):
        return False
    sample = (data[:_SAMPLE] + data[-_SAMPLE:]).lower()
    if b'"parameters"' in sample and b'"sound_id"' in sample:  # as `deepdx inspect --json` writes it
        return True
    words = re.sub(rb"[^a-z0-9]+", b"", sample)
    return all(column in words for column in _COLUMNS)


def hex_text(data: bytes) -> tuple[bytes, Sequence[int]] | None:
    """The bytes that a text spells out in hexadecimal digits, and where each stands in it; None without sysex."""
    if not is_text(data) or not _YAMAHA.search(data):
        return None
    spelled, places = bytearray(), array("L")
    for line in _LINE.finditer(data):
        for digits in _DIGITS.finditer(data, line.start(), line.end()):
            spelled.append(int(digits[1], 16))
            places.append(digits.start())
    return (bytes(spelled), places) if b"\xf0\x43" in spelled else None


def spoiled_by_text_tool(data: bytes) -> str:
    """How a text tool spoiled sysex, in words; "" if none did."""
    if _YAMAHA_IN_UTF8 in data and b"\xf0" not in data:
        return "sysex spoiled by a text tool: its bytes over 127 were stored as UTF-8"
    if _YAMAHA_REPLACED in data:
        return "sysex spoiled by a text tool: its bytes over 127 were replaced"
    return ""


LINE_ENDS = "sysex spoiled by a text tool: line ends were added to its data"


def without_added_line_ends(data: bytes) -> bytes:
    """What the data was if a tool took its line feeds for the ends of lines, and put a carriage return before each."""
    return data.replace(b"\r\n", b"\n")
