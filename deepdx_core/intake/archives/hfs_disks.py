"""Disks of the Macintosh (HFS): floppies, hard disks and CD-ROMs, also in a DiskCopy 4.2 image or an Apple partition.

Source: Apple, "Inside Macintosh: Files" (1992), chapter 2, "Data Organization on Volumes".
"""

import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from deepdx_core.arrays import BoolArray
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

_SECTOR = 512
_VOLUME = 2 * _SECTOR  # the master directory block, behind two boot blocks
_DISK_COPY = 84  # bytes of a DiskCopy 4.2 header
_NODE = 512
_LEAF = 0xFF
_FOLDER, _FILE = 1, 2  # types of catalog records
_FILE_SIZE = 102
_ROOT_FOLDER = 2
_EXTENTS_FILE, _CATALOG = 3, 4  # numbers of the files of the file system
_MAX_FOLDERS = 32
_MAX_PARTITIONS = 64
_MIN_BLOCK, _MAX_BLOCK = _SECTOR, 2**20

_Extents = list[tuple[int, int]]  # first block and number of blocks


@dataclass(frozen=True)
class _Volume:
    """A volume: block n begins at byte `start + n * block_size` of the disk. used: blocks that were read, `bool[n]`."""

    disk: bytes
    start: int
    block_size: int
    extents_file: _Extents
    catalog: _Extents
    used: BoolArray

    def read(self, extents: _Extents, size: int | None = None) -> bytes:
        """Return the bytes in extents, up to the size of a file; never more than the disk has."""
        left = len(self.disk) if size is None else min(size, len(self.disk))
        pieces = []
        for first, count in extents:
            at = self.start + first * self.block_size
            piece = self.disk[at : at + min(count * self.block_size, left)]
            self.used[first : first + count] = True
            pieces.append(piece)
            left -= len(piece)
            if left <= 0 or not piece:
                break
        return b"".join(pieces)

    def rest(self) -> bytes:
        """Return the blocks of the volume that were not read, joined; blocks of zeros are left out."""
        free: list[int] = np.flatnonzero(~self.used).tolist()
        blocks = (self.read([(block, 1)]) for block in free)
        return b"".join(block for block in blocks if block.strip(b"\0"))


def is_hfs_disk(data: bytes) -> bool:
    """Return True for a disk with an HFS volume, by its master directory block or partition map."""
    return _find_volume(data) is not None


def read_hfs_disk(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the data forks of the files of the first volume, and as `(rest of the disk)` all other blocks in use."""
    volume = _find_volume(data)
    if volume is None:
        raise RefusedError("not a disk with an HFS volume")
    overflow: dict[int, list[tuple[int, _Extents]]] = defaultdict(list)
    for key, record in _records(volume.read(volume.extents_file)):
        if len(key) >= 7 and key[0] == 0 and len(record) >= 12:  # of a data fork
            overflow[int.from_bytes(key[1:5], "big")].append((int.from_bytes(key[5:7], "big"), _extents(record)))

    def fork(number: int, first: _Extents, size: int) -> bytes:
        further = [extent for _, extents in sorted(overflow.get(number, [])) for extent in extents]
        return volume.read(first + further, size)

    catalog = list(_records(fork(_CATALOG, volume.catalog, len(data))))
    folders = {int.from_bytes(record[6:10], "big"): key for key, record in catalog if record[:1] == bytes([_FOLDER])}
    for key, record in catalog:
        if record[:1] != bytes([_FILE]) or len(record) < _FILE_SIZE:
            continue
        budget.count_member()
        number, size = int.from_bytes(record[20:24], "big"), int.from_bytes(record[26:30], "big")
        content = fork(number, _extents(record[74:86]), size)
        budget.charge(len(content))
        path = _path(key, folders)
        yield Content(path, content)
        if len(content) < size:
            yield Content(f"{path} (rest)", refused="damaged in the archive: broken off")
    rest = volume.rest()
    budget.count_member()
    budget.charge(len(rest))
    yield Content("(rest of the disk)", rest)


def _find_volume(data: bytes) -> _Volume | None:
    starts = [0, _DISK_COPY]
    if data[_SECTOR : _SECTOR + 2] == b"PM":
        for number in range(1, _MAX_PARTITIONS):
            entry = data[number * _SECTOR : (number + 1) * _SECTOR]
            if entry[:2] != b"PM":
                break
            if entry[48:80].startswith(b"Apple_HFS\0"):
                starts.append(int.from_bytes(entry[8:12], "big") * _SECTOR)
    return next((volume for start in starts if (volume := _volume(data, start))), None)


def _volume(data: bytes, start: int) -> _Volume | None:
    block = data[start + _VOLUME : start + _VOLUME + 162]
    if len(block) < 162 or block[:2] != b"BD":
        return None
    count, size = struct.unpack(">HI", block[18:24])
    (first_sector,) = struct.unpack(">H", block[28:30])
    plausible = count and size % _SECTOR == 0 and _MIN_BLOCK <= size <= _MAX_BLOCK and 3 <= first_sector < 2**14
    if not plausible or not 1 <= block[36] <= 27:  # length of the volume's name
        return None
    used = np.zeros(count, dtype=bool)
    return _Volume(data, start + first_sector * _SECTOR, size, _extents(block[134:146]), _extents(block[150:162]), used)


def _extents(record: bytes) -> _Extents:
    numbers = struct.unpack(">6H", record[:12])
    return [(first, count) for first, count in zip(numbers[::2], numbers[1::2], strict=True) if count]


def _records(tree: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and data of each record in the leaves of a B-tree, node by node, whatever its links say."""
    for start in range(0, len(tree) - _NODE + 1, _NODE):
        node = tree[start : start + _NODE]
        if node[8] != _LEAF:
            continue
        count = min(int.from_bytes(node[10:12], "big"), _NODE // 4)
        offsets = struct.unpack(f">{count + 1}H", node[_NODE - 2 * (count + 1) :])[::-1]
        for begin, end in pairwise(offsets):
            if 14 <= begin < end <= _NODE - 2 * (count + 1):
                key_end = begin + 1 + node[begin]
                yield node[begin + 1 : key_end], node[key_end + key_end % 2 : end]


def _path(key: bytes, folders: dict[int, bytes]) -> str:
    """Return the path of the file or folder with a catalog key: a byte, the number of its folder, its name."""
    parts: list[str] = []
    while len(parts) < _MAX_FOLDERS:
        parts.append(key[6 : 6 + key[5]].decode("mac-roman").replace("/", "_") if len(key) > 6 else "")
        parent = int.from_bytes(key[1:5], "big")
        if parent <= _ROOT_FOLDER or parent not in folders:
            break
        key = folders[parent]
    return "/".join(reversed(parts))
