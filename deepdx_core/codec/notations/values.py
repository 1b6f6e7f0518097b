"""Which words of a text are bytes in a notation, and their values."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Int32Array, UInt8Array
from deepdx_core.codec.notations.words import DIGIT, Indices, Words


@dataclass(frozen=True)
class Sizes:
    """The number of bytes that each word writes, 0 for no data, and the start and end of its digits, `int32[n]`."""

    size: Int32Array
    start: Int32Array
    end: Int32Array


Measure = Callable[[Words], Sizes]
"""Returns which words are bytes."""


def measure_hex(words: Words) -> Sizes:
    """F0, F043, F04300092000; a single digit counts as a byte."""
    length = words.length
    good = (words.highest < 16) & ((length == 1) | (length % 2 == 0))
    return Sizes(np.where(good, (length + 1) // 2, 0).astype(np.int32), words.start, words.end)


def measure_marked_hex(words: Words) -> Sizes:
    r"""0xF0, $F0, \xF0, &HF0, F0h, with the suffixes of C (0xF0u) and Rust (0xF0u8)."""
    start, end = words.start, words.end
    first, second, before = words.character(0), words.character(1) | 0x20, words.character(-1)
    zero_x = (first == ord("0")) & (second == ord("x"))
    rust = zero_x & (words.character(-2, end) == ord("u")) & (words.character(-1, end) == ord("8"))
    end = np.where(rust, end - 2, end)
    last = words.character(-1, end) | 0x20
    suffixed = (last == ord("h")) & ~zero_x & (DIGIT[first] < 10)
    end = np.where(suffixed | (zero_x & (last == ord("u"))), end - 1, end)
    escaped = ((before == ord("\\")) & (first == ord("x"))) | ((before == ord("&")) & ((first | 0x20) == ord("h")))
    start = np.where(zero_x, start + 2, np.where(escaped, start + 1, start))
    start = np.where(suffixed & (end - start == 3) & (first == ord("0")), start + 1, start)
    length = end - start
    good = zero_x | suffixed | escaped | (before == ord("$")) | (before == ord("&"))
    good &= (length >= 1) & (length <= 2) & (DIGIT[words.character(-1, end)] < 16)
    good &= (length == 1) | (DIGIT[words.character(-2, end)] < 16)
    return Sizes(good.astype(np.int32), start, end)


def measure_numbers(base: int, digits: range, maximum: int, size: int) -> Measure:
    """Return a measure of numbers up to `maximum` whose length is in `digits`. Each writes `size` bytes."""

    def measure(words: Words) -> Sizes:
        value = words.numbers(base, digits.stop - 1)
        good = (words.length >= digits.start) & (value >= 0) & (value <= maximum)
        return Sizes(np.where(good, size, 0).astype(np.int32), words.start, words.end)

    return measure


def hex_values(words: Words, digits: Sizes, index: Indices, little: bool) -> tuple[UInt8Array, Int32Array]:
    """Return the bytes of words of hexadecimal digits, and the offset of each. little: words begin with the last."""
    size, start, end = digits.size[index], digits.start[index], digits.end[index]
    owner = np.repeat(np.arange(len(index), dtype=np.int32), size)
    place = np.arange(len(owner), dtype=np.int32) - np.repeat(np.cumsum(size, dtype=np.int32) - size, size)
    from_end = place if little else size[owner] - 1 - place
    low = end[owner] - 1 - 2 * from_end
    high = np.where(low > start[owner], DIGIT[words.text[low - 1]], 0)
    # Offsets ascend, in either order.
    return (high << 4 | DIGIT[words.text[low]]).astype(np.uint8), start[owner] + 2 * place


_BEFORE_SIGN = np.frombuffer(b" \t\n,([{\0", np.uint8)


def number_values(words: Words, digits: Sizes, index: Indices, base: int) -> tuple[UInt8Array, Int32Array]:
    """Return the bytes of numbers of one byte, or of two in little-endian order, and the offset of each."""
    start, size = words.start[index], int(digits.size.max(initial=1))
    value = words.numbers(base, 8, index)
    negative = (words.character(-1, start) == ord("-")) & np.isin(words.character(-2, start), _BEFORE_SIGN)
    value = np.where(negative, -value, value)  # two's complement
    values = np.stack([value & 255, value >> 8 & 255], axis=1)[:, :size].astype(np.uint8)
    return values.reshape(-1), np.repeat(start, size) + np.tile(np.arange(size, dtype=np.int32), len(start))
