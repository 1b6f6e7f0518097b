"""Disks of Amiga, Atari and PC, and files of the Macintosh: files are whole wherever their blocks are."""

import gzip
import struct
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.reader import read
from deepdx_core.intake.archives.kinds import HEAD_SIZE, read_archive, recognize_archive
from deepdx_core.intake.survey import survey
from tests.support.archives import BANK, OTHER_BANK, libarchive, make_zip, read_members
from tests.support.disks import (
    make_amiga_disk,
    make_binhex,
    make_disk_copy,
    make_fat_disk,
    make_hfs_disk,
    make_macbinary,
    make_msa,
    make_partitioned,
)

needs_libarchive = pytest.mark.skipif(libarchive is None, reason="libarchive is not installed")
REST = "(rest of the disk)"
LARGE = bytes(np.random.default_rng(0).integers(0, 128, 100_000, dtype=np.uint8))  # more blocks than a header lists
MEMBERS = (("BANK1.SYX", BANK), ("LARGE.BIN", LARGE), ("BANK2.SYX", OTHER_BANK))
DISKS = {
    "Amiga, old file system": make_amiga_disk(*MEMBERS),
    "Amiga, fast file system": make_amiga_disk(*MEMBERS, fast=True),
    "Atari": make_fat_disk(*MEMBERS),
    "Atari, in a folder": make_fat_disk(*MEMBERS, folder="DX7"),
    "Atari, MSA": make_msa(make_fat_disk(*MEMBERS)),
    "Macintosh": make_hfs_disk(*MEMBERS),
    "Macintosh, in a folder": make_hfs_disk(*MEMBERS, folder="DX7"),
    "Macintosh, DiskCopy": make_disk_copy(make_hfs_disk(*MEMBERS)),
    "Macintosh, partition": make_partitioned(make_hfs_disk(*MEMBERS)),
}


def files(disk):
    """Return the data of the files on a disk, by their names without folders."""
    return {name.rsplit("/", 1)[-1]: data for name, data in read_members(disk).items() if name != "disk.st"}


@pytest.mark.parametrize("disk", DISKS.values(), ids=DISKS)
def test_files_are_whole_although_their_blocks_lie_apart(disk):
    found = files(disk)
    assert found.pop(REST) == b""
    assert found == dict(MEMBERS)


@pytest.mark.parametrize("disk", DISKS.values(), ids=DISKS)
def test_the_voices_of_a_disk_are_in_the_tables(home, disk):
    (home.inbox / "disk").write_bytes(disk)
    assert survey(home.inbox).raw_files["voices"].sum() == 64


def test_an_hfs_disk_that_was_cut_has_its_first_files():
    disk = make_hfs_disk(*MEMBERS)
    found = read_members(disk[: disk.rindex(OTHER_BANK[:128])])
    assert found["BANK1.SYX"] == BANK
    assert found["BANK2.SYX (rest)"] == "damaged in the archive: broken off"


def make_iso_disk():
    pieces = []
    with libarchive.custom_writer(lambda piece: pieces.append(bytes(piece)) or len(piece), "iso9660") as archive:
        for name, data in MEMBERS:
            archive.add_file_from_memory(name, len(data), data)
    return b"".join(pieces)


@needs_libarchive
def test_files_of_an_iso_9660_disk_are_read():
    disk = make_iso_disk()
    assert recognize_archive(disk[:HEAD_SIZE]).name == "ISO 9660 disk"
    assert {name: data for name, data in read_members(disk).items() if data} == dict(MEMBERS)


@needs_libarchive
def test_an_iso_9660_disk_is_searched_and_named_without_libarchive(monkeypatch):
    disk = make_iso_disk()
    monkeypatch.setitem(sys.modules, "libarchive", None)
    found = read_members(disk)
    assert read(found[REST]).voices == 64
    assert found["*"].startswith("ISO 9660 archive: to read it, install")


