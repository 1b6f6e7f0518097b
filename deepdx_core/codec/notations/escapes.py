"""Bytes as characters where they can be printed, and escaped where not: quoted-printable, URLs, string literals."""

import re
from collections.abc import Callable
from functools import partial

import numpy as np

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.notations.decoded import Decoded, Notation, join
from deepdx_core.codec.notations.words import DIGIT

_QUOTED_PRINTABLE = re.compile(rb"=[fF]0(?:=[0-9A-Fa-f]{2}|=\r?\n|[ -~])")
_URL = re.compile(rb"%[fF]0(?:C|%43)")
_LITERAL = re.compile(rb"\\(?:(?:x|u00)[fF]0(?:C|\\(?:x|u00)43)|360(?:C|\\103))")
_BLOCK = 2**23  # characters that are decoded at once
_LONGEST = 6  # characters of an escape

_LETTERS: UInt8Array = np.arange(256, dtype=np.uint8)
_LETTERS[list(b"abtnvfre")] = [7, 8, 9, 10, 11, 12, 13, 27]


def _following(text: UInt8Array, count: int) -> list[UInt8Array]:
    """Return the text, and the text from each of the next `count` characters on, padded with NUL."""
    padded = np.concatenate([text, np.zeros(count, dtype=np.uint8)])
    return [padded[shift : shift + len(text)] for shift in range(count + 1)]


def _hidden(length: int, starts: BoolArray, lengths: UInt8Array | int) -> BoolArray:
    """Return a mask of the characters of escapes, apart from their first ones."""
    change = np.zeros(length + 8, dtype=np.int8)
    at = np.flatnonzero(starts)
    size = np.broadcast_to(lengths, starts.shape)[starts]
    change[at[size > 1] + 1] += 1
    change[(at + size)[size > 1]] -= 1
    hidden: BoolArray = np.cumsum(change[:length], dtype=np.int8) > 0
    return hidden


def _in_blocks(text: bytes, mark: bytes, decode: Callable[[bytes], Decoded]) -> Decoded | None:
    """Decode a text in blocks that end before an escape, never within one."""
    parts: list[Decoded] = []
    start = 0
    while start < len(text):
        end = min(start + _BLOCK, len(text))
        if end < len(text) and (at := text.rfind(mark, end - _LONGEST, end)) >= 0:
            before = len(text[start:at].rstrip(mark))
            end = start + before if before else end
        part = decode(text[start:end])
        parts.append(Decoded(part.data, part.offsets + np.int32(start)))
        start = end
    return join(parts)


def _decode_hex_escapes(data: bytes, mark: bytes) -> Decoded:
    """Decode a mark and two hexadecimal digits. A mark at the end of a line joins it to the next."""
    text = np.frombuffer(data, dtype=np.uint8)
    this, second, third = _following(text, 2)
    marked = this == mark[0]
    escaped = marked & (DIGIT[second] < 16) & (DIGIT[third] < 16)
    soft = marked & ((second == 10) | ((second == 13) & (third == 10)))
    hidden = _hidden(len(text), escaped, 3) | _hidden(len(text), soft, np.where(second == 10, 2, 3).astype(np.uint8))
    hidden |= soft | ((this == 13) & (second == 10))
    keep = np.flatnonzero(~hidden)
    value = np.where(escaped, DIGIT[second] << 4 | DIGIT[third], this)
    return Decoded(value[keep].astype(np.uint8), keep.astype(np.int32))


def _decode_quoted_printable(text: bytes) -> Decoded | None:
    if not _QUOTED_PRINTABLE.search(text):
        return None
    return _in_blocks(text, b"=", partial(_decode_hex_escapes, mark=b"="))


def _decode_url(text: bytes) -> Decoded | None:
    return _in_blocks(text, b"%", partial(_decode_hex_escapes, mark=b"%")) if _URL.search(text) else None


def _decode_literal(text: bytes) -> Decoded | None:
    found = _LITERAL.search(text)
    if found is None:
        return None
    quote = text[max(found.start() - 1, 0) : found.start()]
    return _in_blocks(text, b"\\", partial(_decode_strings, quote=re.escape(quote)))


def _decode_strings(data: bytes, quote: bytes) -> Decoded:
    r"""Decode strings of C, Python and JSON: \xF0, \360, \u00f0, \n, in one literal or several in a row."""
    text = np.frombuffer(data, dtype=np.uint8)
    this, *after = _following(text, 5)
    digits = [DIGIT[characters] for characters in after]
    backslash = this == ord("\\")
    place = np.arange(len(text))
    begins_row = backslash & ~np.append(False, backslash[:-1])
    starts = backslash & ((place - np.maximum.accumulate(np.where(begins_row, place, 0))) % 2 == 0)
    in_hex = starts & (after[0] == ord("x")) & (digits[1] < 16) & (digits[2] < 16)
    in_unicode = starts & (after[0] == ord("u")) & (after[1] == ord("0")) & (after[2] == ord("0"))
    in_unicode &= (digits[3] < 16) & (digits[4] < 16)
    octal = [starts & (digits[0] < 8)]
    octal += [octal[0] & (digits[1] < 8)]
    octal += [octal[1] & (digits[2] < 8) & (digits[0] < 4)]
    of_octal = [digits[0], digits[0] << 3 | digits[1], digits[0] << 6 | digits[1] << 3 | digits[2]]
    kinds = [in_hex, in_unicode, *octal[::-1], starts]
    values = [digits[1] << 4 | digits[2], digits[3] << 4 | digits[4], *of_octal[::-1], _LETTERS[after[0]]]
    value = np.select(kinds, values, this).astype(np.uint8)
    lengths = np.select(kinds, [4, 6, 4, 3, 2, 2], 1).astype(np.uint8)
    hidden = _hidden(len(text), starts, lengths)
    hidden |= starts & (after[0] == 10)
    # Literals in a row are one string, as in C.
    for between in re.finditer(quote + rb"[ \t\r\n\\]*+[bu]?" + quote, data):
        if not hidden[between.start()]:
            hidden[between.start() : between.end()] = True
    keep = np.flatnonzero(~hidden)
    return Decoded(value[keep], keep.astype(np.int32))


NOTATIONS = (
    Notation("quoted-printable", _decode_quoted_printable),
    Notation("URL encoding", _decode_url),
    Notation("escaped string", _decode_literal),
)
"""Notations by escapes, in the order in which they are tried."""
