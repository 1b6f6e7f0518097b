"""Bytes as numbers: hex dumps of all programs, logs of MIDI monitors, arrays and lists of programming languages.

Sources: manuals of hexdump, od, xxd, MIDI-OX, ReceiveMIDI and SendMIDI, and their output.
"""

import re
from collections.abc import Iterator

import numpy as np

from deepdx_core.codec.notations.columns import Repeat, find_data
from deepdx_core.codec.notations.decoded import Decoded, Notation, join
from deepdx_core.codec.notations.programs import blank_comments, frame_bare_messages
from deepdx_core.codec.notations.repeats import fill_in, find_repeats_by_size
from deepdx_core.codec.notations.values import (
    Measure,
    hex_values,
    measure_hex,
    measure_marked_hex,
    measure_numbers,
    number_values,
)
from deepdx_core.codec.notations.words import find_words

_DIGIT = re.compile(rb"[0-9]")
_BLOCK = 2**21  # characters that are decoded at once, up to the end of a line


class _Numbers:
    """A notation of numbers.

    evidence: a match of it must be in the text, in lower case, with a line feed before it.
    signs: one of them must be in the text too. They are found faster than the evidence.
    marked: all words count, not only the longest run of each line, as each has a mark.
    little: words of several bytes begin with the last.
    code: comments of programming languages are no data.
    """

    def __init__(
        self,
        evidence: bytes,
        measure: Measure,
        base: int,
        *,
        signs: tuple[bytes, ...] = (b"",),
        marked: bool = False,
        little: bool = False,
        code: bool = False,
    ) -> None:
        self._evidence, self._signs = re.compile(evidence), signs
        self._measure, self._base = measure, base
        self._marked, self._little, self._code = marked, little, code

    def decode(self, text: bytes) -> Decoded | None:
        if not _DIGIT.search(text):
            return None
        lower = text.lower()
        if not any(sign in lower for sign in self._signs):
            return None
        if self._code:
            text = blank_comments(text)
            lower = text.lower()
        if not self._evidence.search(b"\n" + lower):
            return None
        return join([self._decode_block(text[start:end], start) for start, end in _blocks(text)])

    def _decode_block(self, text: bytes, offset: int) -> Decoded:
        words = find_words(np.frombuffer(text, dtype=np.uint8))
        digits = self._measure(words)
        repeats: list[Repeat] = []
        if self._marked:
            index = np.flatnonzero(digits.size)
        else:
            index, repeats = find_data(words, digits.size)
        if self._base == 16:
            decoded = Decoded(*hex_values(words, digits, index, self._little))
        else:
            decoded = Decoded(*number_values(words, digits, index, self._base))
        ends = np.cumsum(digits.size[index], dtype=np.intp)
        repeats = repeats or find_repeats_by_size(text, words, index, ends, decoded)
        decoded = fill_in(decoded, index, ends, repeats)
        decoded = frame_bare_messages(text, decoded)
        return Decoded(decoded.data, (decoded.offsets + offset).astype(np.int32))


def _blocks(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield the bounds of blocks that end at the end of a line, or at a space or comma in a long line."""
    start = 0
    while start < len(text):
        limit = start + _BLOCK
        end = len(text)
        if limit < end:
            end = next((at + 1 for mark in (b"\n", b" ", b",") if (at := text.rfind(mark, start, limit)) > 0), end)
        yield start, end
        start = end


# The evidence is the header of a dump with its first data bytes, or a line like those of a dump without a header.
# Each alternative begins with a character, by which the search is fast.
_SPACE, _GAP = rb"[^0-9a-z]{0,8}", rb"[^0-9a-z]{1,80}"
_ADDRESS = rb"\n[> \t]{0,8}[0-9a-f]{4,16}[:h]?[ \t]{1,4}"
_OCTAL_ADDRESS = rb"\n[0-7]{7}[ \t]{1,4}"
_SMALL = rb"(?:" + _GAP + rb"1?[0-9]{1,2}(?![0-9])){5}"
_HEX = (
    rb"f0" + _SPACE + rb"43(?:" + _SPACE + rb"[0-7][0-9a-f]){3}|f0[ ,]{1,3}43[ ,]{1,3}[0-9a-f][ ,]{1,3}[09][ ,]|"
    rb"hex[ \t]{1,4}43[ \t]|syx[ \t]{1,4}43[ \t]|" + _ADDRESS + rb"[0-9a-f]{2}|"
    rb"\n[> \t]{0,8}(?:(?:[0-7][0-9a-f]){16}|[0-7][0-9a-f](?: [0-7][0-9a-f]){7})"
)
_MARKED_HEX = (
    rb"xf0(?:u8?)?[^0-9a-z]{0,80}0?x43|\$f0[^0-9a-z]{0,8}43|&h?f0[^0-9a-z]{0,8}h?43|f0h[^0-9a-z]{0,80}0?43h|"
    rb"43h[ ,]{1,4}[0-9a-f]{2}h|0x[0-9a-f]{1,2},[ \r\n\t]{0,80}0x[0-9a-f]{1,2},"
)
_DECIMAL = (
    rb"240" + _GAP + rb"67" + _SMALL + rb"|-16" + _GAP + rb"67" + _SMALL + rb"|syx[ \t]{1,4}67[ \t]|"
    rb"exclusive[ \t]{1,4}67[ \t]|data=\(67,|[0-9]{1,2}(?:,[ \r\n\t]{0,80}1?[0-9]{1,2}){8},"
)
_OCTAL_BYTES = rb"360[^0-9a-z]{1,8}103|" + _OCTAL_ADDRESS + rb"[0-3][0-7]{2}[ \t]"
_MARKS = (b"xf0", b"$f0", b"&", b"f0h", b"43h", b"0x")
_SWAPPED_HEADER = rb"\n[> \t]{0,8}(?:[0-9a-f]{4,16}[:h]?[ \t]{1,4})?43f0[ \t]"
_NOTATIONS = (
    # First, since two swapped parameters of a voice may both be legal.
    ("hex words, low byte first", _Numbers(_SWAPPED_HEADER, measure_hex, 16, signs=(b"43f0",), little=True)),
    ("hex text", _Numbers(_HEX, measure_hex, 16)),
    ("hex text", _Numbers(_MARKED_HEX, measure_marked_hex, 16, signs=_MARKS, marked=True, code=True)),
    ("hex words, low byte first", _Numbers(rb"43f0|" + _ADDRESS + rb"[0-9a-f]{4}", measure_hex, 16, little=True)),
    ("decimal text", _Numbers(_DECIMAL, measure_numbers(10, range(1, 4), 255, 1), 10, signs=(b"67", b","), code=True)),
    ("octal text", _Numbers(_OCTAL_BYTES, measure_numbers(8, range(3, 4), 255, 1), 8)),
    (
        "octal words, low byte first",
        _Numbers(_OCTAL_ADDRESS + rb"[01][0-7]{5}[ \t]", measure_numbers(8, range(6, 7), 65535, 2), 8),
    ),
    (
        "decimal words, low byte first",
        _Numbers(rb"\n[0-9a-f]{7}[ \t]{1,8}-?[0-9]{2,5}[ \t]", measure_numbers(10, range(1, 6), 65535, 2), 10),
    ),
    ("binary text", _Numbers(rb"11110000[^0-9a-z]{1,4}01000011", measure_numbers(2, range(8, 9), 255, 1), 2)),
)
NOTATIONS = tuple(Notation(name, notation.decode) for name, notation in _NOTATIONS)
"""Notations of numbers, in the order in which they are tried."""
