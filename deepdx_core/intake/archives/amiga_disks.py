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
_FILE, _FOLDER = -3, 2  # secondary types
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
    used = disk.headers | disk.folders | disk.extensions
    of_file = disk.data_blocks()
    for key in sorted({*np.flatnonzero(disk.headers).tolist(), *of_file}):
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
    """The blocks of a disk as words, `int64[blocks, 128]`, and masks of those that are headers."""

    def __init__(self, data: bytes, words: Blocks) -> None:
        self._data = data
        self.words = words
        sound = words.sum(axis=1) % 2**32 == 0
        headers = sound & (words[:, 0] == _HEADER)
        self.headers: BoolArray = headers & (words[:, _SECONDARY] == _FILE)
        self.folders: BoolArray = headers & (words[:, _SECONDARY] == _FOLDER)
        self.extensions: BoolArray = sound & (words[:, 0] == _EXTENSION)

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
        """Return the path and the size of the file with a header's key."""
        if not (key < len(self.words) and self.headers[key]):
            return f"file {key}", len(self._data)
        parts = [self._name(key)]
        folder = int(self.words[key, _PARENT])
        while 0 < folder < len(self.words) and self.folders[folder] and len(parts) < _MAX_FOLDERS:
            parts.append(self._name(folder))
            folder = int(self.words[folder, _PARENT])
        return "/".join(reversed(parts)), max(int(self.words[key, _SIZE]), 0)

    def _name(self, block: int) -> str:
        start = _BLOCK * block + _NAME
        name = self._data[start + 1 : start + 1 + min(self._data[start], 30)]
        return name.decode("latin-1").replace("/", "_")

    def table(self, key: int) -> list[int]:
        """Return the data blocks that the header of a file and its extensions list, each once."""
        blocks: dict[int, None] = {}
        seen: set[int] = set()
        while 0 < key < len(self.words) and key not in seen:
            seen.add(key)
            for block in self.words[key, _TABLE][::-1].tolist():
                if 0 < block < len(self.words):
                    blocks[block] = None
            key = int(self.words[key, _NEXT_EXTENSION])
            if not (0 < key < len(self.words) and self.extensions[key]):
                break
        return list(blocks)
