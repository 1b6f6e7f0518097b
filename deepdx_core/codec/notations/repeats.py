"""Repeated lines that a hex dump leaves out: a `*` stands for one or more lines equal to the one before."""

import re

import numpy as np

from deepdx_core.codec.dumps import DUMP_SIZE, END, RIGHT_HEADERS
from deepdx_core.codec.notations.columns import Repeat
from deepdx_core.codec.notations.decoded import Decoded, join
from deepdx_core.codec.notations.words import Indices, Words

_STAR = re.compile(rb"^[> \t]*+\*[ \t]*+\r?$", re.MULTILINE)


def find_repeats_by_size(text: bytes, words: Words, index: Indices, ends: Indices, decoded: Decoded) -> list[Repeat]:
    """Return the repeats in dumps whose lines have no addresses: their whole size tells how many lines are left out.

    Only where that is certain: of one `*`, or where each stands for a single line.
    index: data words. ends: number of bytes up to the end of each.
    """
    stars = np.array([star.start() for star in _STAR.finditer(text)], dtype=np.intp)
    if len(stars) == 0 or len(index) == 0:
        return []
    data, repeats = decoded.data.tobytes(), []
    headers = ((match.start(), format_) for format_, header in RIGHT_HEADERS.items() for match in header.finditer(data))
    done = 0
    for start, format_ in sorted(headers):
        end = data.find(END, start)
        if end < 0:
            break
        if start < done:
            continue
        done = end + 1
        first, last = np.searchsorted(stars, decoded.offsets[[start, end]])
        words_before = np.searchsorted(words.start[index], stars[first:last]) - 1
        lines_first = np.searchsorted(words.line[index], words.line[index[words_before]])
        sizes = ends[words_before] - np.where(lines_first > 0, ends[lines_first - 1], 0)
        left_out = DUMP_SIZE[format_] - (done - start)
        if len(sizes) == 1 and left_out > 0 and left_out % sizes[0] == 0:
            sizes = np.array([left_out])
        if len(sizes) and sizes.sum() == left_out:
            found = zip(index[lines_first], index[words_before], sizes, strict=True)
            repeats += [Repeat(int(line), int(word), int(size)) for line, word, size in found]
    return repeats


def fill_in(decoded: Decoded, index: Indices, ends: Indices, repeats: list[Repeat]) -> Decoded:
    """Return the bytes with those that a `*` stands for.

    index: data words. ends: number of bytes up to the end of each.
    """
    pieces, done = [], 0
    for repeat in repeats:
        first, last = np.searchsorted(index, [repeat.first, repeat.word])
        begin, end = int(ends[first - 1]) if first else 0, int(ends[last])
        pieces.append(Decoded(decoded.data[done:end], decoded.offsets[done:end]))
        place = np.full(repeat.size, decoded.offsets[end - 1], dtype=np.int32)
        pieces.append(Decoded(np.resize(decoded.data[begin:end], repeat.size), place))
        done = end
    return join([*pieces, Decoded(decoded.data[done:], decoded.offsets[done:])]) or decoded
