"""Disks and files of old computers, built in memory from (name, data) members. Blocks of a file never lie in a row."""

import struct

import numpy as np

_BLOCK = 512


def make_amiga_disk(*members, fast=False, blocks=1760, deleted=()):
    """Build a disk of the old (OFS) or fast file system (FFS). `deleted` files have no entry in the root folder."""
    disk = np.zeros((blocks, 128), dtype=np.uint32)
    disk[0, 0] = int.from_bytes(b"DOS" + bytes([fast]), "big")
    root = blocks // 2
    disk[root, [0, 127]] = 2, 1
    free = iter([*range(2, root, 2), *range(root + 2, blocks, 2), *range(3, root, 2)])
    for name, data in members:
        size = _BLOCK if fast else _BLOCK - 24
        key = next(free)
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        numbers = [next(free) for _ in pieces]
        for sequence, (number, piece) in enumerate(zip(numbers, pieces, strict=True), 1):
            if not fast:
                following = numbers[sequence] if sequence < len(numbers) else 0
                disk[number, :5] = 8, key, sequence, len(piece), following
            _put(disk, number, 0 if fast else 24, piece)
            if not fast:
                disk[number, 5] = _amiga_checksum(disk[number])
        holder = key
        for first in range(0, len(numbers), 72):
            listed = numbers[first : first + 72]
            disk[holder, 0:3] = 2 if holder == key else 16, holder, len(listed)
            disk[holder, 77 - np.arange(len(listed))] = listed
            disk[holder, 127] = 2**32 - 3
            disk[holder, 125] = root if holder == key else key
            if holder == key:
                disk[holder, 81] = len(data)
                _put(disk, holder, 432, bytes([len(name)]) + name.encode("latin-1"))
            if first + 72 < len(numbers):
                disk[holder, 126] = following_holder = next(free)
                disk[holder, 5] = _amiga_checksum(disk[holder])
                holder = following_holder
        disk[holder, 5] = _amiga_checksum(disk[holder])
        if name not in deleted:
            disk[root, 6 + len(name) % 72] = key
    disk[root, 5] = _amiga_checksum(disk[root])
    return disk.astype(">u4").tobytes()


def _amiga_checksum(words):
    return -int(words.astype(np.int64).sum() - int(words[5])) % 2**32


def _put(disk, block, offset, data):
    row = bytearray(disk[block].astype(">u4").tobytes())
    row[offset : offset + len(data)] = data
    disk[block] = np.frombuffer(bytes(row), dtype=">u4")


def make_fat_disk(*members, sectors=1440, folder=""):
    """Build a disk of the Atari ST (FAT12), with the members in a folder if it has a name."""
    per_cluster, reserved, fats, entries, fat_size = 2, 1, 2, 112, 5
    boot = struct.pack("<11xHBHBHHBH", _BLOCK, per_cluster, reserved, fats, entries, sectors, 0xF9, fat_size)
    data_at = reserved + fats * fat_size + entries * 32 // _BLOCK
    count = (sectors - data_at) // per_cluster
    links, clusters = [0xFF9, 0xFFF] + [0] * count, {}
    free = iter([*range(2, count + 2, 2), *range(3, count + 2, 2)])

    def store(content):
        size = per_cluster * _BLOCK
        numbers = [next(free) for _ in range(0, len(content), size)]
        for place, number in enumerate(numbers):
            clusters[number] = content[place * size : (place + 1) * size]
            links[number] = numbers[place + 1] if place + 1 < len(numbers) else 0xFFF
        return numbers[0] if numbers else 0

    def entry(name, attributes, cluster, size):
        stem, _, suffix = name.partition(".")
        return struct.pack("<8s3sB14xHI", stem.ljust(8).encode(), suffix.ljust(3).encode(), attributes, cluster, size)

    listing = b"".join(entry(name, 0x20, store(content), len(content)) for name, content in members)
    if folder:
        listing = entry(folder, 0x10, store(entry(".", 0x10, 0, 0) + listing), 0)
    fat = b"".join(
        bytes([a & 255, a >> 8 | (b & 15) << 4, b >> 4])
        for a, b in zip(links[::2], [*links[1::2], 0][: len(links[::2])], strict=True)
    )
    head = boot.ljust(_BLOCK, b"\0") + fat.ljust(fat_size * _BLOCK, b"\0") * 2 + listing.ljust(entries * 32, b"\0")
    body = b"".join(clusters.get(n, b"").ljust(per_cluster * _BLOCK, b"\0") for n in range(2, count + 2))
    return (head + body).ljust(sectors * _BLOCK, b"\0")


