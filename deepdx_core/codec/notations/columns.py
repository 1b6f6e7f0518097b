"""Which words of a text are data, in lines of bytes: not addresses, columns of characters, times, or words of a log.

The data of a line is its longest run of bytes. The first word of a line is an address, and no data, if it looks unlike
the others, or if it grows from line to line by the number of bytes. Then it also tells how many bytes a line has, and
how many are left out where a `*` stands for repeated lines.
"""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import BoolArray, Int32Array, Int64Array
from deepdx_core.codec.notations.words import Indices, Words

_BASES = (16, 10, 8)  # of addresses
_ADDRESS_DIGITS = 12
_MIN_ADDRESS = 4  # digits of an address without a colon after it
_MIN_COLUMN = 4  # bytes on a line before a column of characters
_COLON, _STAR = b":*"
_SPACES = np.frombuffer(b" \t", dtype=np.uint8)


@dataclass(frozen=True)
class Repeat:
    """A `*` after the data word `word`: `size` bytes more, which repeat its line from the data word `first`."""

    first: int
    word: int
    size: int


@dataclass(frozen=True)
class _Lines:
    """The lines of a text that have words.

    first: first word of each. size: bytes of its data, without the first word. in_data: the first word is data too.
    """

    first: Indices
    size: Int64Array
    in_data: BoolArray


def find_data(words: Words, sizes: Int32Array) -> tuple[Indices, list[Repeat]]:
    """Return the indices of the data words, `intp[n]`, and what a `*` leaves out after some of them.

    sizes: bytes that each word can be, `int32[words]`; 0 for no data.
    """
    data = _longest_runs(words, sizes)
    first, row = np.flatnonzero(words.first), np.cumsum(words.first) - 1
    first = _skip_segments(words, data, first)
    size = np.bincount(row[data], weights=sizes[data], minlength=len(first)).astype(np.int64)
    in_data = data[first]
    lines = _Lines(first, size - in_data * sizes[first], in_data)
    address, limit = _find_addresses(words, lines, data)
    data[first[(address >= 0) & in_data]] = False
    kept = np.flatnonzero(data)
    # Cut the column of characters that follows the data.
    row = row[kept]
    before = np.cumsum(sizes[kept]) - sizes[kept]
    first_kept = np.searchsorted(row, np.arange(len(first)))
    in_line = before - before[first_kept[row]] if len(kept) else before
    _limit_to_columns(words, kept, row, in_line, limit)
    kept = kept[(limit[row] == 0) | (in_line < limit[row])]
    return kept, _find_repeats(words, lines, kept, address, limit)


def _limit_to_columns(words: Words, kept: Indices, row: Indices, in_line: Int64Array, limit: Int64Array) -> None:
    """Set the limit of lines without an address that have data after a wide gap, where most lines have none.

    That is a column of characters that happen to be digits. row: line of each data word. in_line: bytes before it.
    """
    wide = (limit[row] == 0) & (in_line >= _MIN_COLUMN)
    for before in (-1, -2):
        wide &= np.isin(words.character(before, words.start[kept]), _SPACES)
    _, index, counts = np.unique(in_line[wide], return_inverse=True, return_counts=True)
    rare = counts[index] * 2 < np.count_nonzero(np.diff(row, prepend=-1))
    limit[row[wide][rare]] = in_line[wide][rare]


def _longest_runs(words: Words, sizes: Int32Array) -> BoolArray:
    """Return a mask of the data words that are in the longest run of their line; of equal runs, in the last."""
    is_data = sizes > 0
    begins = is_data & (words.apart | ~np.append(False, is_data[:-1]))
    run = np.cumsum(begins) - 1
    length = np.bincount(run[is_data], weights=sizes[is_data], minlength=np.count_nonzero(begins))
    line = words.line[begins]
    order = np.lexsort((length, line))
    longest = np.zeros(len(length), dtype=bool)
    longest[order[np.append(line[order][1:] != line[order][:-1], True)[: len(line)]]] = True
    data = is_data.copy()
    data[is_data] = longest[run[is_data]]
    return data


