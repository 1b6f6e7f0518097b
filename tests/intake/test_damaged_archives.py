"""Archives without their directory or their end: members are read from their own headers, up to the damage."""

import bz2
import gzip
import io
import lzma
import shutil
import struct
import subprocess
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.reader import read
from deepdx_core.intake import limits
from deepdx_core.intake.archives.kinds import read_archive, recognize_archive
from deepdx_core.intake.survey import survey
from tests.support.archives import BANK, OTHER_BANK, libarchive, make_tar, make_zip, read_members
from tests.support.disks import make_macbinary

needs_libarchive = pytest.mark.skipif(libarchive is None, reason="libarchive is not installed")
MEMBERS = (("1.syx", BANK), ("x/2.syx", OTHER_BANK))


def make_streamed_zip(*members, method=zipfile.ZIP_DEFLATED):
    """Build a zip archive as a program that writes to a pipe does: sizes come after the data."""

    class Pipe(io.RawIOBase):
        data = b""

        def writable(self):
            return True

        def write(self, piece):
            self.data += bytes(piece)
            return len(piece)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return pipe.data


def directory_of(data):
    return data.index(b"PK\x01\x02")


ZIPS = {
    "deflated": make_zip(*MEMBERS),
    "streamed": make_streamed_zip(*MEMBERS),
    "stored": make_streamed_zip(*MEMBERS, method=zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("data", ZIPS.values(), ids=ZIPS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: directory_of(data)],
        lambda data: data[: directory_of(data) + 20],
        lambda data: data[:-10],
        lambda data: data[: directory_of(data)] + bytes(len(data) - directory_of(data)),
        lambda data: data[: directory_of(data)] + b"JUNK" + data[directory_of(data) + 4 :],
    ],
    ids=["no directory", "cut in it", "cut in its end", "zeros in its place", "its first mark is wrong"],
)
def test_members_are_read_without_the_directory(data, damage):
    found = read_members(damage(data))
    assert "members were read without its directory" in found.pop("*")
    assert found == dict(MEMBERS)


def test_a_cut_member_is_read_up_to_the_cut(home):
    data = ZIPS["stored"]
    (home.inbox / "cut.zip").write_bytes(data[: data.index(OTHER_BANK) + 6 + 5 * 128])
    rows = {row["member"]: row for row in survey(home.inbox).raw_files.iter_rows(named=True)}
    assert (rows["1.syx"]["voices"], rows["x/2.syx"]["voices"]) == (32, 5)
    assert rows["x/2.syx (rest)"]["reason"] == "damaged in the archive: broken off"


def test_a_damaged_member_does_not_hide_the_next():
    data = bytearray(ZIPS["deflated"][: directory_of(ZIPS["deflated"])])
    data[60:90] = b"\xff" * 30
    found = read_members(bytes(data))
    assert found["x/2.syx"] == OTHER_BANK
    assert any("damaged" in str(reason) for name, reason in found.items() if name.startswith("1.syx"))


def test_limits_hold_without_a_directory(monkeypatch):
    monkeypatch.setattr(limits, "MAX_FILE", 2**20)
    data = make_zip(("bomb.bin", bytes(2**21)), ("../out.syx", BANK), ("2.syx", OTHER_BANK))
    assert (
        read_members(data[: directory_of(data)]).items()
        >= {
            "bomb.bin": "unpacks to more than 1 MiB",
            "../out.syx": "its path leads out of the archive",
            "2.syx": OTHER_BANK,
        }.items()
    )


