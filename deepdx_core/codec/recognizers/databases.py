"""Voices in SQLite databases, in the order of their rows: a page has its rows in any order, mostly from its end.

Evidence: the header of the file; the voices themselves are told by `codec.headerless`.
Source: SQLite documentation, "Database File Format", b-tree pages.
"""

from collections.abc import Iterator
from itertools import groupby

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.chains import records_at
from deepdx_core.codec.headerless import HEADERLESS_FORMATS, find_runs
from deepdx_core.codec.segments import RECORD_SIZE, Kind, Segment
from deepdx_core.display import counted

_MAGIC = b"SQLite format 3\0"
_FILE_HEADER = 100  # bytes before the first page's own header
_LEAF = 0x0D
_PAGE_HEADER = 8


def find(data: bytes) -> Iterator[Segment]:
    """Yield the voices of a format in a database as one segment."""
    if not data.startswith(_MAGIC) or len(data) < _FILE_HEADER:
        return
    page_size = int.from_bytes(data[16:18], "big")
    page_size = 65536 if page_size == 1 else max(page_size, 512)
    array = np.frombuffer(data, dtype=np.uint8)
    for format_, runs in groupby(find_runs(array, HEADERLESS_FORMATS), key=lambda run: run.format):
        offsets = np.concatenate([run.offsets for run in runs])
        start, end = int(offsets[0]), int(offsets[-1]) + RECORD_SIZE[format_]
        offsets = offsets[np.lexsort((_rows(array, offsets, page_size), offsets // page_size))]
        payload = records_at(array, offsets, format_)
        what = f"{counted(len(offsets), 'voice')} of a database"
        yield Segment(start, end - start, Kind.VOICES, what, format=format_, payload=payload)


def _rows(data: UInt8Array, offsets: npt.NDArray[np.intp], page_size: int) -> npt.NDArray[np.intp]:
    """Return the row that each offset is in, counted within its page, `intp[n]`; 0 in pages without rows."""
    rows = np.zeros(len(offsets), dtype=np.intp)
    pages = offsets // page_size
    for page in np.unique(pages):
        start = int(page) * page_size
        header = start + (_FILE_HEADER if page == 0 else 0)
        if data[header] != _LEAF:
            continue
        count = int(data[header + 3]) << 8 | int(data[header + 4])
        pointers = data[header + _PAGE_HEADER : header + _PAGE_HEADER + 2 * count].astype(np.intp)
        pointers = (pointers[: len(pointers) // 2 * 2].reshape(-1, 2) * [256, 1]).sum(axis=1)
        if len(pointers) == 0:
            continue
        here = np.flatnonzero(pages == page)
        order = np.argsort(pointers, kind="stable")
        before = np.searchsorted(pointers[order], offsets[here] - start, "right") - 1
        rows[here] = order[np.maximum(before, 0)]
    return rows