def make_msa(disk, sectors=9, sides=2):
    """Compress a disk by Magic Shadow Archiver."""
    size = sectors * _BLOCK
    tracks = [disk[start : start + size] for start in range(0, len(disk), size)]
    msa = struct.pack(">HHHHH", 0x0E0F, sectors, sides - 1, 0, len(tracks) // sides - 1)
    for track in tracks:
        packed, at = bytearray(), 0
        while at < size:
            run = 1
            while at + run < size and track[at + run] == track[at]:
                run += 1
            if run > 3 or track[at] == 0xE5:
                packed += bytes([0xE5, track[at]]) + run.to_bytes(2, "big")
            else:
                packed += track[at : at + 1] * run
            at += run
        track = bytes(packed) if len(packed) < size else track
        msa += len(track).to_bytes(2, "big") + track
    return msa


def make_macbinary(name, data, resources=b""):
    """Put a MacBinary header in front of a file."""
    header = bytearray(128)
    header[1 : 2 + len(name)] = bytes([len(name)]) + name.encode("mac-roman")
    header[65:73] = b"SIT!SIT!"
    header[83:91] = struct.pack(">II", len(data), len(resources))
    return bytes(header) + data + bytes(-len(data) % 128) + resources


def make_binhex(name, data):
    """Encode a file in BinHex 4.0, with a checksum of 0."""
    digits = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
    head = bytes([len(name)]) + name.encode() + b"\0TEXTDX7 \0\0" + struct.pack(">II", len(data), 0) + b"\0\0"
    plain = head + data + b"\0\0"
    packed, at = bytearray(), 0
    while at < len(plain):
        run = 1
        while run < 255 and plain[at + run : at + run + 1] == plain[at : at + 1]:
            run += 1
        byte = b"\x90\0" if plain[at] == 0x90 else plain[at : at + 1]
        packed += byte + bytes([0x90, run]) if run > 3 else byte * run
        at += run
    bits = "".join(f"{byte:08b}" for byte in packed)
    text = "".join(digits[int(bits[start : start + 6].ljust(6, "0"), 2)] for start in range(0, len(bits), 6)) + "!!!!"
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"(This file must be converted with BinHex 4.0)\r\r:" + "\r".join(lines).encode() + b":\r"


def make_hfs_disk(*members, folder="", blocks=1600):
    """Build an HFS disk. Files lie in single blocks apart from each other: the first three are in the catalog."""
    first = 8  # sectors in front of the blocks
    disk = bytearray((first + blocks) * _BLOCK)
    catalog_size = 40
    free = iter([*range(catalog_size + 4, blocks, 2), *range(catalog_size + 5, blocks, 2)])

    def extents(numbers):
        return struct.pack(
            ">6H", *[x for n in [*numbers, None, None, None][:3] for x in ((0, 0) if n is None else (n, 1))]
        )

    def nodes(records):
        """Return leaves with (key, data) records, behind a header node."""
        leaves, here = [bytearray(_BLOCK)], []
        leaves[0][8] = 1
        for key, data in [*records, (None, None)]:
            record = None if key is None else bytes([len(key)]) + key + bytes((len(key) + 1) % 2) + data
            if record is None or 14 + sum(map(len, here)) + len(record) + 2 * (len(here) + 2) > _BLOCK:
                offsets = [14 + sum(map(len, here[:n])) for n in range(len(here) + 1)]
                body = struct.pack(">IIBBHxx", 0, 0, 0xFF, 1, len(here)) + b"".join(here)
                table = struct.pack(f">{len(offsets)}H", *reversed(offsets))
                leaves.append(body.ljust(_BLOCK - len(table), b"\0") + table)
                here = []
            here.append(record)
        return b"".join(map(bytes, leaves))

    def key(parent, name):
        return struct.pack(">xIB", parent, len(name)) + name.encode("mac-roman")

    catalog, overflow = [], []
    if folder:
        catalog.append((key(2, folder), struct.pack(">BxHHI", 1, 0, len(members), 16).ljust(70, b"\0")))
    for number, (name, data) in enumerate(members, 20):
        pieces = [data[start : start + _BLOCK] for start in range(0, len(data), _BLOCK)]
        numbers = [next(free) for _ in pieces]
        for at, piece in zip(numbers, pieces, strict=True):
            disk[(first + at) * _BLOCK : (first + at) * _BLOCK + len(piece)] = piece
        for at in range(3, len(numbers), 3):
            overflow.append((struct.pack(">BIH", 0, number, at), extents(numbers[at : at + 3])))
        record = struct.pack(">Bx18xIHII", 2, number, 0, len(data), len(data)).ljust(74, b"\0") + extents(numbers[:3])
        catalog.append((key(16 if folder else 2, name), record.ljust(102, b"\0")))
    trees = nodes(catalog), nodes(overflow)
    split = catalog_size // 4
    for at, tree, room in ((0, trees[0], split), (split, trees[1], catalog_size - split)):
        assert len(tree) <= room * _BLOCK
        disk[(first + at) * _BLOCK : (first + at) * _BLOCK + len(tree)] = tree
    block = bytearray(162)
    block[:2] = b"BD"
    block[18:24], block[28:30] = struct.pack(">HI", blocks, _BLOCK), struct.pack(">H", first)
    block[36:40] = b"\3DX7"
    block[134:138], block[150:154] = struct.pack(">HH", split, catalog_size - split), struct.pack(">HH", 0, split)
    disk[1024 : 1024 + len(block)] = block
    return bytes(disk)


def make_disk_copy(disk):
    """Put the header of a DiskCopy 4.2 image in front of a disk."""
    return (b"\3DX7".ljust(64, b"\0") + struct.pack(">IIIIBBH", len(disk), 0, 0, 0, 0, 0x22, 0x0100)) + disk


def make_partitioned(disk):
    """Put an Apple partition map with one HFS partition in front of a disk."""
    entry = b"PM\0\0" + struct.pack(">III", 1, 2, len(disk) // _BLOCK) + b"MacOS".ljust(32, b"\0") + b"Apple_HFS"
    return b"ER".ljust(_BLOCK, b"\0") + entry.ljust(_BLOCK, b"\0") + disk
