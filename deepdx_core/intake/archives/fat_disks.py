"""Disks of the Atari ST and of PCs: files of the FAT12 and FAT16 file systems; MSA, the compressed form of Atari disks.

Source: Microsoft, "FAT: General Overview of On-Disk Format"; for MSA, D. Hollis' description of Magic Shadow Archiver.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

_SECTOR = 512
_BOOT = struct.Struct(
    "<11xHBHBHHBH"
)  # sector size, sectors per cluster, reserved, FATs, root entries, sectors, media, FAT size
_ENTRY = 32
_VOLUME, _FOLDER, _LONG_NAME = 0x08, 0x10, 0x0F  # attributes
_MAX_FAT12, _MAX_FAT16 = 4084, 65524  # clusters
_MAX_FOLDERS = 16

_MSA = struct.Struct(">HHHHH")  # mark, sectors per track, sides - 1, first track, last track
_MSA_MARK, _MSA_RUN = 0x0E0F, 0xE5


@dataclass(frozen=True)
class _Layout:
    """Layout of a disk in bytes. Cluster n, from 2, is at `data + (n - 2) * cluster`."""

    fat: int
    fat_size: int
    root: int
    data: int
    cluster: int
    count: int


def is_fat_disk(data: bytes) -> bool:
    """Return True for a disk with a FAT, by its boot sector."""
    return _layout(data) is not None


def _layout(head: bytes) -> _Layout | None:
    if len(head) < _SECTOR:
        return None
    sector, per_cluster, reserved, fats, entries, sectors, _, fat_size = _BOOT.unpack_from(head)
    plausible = (
        sector == _SECTOR
        and per_cluster in (1, 2, 4, 8, 16, 32, 64)
        and 1 <= reserved <= 32
        and fats in (1, 2)
        and 16 <= entries <= 1024
        and entries % 16 == 0
        and 1 <= fat_size <= 256
    )
    if not plausible:
        return None
    root = reserved + fats * fat_size
    data = root + entries * _ENTRY // _SECTOR
    count = (sectors - data) // per_cluster
    if not 0 < count <= _MAX_FAT16 or (count + 2) * 3 > fat_size * _SECTOR * 2:
        return None
    return _Layout(reserved * _SECTOR, fat_size * _SECTOR, root * _SECTOR, data * _SECTOR, per_cluster * _SECTOR, count)


def read_fat_disk(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the files of a disk, and as `(rest of the disk)` the clusters that belong to none."""
    layout = _layout(data)
    if layout is None:
        raise RefusedError("not a disk with a FAT")
    disk = _Disk(data, layout)
    yield from disk.read_folder(data[layout.root : layout.data], "", 0, budget)
    rest = [cluster for cluster in range(2, layout.count + 2) if cluster not in disk.used]
    free = b"".join(content for cluster in rest if any(content := disk.cluster(cluster)))
    budget.charge(len(free))
    budget.count_member()
    yield Content("(rest of the disk)", free)


class _Disk:
    def __init__(self, data: bytes, layout: _Layout) -> None:
        self._data, self._layout = data, layout
        self._next = _links(data[layout.fat : layout.fat + layout.fat_size], layout.count)
        self.used: set[int] = set()
        """Clusters of files and folders."""

    def cluster(self, number: int) -> bytes:
        start = self._layout.data + (number - 2) * self._layout.cluster
        return self._data[start : start + self._layout.cluster]

    def _read_chain(self, cluster: int) -> bytes:
        """Return the clusters from one on, each once."""
        chain: dict[int, None] = {}
        while 2 <= cluster < len(self._next) and cluster not in chain:
            chain[cluster] = None
            cluster = self._next[cluster]
        self.used.update(chain)
        return b"".join(map(self.cluster, chain))

    def read_folder(self, folder: bytes, path: str, depth: int, budget: Budget) -> Iterator[Content]:
        for start in range(0, len(folder) // _ENTRY * _ENTRY, _ENTRY):
            entry = folder[start : start + _ENTRY]
            attributes, cluster, size = entry[11], int.from_bytes(entry[26:28], "little"), entry[28:32]
            if entry[0] == 0:
                break
            if entry[0] in b"\xe5." or attributes & _LONG_NAME == _LONG_NAME or attributes & _VOLUME:
                continue
            budget.count_member()
            stem, suffix = (part.decode("cp437").rstrip() for part in (entry[:8], entry[8:11]))
            name = path + (f"{stem}.{suffix}" if suffix else stem).replace("/", "_")
            known = cluster in self.used
            content = self._read_chain(cluster)
            budget.charge(len(content))
            if not attributes & _FOLDER:
                yield Content(name, content[: int.from_bytes(size, "little")])
            elif depth == _MAX_FOLDERS or known:
                yield Content(name, refused="a folder within itself, or too deep")
            else:
                yield from self.read_folder(content, f"{name}/", depth + 1, budget)


def _links(fat: bytes, count: int) -> list[int]:
    """Return the next cluster of each, from cluster 0 on."""
    if count > _MAX_FAT12:
        links: list[int] = np.frombuffer(fat[: (count + 2) * 2 // 2 * 2], dtype="<u2").tolist()
        return links
    pairs = np.frombuffer(fat[: len(fat) // 3 * 3], dtype=np.uint8).reshape(-1, 3).astype(np.intp)
    even, odd = pairs[:, 0] | (pairs[:, 1] & 15) << 8, pairs[:, 1] >> 4 | pairs[:, 2] << 4
    links = np.stack([even, odd], axis=1).reshape(-1)[: count + 2].tolist()
    return links


def is_msa(data: bytes) -> bool:
    """Return True for an MSA file, by its header."""
    if len(data) < _MSA.size + 2:
        return False
    mark, sectors, sides, first, last = _MSA.unpack_from(data)
    return bool(mark == _MSA_MARK and 1 <= sectors <= 64 and sides <= 1 and first <= last <= 255)


def read_msa(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the disk in an MSA file, as `disk.st`."""
    _, sectors, sides, first, last = _MSA.unpack_from(data)
    track_size = sectors * _SECTOR
    disk = bytearray()
    at = _MSA.size
    budget.count_member()
    for _ in range((sides + 1) * (last - first + 1)):
        size = int.from_bytes(data[at : at + 2], "big")
        track = data[at + 2 : at + 2 + size]
        at += 2 + size
        if len(track) < size or size == 0:
            break
        track = track if size == track_size else _unpack_track(track, track_size)
        budget.charge(len(track))
        disk += track.ljust(track_size, b"\0")
    yield Content("disk.st", bytes(disk))
    if len(disk) < (sides + 1) * (last - first + 1) * track_size:
        raise RefusedError("damaged in the archive: broken off")


def _unpack_track(packed: bytes, size: int) -> bytes:
    """Return a track without its runs: the mark E5, a byte, and how often it is repeated (16 bits)."""
    track = bytearray()
    at = 0
    while at < len(packed) and len(track) < size:
        mark = packed.find(_MSA_RUN, at)
        end = mark if mark >= 0 else len(packed)
        track += packed[at:end]
        if mark >= 0:
            track += packed[mark + 1 : mark + 2] * int.from_bytes(packed[mark + 2 : mark + 4], "big")
        at = end + 4
    return bytes(track[:size])
