"""The words of a text as arrays: runs of letters and digits, with the numbers that they write."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, Int32Array, Int64Array, UInt8Array

Indices = npt.NDArray[np.intp]

_LETTERS = b"abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
_IN_WORD: BoolArray = np.isin(np.arange(256), np.frombuffer(_LETTERS + _DIGITS, np.uint8))
# What may stand between two bytes of a list. `|`, `>` and `.` begin a column of characters; a letter or `/`, a comment.
_APART: BoolArray = ~np.isin(np.arange(256), np.frombuffer(b" \t,;:-(){}[]'\"$\\&+", np.uint8))


def _digit_values() -> UInt8Array:
    values = np.full(256, 255, dtype=np.uint8)
    for value, characters in enumerate(zip(b"0123456789abcdef", b"0123456789ABCDEF", strict=True)):
        values[list(characters)] = value
    return values


DIGIT: UInt8Array = _digit_values()
"""Value of each digit, 255 for other characters, `uint8[256]`."""


MARGIN = 16


@dataclass(frozen=True)
class Words:
    """The words of a text: start and end of each, `int32[n]`, and the line that it is in."""

    text: UInt8Array
    padded: UInt8Array
    """The text with MARGIN NULs on either side."""
    start: Int32Array
    end: Int32Array
    line: Int32Array
    highest: UInt8Array
    """Highest value of a digit in each word, 255 if it has other letters than hexadecimal digits."""
    first: BoolArray
    """True for the first word of a line."""
    apart: BoolArray
    """True if anything but the usual separators of a list stands before a word, such as the end of a line."""

    @property
    def length(self) -> Int32Array:
        """Length of each word."""
        return self.end - self.start

    def character(self, offset: int, of: Int32Array | None = None) -> UInt8Array:
        """Return the character `offset` (-MARGIN to MARGIN) after the start of each word, or after `of`; NUL beyond the
        text."""
        found: UInt8Array = self.padded[(self.start if of is None else of) + (offset + MARGIN)]
        return found

    def numbers(self, base: int, digits: int, index: Indices | slice = slice(None)) -> Int64Array:
        """Return the numbers that words are, -1 for those that are not digits of a base, or more than `digits`."""
        length, end = self.length[index], self.end[index]
        value = np.zeros(len(end), dtype=np.int64)
        for place in range(min(digits, int(length.max(initial=0)))):
            digit = DIGIT[self.character(-1 - place, end)]
            value += np.where(place < length, digit, 0).astype(np.int64) * base**place
        good: BoolArray = (self.highest[index] < base) & (length <= digits)
        return np.where(good, value, -1)


def find_words(text: UInt8Array) -> Words:
    """Return all words of a text, `uint8[n]`."""
    margin = np.zeros(MARGIN, dtype=np.uint8)
    padded = np.concatenate([margin, text, margin])
    in_word = _IN_WORD[padded]
    edges = np.flatnonzero(in_word[1:] != in_word[:-1]) + 1
    if len(edges) == 0:
        nothing, none = np.empty(0, dtype=np.int32), np.empty(0, dtype=bool)
        return Words(text, padded, nothing, nothing, nothing, nothing.astype(np.uint8), none, none)
    # Words and the gaps behind them, in turn.
    highest = np.maximum.reduceat(DIGIT[padded], edges)[::2]
    odd = np.logical_or.reduceat(_APART[padded], edges)[1::2]
    start, end = ((edges[side::2] - MARGIN).astype(np.int32) for side in (0, 1))
    line = np.searchsorted(np.flatnonzero((text == 10) | (text == 13)), start).astype(np.int32)
    first = np.append(True, line[1:] != line[:-1])
    return Words(text, padded, start, end, line, highest, first, np.append(True, odd[:-1]))