def _skip_segments(words: Words, data: BoolArray, first: Indices) -> Indices:
    """Return the index of each line's first word. In an address such as `1AF3:0100`, that is the second part.

    The first part, a segment, is taken out of `data`.
    """
    length = words.length
    second, third = np.minimum(first + 1, len(data) - 1), np.minimum(first + 2, len(data) - 1)
    pair = (length[first] == 4) & (length[second] == 4) & (length[third] == 2)
    pair &= (words.start[second] == words.end[first] + 1) & (words.character(0, words.end[first]) == _COLON)
    data[first[pair]] = False
    return np.where(pair, second, first)


def _find_addresses(words: Words, lines: _Lines, data: BoolArray) -> tuple[Int64Array, Int64Array]:
    """Return the address of each line, -1 for none, and the bytes that it has by the next address, 0 if unknown."""
    first = lines.first
    second = np.minimum(first + 1, len(data) - 1)
    marked = (words.character(0, words.end[first]) == _COLON) & (words.character(0, words.end[second]) != _COLON)
    length = words.length
    unlike = (length[first] >= _MIN_ADDRESS) & (length[first] != length[second])
    looks = lines.in_data & (lines.size > 0) & (marked | unlike)
    next_to_data = lines.in_data | data[second]
    chosen = np.full(len(first), -1, dtype=np.int64), np.zeros(len(first), dtype=np.int64)
    most = 0
    for base in _BASES:
        value = words.numbers(base, _ADDRESS_DIGITS, first)
        step = np.append(value[1:] - value[:-1], 0)
        step[(value < 0) | ~next_to_data | (step > lines.size)] = 0
        steps, counts = np.unique(step[step > 0], return_counts=True)
        if len(steps) == 0 or counts.max() <= most:
            continue
        most, usual = counts.max(), steps[np.argmax(counts)]
        grows = (step == usual) | ((step > 0) & (step == lines.size))
        # One line may grow by chance, but not two in a row.
        beside = np.append(grows[1:], False) | np.append(False, grows[:-1])
        sure = grows & (beside | looks | ~lines.in_data)
        addressed = (value >= 0) & (sure | np.append(False, sure[:-1]) | looks)
        chosen = np.where(addressed, value, -1), np.where(addressed, np.where(grows, step, usual), 0)
    address, limit = chosen
    address[looks & (address < 0)] = 0
    return address, limit


def _find_repeats(words: Words, lines: _Lines, kept: Indices, address: Int64Array, limit: Int64Array) -> list[Repeat]:
    """Return what is left out where a `*` stands alone between lines with addresses, up to the size of the text."""
    stars = np.flatnonzero(words.text == _STAR)
    if len(stars) == 0 or len(kept) == 0:
        return []
    starts = words.start[lines.first]
    following = np.searchsorted(starts, stars)  # the line with words after each star
    following = following[(following > 0) & (following < len(starts))]
    before = np.unique(following) - 1
    following = before + 1
    # The last address may stand alone, so it need not be known as one.
    same_width = words.length[lines.first[before]] == words.length[lines.first[following]]
    usual = limit[before]
    base = next((b for b in _BASES if (address[before] == _values(words, lines, before, b))[usual > 0].all()), 16)
    left_out = _values(words, lines, following, base) - address[before] - usual
    alone = words.line[lines.first[following]] - words.line[lines.first[before]] > 1
    repeats: list[Repeat] = []
    available = len(words.text)
    rows = np.searchsorted(lines.first, kept, side="right") - 1
    for index in np.flatnonzero(same_width & alone & (usual > 0) & (left_out > 0)):
        begin, end = np.searchsorted(rows, [before[index], before[index] + 1])
        available -= int(left_out[index])
        if available < 0:
            break
        if end > begin:
            repeats.append(Repeat(int(kept[begin]), int(kept[end - 1]), int(left_out[index])))
    return repeats


def _values(words: Words, lines: _Lines, at: Indices, base: int) -> Int64Array:
    return words.numbers(base, _ADDRESS_DIGITS, lines.first[at])
