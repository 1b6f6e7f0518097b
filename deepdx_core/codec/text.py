"""Files that are text: sysex written out in hexadecimal digits is read, sysex that a text tool spoiled is known."""

import re

# A byte in any of the usual spellings: F0, 0xF0, $F0, F0h; a line of bytes with the usual marks around them.
_BYTE = rb"(?:0[xX]|\$)?[0-9A-Fa-f]{2}[hH]?"
_LINE = re.compile(rb"^[ \t\[({]*" + _BYTE + rb"(?:[ \t,;:|-]*" + _BYTE + rb")*[ \t,;\])}\r]*$", re.MULTILINE)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")
_DIGITS = re.compile(rb"(?:0[xX]|\$)?([0-9A-Fa-f]{2})")
_YAMAHA = re.compile(rb"[fF]0[^0-9A-Za-z]{0,8}(?:0[xX]|\$)?43")
_YAMAHA_IN_UTF8 = b"\xc3\xb0C"  # F0 43
_YAMAHA_REPLACED = b"\xef\xbf\xbdC"  # U+FFFD in place of F0


def is_text(data: bytes) -> bool:
    """Whether bytes are text as people write it: no control characters but white space in its first 4096."""
    return _CONTROL.search(data, 0, 4096) is None


def hex_text(data: bytes) -> tuple[bytes, list[int]] | None:
    """The bytes that a text spells out in hexadecimal digits, and where each stands in it; None without sysex."""
    if not is_text(data) or not _YAMAHA.search(data):
        return None
    digits = [found for line in _LINE.finditer(data) for found in _DIGITS.finditer(data, line.start(), line.end())]
    spelled = bytes(int(found.group(1), 16) for found in digits)
    return (spelled, [found.start() for found in digits]) if b"\xf0\x43" in spelled else None


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