def test_headers_that_share_their_data_are_read_a_bounded_number_of_times():
    header = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 8, 8, 0, 0, 0, 0, 0, 1, 0) + b"a"
    stream = zipfile.zlib.compressobj(9, zipfile.zlib.DEFLATED, -15)
    endless = stream.compress(bytes(2**20)) + stream.flush(zipfile.zlib.Z_SYNC_FLUSH)
    found = list(read_archive(header * 3000 + endless + b"\xff"))
    assert sum(len(content.data) for content in found) < 2**26
    assert any("damaged in too many places" in content.refused for content in found)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_cut_compressed_file_is_read_up_to_the_cut(compress):
    packed = compress(BANK * 40)
    found = read_members(packed[: len(packed) - 12])
    assert "ended before the end-of-stream" in found.pop("*")
    assert (BANK * 40).startswith(found.get("unpacked", b""))
    if compress is not bz2.compress:  # which unpacks whole blocks only
        assert read(found["unpacked"]).voices >= 32


def test_a_cut_compressed_tar_archive_has_its_first_members():
    packed = gzip.compress(make_tar(*MEMBERS))
    found = read_members(packed[: len(packed) * 3 // 4])
    assert found["1.syx"] == BANK
    assert OTHER_BANK.startswith(found["x/2.syx"])
    assert found["x/2.syx (rest)"] == "damaged in the archive: broken off" or "*" in found


def test_a_wrong_checksum_of_a_compressed_file_leaves_its_data():
    packed = bytearray(gzip.compress(BANK))
    packed[-6] ^= 1
    found = read_members(bytes(packed))
    assert found["unpacked"] == BANK
    assert "CRC check failed" in found["*"]


@needs_libarchive
@pytest.mark.parametrize(("kind", "format"), [("cpio", "cpio_newc"), ("ar", "ar_bsd")])
def test_members_of_further_archives_are_read(kind, format):
    pieces = []
    with libarchive.custom_writer(lambda piece: pieces.append(bytes(piece)) or len(piece), format) as archive:
        for name, data in (("1.syx", BANK), ("2.syx", OTHER_BANK)):
            archive.add_file_from_memory(name, len(data), data)
    data = b"".join(pieces)
    assert recognize_archive(data).name == kind
    assert read_members(data) == {"1.syx": BANK, "2.syx": OTHER_BANK}


@needs_libarchive
@pytest.mark.parametrize("tool", ["zstd", "lz4"])
def test_files_compressed_by_further_tools_are_read(tool):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")

    def pack(data):
        return subprocess.run([tool, "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout

    assert read_members(pack(BANK)) == {"unpacked": BANK}
    assert read_members(pack(make_tar(*MEMBERS))).items() >= {"unpacked/1.syx": BANK}.items()
    cut = read_members(pack(BANK * 40)[:-8])
    assert any("damaged" in reason for reason in cut.values() if isinstance(reason, str))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"ZOO 2.10 Archive.\x1a\0\0\xdc\xa7\xc4\xfd" + bytes(200), "zoo archive"),
        (b"\x60\xea\x27\x00\x1e\x06" + bytes(200), "arj archive"),
        (b"\x1a\x08BANK1.SYX\0\0\0\0" + bytes(200), "arc archive"),
        (b"SIT!\0\x01\0\0\x12\x34rLau" + bytes(200), "StuffIt archive"),
        (b"StuffIt (c)1997-2002 Aladdin Systems, Inc." + bytes(200), "StuffIt archive"),
        (make_macbinary("Banks.sit", b"SIT!\0\x01\0\0\x12\x34rLau" + bytes(200)), "StuffIt archive"),
        (b"DMS!" + bytes(200), "dms disk of an Amiga"),
        (b"LZX\0" + bytes(200), "lzx archive"),
    ],
)
def test_archives_that_are_not_unpacked_are_named(data, name):
    assert read(data).reason.startswith(f"{name}: not unpacked")
    assert read(data + BANK).voices == 32  # merely stored


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_changed_zip_archives_never_raise(data):
    archive = bytearray(data.draw(st.sampled_from(sorted(ZIPS.values()))))
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(archive[: data.draw(st.integers(0, len(archive)))])
    for content in read_archive(cut) if recognize_archive(cut) else ():
        assert content.member
