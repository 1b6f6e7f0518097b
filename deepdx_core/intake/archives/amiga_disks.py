"""Amiga disks (adf): files of the old and the fast file system, whole although their blocks lie apart.

Files are found by their blocks, not by the folders: so those of damaged disks, of parts of disks and deleted ones are
read too, and no chain of folders can be endless. Source: L. Clevy, "The ADF format FAQ".
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray
from deepdx_core.intake.contents import Content
from deepdx_core.intake.limits import Budget

_BLOCK = 512
_HEADER, _DATA, _EXTENSION = 2, 8, 16  # types of blocks
_FILE, _ROOT, _FOLDER = -3, 1, 2  # secondary types
_KEY = 1  # word of a header with its own number
_DATA_SIZE = _BLOCK - 24  # of a block in the old file system
_TABLE = slice(6, 78)  # words of a header with its blocks, from the last one
_SIZE, _PARENT, _NEXT_EXTENSION, _SECONDARY = 81, 125, 126, 127  # words of a header
_NAME = 432  # byte of a header
_MAX_FOLDERS = 32

Blocks = npt.NDArray[np.int64]


def is_amiga_disk(data: bytes) -> bool:
    """Return True for a disk that AmigaDOS formatted, or a part of one with data blocks of the old file system."""
    if data[:3] == b"DOS" and data[3:4] < b"\x08" and len(data) > 3:
        return True
    if len(data) % _BLOCK or len(data) < 2 * _BLOCK:
        return False
    words = np.frombuffer(data, dtype=">u4").reshape(-1, _BLOCK // 4)
    found = words[_data_blocks(words)]
    order = found[np.lexsort((found[:, 2], found[:, 1]))]
    following = (order[1:, 1] == order[:-1, 1]) & (order[1:, 2] == order[:-1, 2] + 1)
    return bool(following.any())


def read_amiga_disk(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the files of a disk, and as `(rest of the disk)` the blocks that belong to no file."""
    data = data[: len(data) // _BLOCK * _BLOCK]
    words = np.frombuffer(data, dtype=">i4").reshape(-1, _BLOCK // 4)
    disk = _Disk(data, words.astype(np.int64))
    used = disk.headers | disk.folders | disk.extensions | disk.root
    used[:2] |= data.startswith(b"DOS")  # boot blocks
    of_file = disk.data_blocks()
    for key in sorted({*disk.keys(), *of_file}):
        budget.count_member()
        name, size = disk.describe(key)
        if key in of_file:
            blocks = of_file[key]
            pieces = [data[_BLOCK * b + 24 : _BLOCK * b + 24 + int(disk.words[b, 3])] for b in blocks]
        else:
            blocks = disk.table(key)
            pieces = [data[_BLOCK * b : _BLOCK * (b + 1)] for b in blocks]
        used[blocks] = True
        content = b"".join(pieces)[:size]
        budget.charge(len(content))
        yield Content(name, content)
    rest = np.flatnonzero(~used & (words != 0).any(axis=1))
    budget.charge(_BLOCK * len(rest))
    budget.count_member()
    yield Content("(rest of the disk)", b"".join(data[_BLOCK * b : _BLOCK * (b + 1)] for b in rest))


def _data_blocks(words: npt.NDArray[np.integer]) -> BoolArray:
    """Return a mask of the data blocks of the old file system. Their checksum is not asked for: damage is common."""
    found: BoolArray = (words[:, 0] == _DATA) & (words[:, 1] > 0) & (words[:, 2] > 0)
    return found & (words[:, 3] > 0) & (words[:, 3] <= _DATA_SIZE)


class _Disk:
    """The blocks of a disk, or of a part of one, as words, `int64[blocks, 128]`, and masks of its headers."""

    def __init__(self, data: bytes, words: Blocks) -> None:
        self._data = data
        self.words = words
        sound = words.sum(axis=1) % 2**32 == 0
        headers = sound & (words[:, 0] == _HEADER)
        self.headers: BoolArray = headers & (words[:, _SECONDARY] == _FILE)
        self.folders: BoolArray = headers & (words[:, _SECONDARY] == _FOLDER)
        self.root: BoolArray = headers & (words[:, _SECONDARY] == _ROOT)
        self.extensions: BoolArray = sound & (words[:, 0] == _EXTENSION)
        numbered = np.flatnonzero(self.headers | self.extensions)
        starts, counts = np.unique(words[numbered, _KEY] - numbered, return_counts=True)
        self._first = int(starts[np.argmax(counts)]) if len(starts) else 0  # number of the first block

    def keys(self) -> list[int]:
        """Return the numbers of the headers of files."""
        keys: list[int] = (np.flatnonzero(self.headers) + self._first).tolist()
        return keys

    def _find(self, number: int, kind: BoolArray) -> int | None:
        """Return the place of the block with a number, if it is of a kind."""
        place = number - self._first
        return place if 0 <= place < len(kind) and kind[place] else None

    def data_blocks(self) -> dict[int, list[int]]:
        """Return the data blocks of the old file system in order, by the header's key of their file."""
        found = np.flatnonzero(_data_blocks(self.words))
        keys, numbers = self.words[found, 1], self.words[found, 2]
        order = np.lexsort((numbers, keys))
        blocks: dict[int, list[int]] = {}
        for key, block in zip(keys[order].tolist(), found[order].tolist(), strict=True):
            blocks.setdefault(key, []).append(block)
        return blocks

    def describe(self, key: int) -> tuple[str, int]:
        """Return the path and the size of the file with a header's number."""
        header = self._find(key, self.headers)
        if header is None:
            return f"file {key}", len(self._data)
        parts = [self._name(header)]
        folder = self._find(int(self.words[header, _PARENT]), self.folders)
        while folder is not None and len(parts) < _MAX_FOLDERS:
            parts.append(self._name(folder))
            folder = self._find(int(self.words[folder, _PARENT]), self.folders)
        return "/".join(reversed(parts)), max(int(self.words[header, _SIZE]), 0)

    def _name(self, block: int) -> str:
        start = _BLOCK * block + _NAME
        name = self._data[start + 1 : start + 1 + min(self._data[start], 30)]
        return name.decode("latin-1").replace("/", "_")

    def table(self, key: int) -> list[int]:
        """Return the places of the blocks that the header of a file and its extensions list, each once."""
        places: dict[int, None] = {}
        seen: set[int] = set()
        holder = self._find(key, self.headers)
        while holder is not None and holder not in seen:
            seen.add(holder)
            listed = self.words[holder, _TABLE][::-1] - self._first
            listed = listed[(listed + self._first > 0) & (listed >= 0) & (listed < len(self.words))]
            places |= dict.fromkeys(listed.tolist())
            holder = self._find(int(self.words[holder, _NEXT_EXTENSION]), self.extensions)
        return list(places)