def test_a_part_of_a_disk_of_the_old_file_system_is_read_by_its_blocks():
    disk = make_amiga_disk(("BANK1.SYX", BANK), ("BANK2.SYX", OTHER_BANK))
    part = disk[512 * 3 : 512 * 60]  # without boot block, root and the first header
    assert sorted(data for name, data in files(part).items() if name != REST) == sorted([BANK, OTHER_BANK])


def test_deleted_files_and_blocks_without_a_file_are_read():
    disk = make_amiga_disk(*MEMBERS, deleted=("BANK1.SYX",))
    assert files(disk)["BANK1.SYX"] == BANK
    disk = bytearray(make_fat_disk(*MEMBERS))
    entry = disk.index(b"BANK1   SYX")
    disk[entry] = 0xE5
    found = files(bytes(disk))
    assert found["BANK2.SYX"] == OTHER_BANK
    assert found[REST].startswith(BANK)


def test_an_endless_chain_of_blocks_ends():
    fast = bytearray(make_amiga_disk(("LARGE.BIN", LARGE), fast=True))
    words = np.frombuffer(bytes(fast), dtype=">u4").reshape(-1, 128)
    (holder, *_) = np.flatnonzero(words[:, 0] == 16)
    words = words.astype(np.int64)
    words[holder, 126] = holder
    words[holder, 5] = 0
    words[holder, 5] = -words[holder].sum() % 2**32
    assert len(files(words.astype(">u4").tobytes())["LARGE.BIN"]) <= len(LARGE)
    disk = bytearray(make_fat_disk(("A.SYX", BANK), folder="DX7"))
    for fat in (512, 512 * 6):
        disk[fat + 3 : fat + 512 * 5] = bytes([0x02, 0x20, 0x00]) * ((512 * 5 - 3) // 3)  # every cluster leads to 2
    assert read_members(bytes(disk))


def test_a_folder_within_itself_is_refused():
    disk = bytearray(make_fat_disk(("A.SYX", BANK), folder="DX7"))
    inner = disk.index(b"A       SYX")
    disk[inner + 11] = 0x10
    disk[inner + 26 : inner + 28] = disk[disk.index(b"DX7     ") + 26 :][:2]
    assert "a folder within itself, or too deep" in read_members(bytes(disk)).values()


def test_an_msa_file_that_was_cut_has_its_first_tracks():
    msa = DISKS["Atari, MSA"]
    found = read_members(msa[: len(msa) // 2])
    assert found["*"] == "damaged in the archive: broken off"
    assert found["disk.st/BANK1.SYX"] == BANK


@pytest.mark.parametrize("inner", [make_zip(("bank.syx", BANK)), gzip.compress(BANK)])
def test_an_archive_behind_a_macbinary_header_is_read(inner):
    found = read_members(make_macbinary("Banks.zip", inner, b"resources"))
    assert BANK in found.values()
    assert found["Banks.zip"] == inner


def test_a_bank_behind_a_macbinary_header_is_no_archive():
    assert recognize_archive(make_macbinary("Bank", BANK)) is None


@pytest.mark.parametrize("data", [BANK, make_zip(("bank.syx", BANK)), b"\x90" * 9 + bytes(700) + b"\x90a"])
def test_a_binhex_file_is_read(data):
    assert read_members(make_binhex("Banks", data))["Banks"] == data


def test_banks_are_not_taken_for_disks():
    for data in (BANK, BANK[6:-2], BANK[6:-2] * 32, bytes(2**16), struct.pack(">I", 8) * 2**12):
        assert recognize_archive(data) is None


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_changed_disks_never_raise(data):
    disk = bytearray(data.draw(st.sampled_from(sorted(DISKS.values())))[:40_000])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(disk) - 4))
        disk[at : at + 2] = data.draw(st.binary(min_size=2, max_size=2))
    for content in read_archive(bytes(disk)) if recognize_archive(bytes(disk)) else ():
        assert content.member
