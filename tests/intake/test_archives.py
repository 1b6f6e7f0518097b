"""Archives of every kind: members are read, and hostile archives do no harm."""

import bz2
import gzip
import lzma
import sys
import tarfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.writer import write_bank, write_single
from deepdx_core.intake import limits
from deepdx_core.intake.archives.kinds import read_archive, recognize_archive
from deepdx_core.intake.survey import survey
from deepdx_core.tables.decoding import RawFiles
from tests.support.archives import (
    BANK,
    BUILTIN,
    BY_LIBARCHIVE,
    OTHER_BANK,
    libarchive,
    make_7z,
    make_lha,
    make_rar,
    make_tar,
    make_tar_gz,
    make_zip,
    read_members,
)
from tests.support.voices import random_voices

needs_libarchive = pytest.mark.skipif(libarchive is None, reason="libarchive is not installed")

KINDS = [
    *(pytest.param(kind, make, id=kind) for kind, make in BUILTIN.items()),
    *(pytest.param(kind, make, id=kind, marks=needs_libarchive) for kind, make in BY_LIBARCHIVE.items()),
]


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_members_are_found_by_path(home, kind, make):
    # Archives are recognized by content, not by name.
    (home.inbox / "some.dat").write_bytes(make(("x/1.syx", BANK), ("x/read me.txt", b"hello"), ("2.syx", OTHER_BANK)))
    found = survey(home.inbox)
    RawFiles.validate(found.raw_files)
    assert found.raw_files["taken_for"][0] == f"{kind} archive"
    assert found.raw_files.select("member", "status", "voices").rows() == [
        (None, "archive", 0),
        ("2.syx", "voices", 32),
        ("x/1.syx", "voices", 32),
        ("x/read me.txt", "no voices", 0),
    ]
    assert found.dumps["voices"].sum() == 64
    grown = survey(home.inbox, found)
    assert grown.raw_files.equals(found.raw_files)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_single_compressed_file_is_unpacked(compress):
    assert read_members(compress(BANK)) == {"unpacked": BANK}
    assert read_members(compress(b"")) == {"unpacked": b""}


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_nested_archives_of_different_kinds_are_read_up_to_a_depth(kind, make):
    outer = make_tar(("in.zip", make_zip(("deep", make(("bank.syx", BANK))))), ("2.syx", OTHER_BANK))
    found = read_members(outer)
    assert found["in.zip/deep/bank.syx"] == BANK
    assert found["2.syx"] == OTHER_BANK
    inner = make(("in.tgz", make_tar_gz(("in.zip", make_zip(("bank.syx", BANK), ("more.zip", make_zip()))))))
    assert read_members(inner)["in.tgz/in.zip/bank.syx"] == BANK
    assert read_members(inner)["in.tgz/in.zip/more.zip/*"] == "archives nested more than 3 deep"


def test_old_tar_formats_and_long_names_are_read():
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        name = "very long/" * 12 + "bank.syx"
        assert read_members(make_tar((name, BANK), format=format)) == {name: BANK}
    old = bytearray(make_tar(("bank.syx", BANK), format=tarfile.USTAR_FORMAT))
    # As before POSIX: no magic. The checksum is computed with spaces in its own place.
    old[257:265], old[148:156] = bytes(8), b" " * 8
    old[148:156] = b"%06o\0 " % sum(old[:512])
    assert read_members(bytes(old)) == {"bank.syx": BANK}


def test_banks_are_not_recognized_as_archives():
    parameters, names = random_voices(32)
    names[1] = list(b"     ustar")
    bank = write_bank(parameters, names)
    assert bank[257:262] == b"ustar"
    single = write_single(parameters[:1], names[:1])
    for data in (bank, bank[6:], single, b"", b"BZh9 and so on", b"  -lh5- " + b" " * 40, bytes(2048)):
        assert recognize_archive(data) is None
    # Nor is a tar header that begins like a bank.
    forged = bytearray(make_tar(("bank.syx", BANK)))
    forged[:6] = BANK[:6]
    forged[148:156] = b" " * 8
    forged[148:156] = b"%06o\0 " % sum(forged[:512])
    assert recognize_archive(bytes(forged)) is None


OUTSIDE = "its path leads out of the archive"


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_members_with_paths_outside_the_archive_are_refused(kind, make):
    names = ("../../outside.syx", "/absolute.syx", "C:/windows.syx", "a/../../b.syx")
    found = read_members(make(*((name, BANK) for name in names), ("good.syx", OTHER_BANK)))
    assert found.pop("good.syx") == OTHER_BANK
    assert set(found.values()) == {OUTSIDE}
    assert len(found) == len(names)


def special(name, type, linkname="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = type, linkname, size
    return info, b""


def test_tar_members_that_are_not_files_are_refused():
    sparse = tarfile.TarInfo("sparse.syx")
    sparse.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40), "GNU.sparse.major": "0"}
    data = make_tar(
        special("soft", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard", tarfile.LNKTYPE, "../../etc/passwd"),
        special("null", tarfile.CHRTYPE),
        special("disk", tarfile.BLKTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("folder", tarfile.DIRTYPE),
        (sparse, b""),
        ("\x1b[31mred.syx", BANK),
    )
    assert read_members(data) == {
        "soft": "symbolic link, not followed",
        "hard": "hard link, not followed",
        "null": "not a regular file",
        "disk": "not a regular file",
        "pipe": "not a regular file",
        "sparse.syx": "sparse file, not read",
        "\\x1b[31mred.syx": BANK,
    }


def with_size(data, at, size):
    """Return a tar archive with another size in the header at an offset, and a correct checksum."""
    forged = bytearray(data)
    header = forged[at : at + 512]
    header[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    forged[at : at + 512] = header
    return bytes(forged)


@pytest.mark.parametrize("size", [-1, -512, -1024, -(2**40), 2**20, 2**60])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_wrong_size_in_a_tar_archive_is_refused_and_earlier_members_are_read(size, compress):
    plain = make_tar(("1.syx", BANK), ("2.syx", BANK), format=tarfile.USTAR_FORMAT)
    at = 512 + -(-len(BANK) // 512) * 512
    found = read_members(compress(with_size(plain, at, size)))
    assert found.pop("1.syx") == BANK
    # Of a member that is too long, the bytes that are there are read, with the reason.
    assert found.pop("2.syx", BANK)[:10] in (BANK[:10], "damaged in", "unpacks to", "a negative")
    assert found
    assert all(isinstance(reason, str) for reason in found.values())


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(limits, "MAX_FILE", 2**20)
    monkeypatch.setattr(limits, "MAX_ARCHIVE", 3 * 2**20)


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_a_bomb_is_refused_and_other_members_are_read(small_limits, kind, make):
    found = read_members(make(("1.syx", BANK), ("bomb.bin", bytes(2**21)), ("2.syx", OTHER_BANK)))
    assert found == {"1.syx": BANK, "bomb.bin": "unpacks to more than 1 MiB", "2.syx": OTHER_BANK}


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_all_members_share_one_budget(small_limits, kind, make):
    members = [(f"{number}.bin", bytes([number]) * (2**20 - 2**12)) for number in range(6)]
    found = read_members(make(*members))
    read = [name for name, data in found.items() if name.endswith(".bin") and isinstance(data, bytes)]
    assert 1 <= len(read) <= 3
    assert "the archive unpacks to more than 3 MiB" in found.values()


def test_nested_archives_share_the_budget(small_limits):
    inner = [make_tar_gz(("a.bin", bytes([number]) * (2**20 - 2**12))) for number in range(5)]
    found = read_members(make_zip(*((f"{number}.tgz", data) for number, data in enumerate(inner))))
    assert [name for name, data in found.items() if len(data) > 2**19] == ["0.tgz/a.bin", "1.tgz/a.bin"]
    assert found["2.tgz/*"] == found["4.tgz"] == "the archive unpacks to more than 3 MiB"


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_bomb_is_refused(small_limits, compress):
    assert read_members(compress(bytes(2**24))) == {"*": "unpacks to more than 1 MiB"}


@needs_libarchive
def test_a_solid_bomb_ends_the_archive(small_limits):
    found = read_members(make_7z(("bomb.bin", bytes(2**25)), ("good.syx", BANK)))
    assert found == {"*": "the archive unpacks to more than 3 MiB"}


def test_members_beyond_the_limit_are_not_read(monkeypatch):
    monkeypatch.setattr(limits, "MAX_MEMBERS", 3)
    found = read_members(make_tar(*((str(number), b"") for number in range(5))))
    assert found == {"0": b"", "1": b"", "2": b"", "*": "more than 3 members, the rest is not read"}


def test_a_member_with_the_name_of_the_row_for_the_rest_keeps_its_own_row(home):
    (home.inbox / "a.tar").write_bytes(make_tar(("*", BANK), ("b.syx", BANK))[:6000])
    found = survey(home.inbox)
    RawFiles.validate(found.raw_files)
    assert found.raw_files["member"].to_list() == [None, "*", "* (2)", "b.syx", "b.syx (rest)"]


def test_an_encrypted_member_is_refused():
    data = bytearray(make_zip(("secret.syx", BANK), ("good.syx", OTHER_BANK)))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + place] |= 1
    assert read_members(bytes(data)) == {"secret.syx": "encrypted", "good.syx": OTHER_BANK}


@needs_libarchive
def test_an_encrypted_member_of_a_rar_archive_is_refused():
    data = bytearray(make_rar(("secret.syx", BANK)))
    at = data.find(b"\x74", 20) - 2
    data[at + 3] |= 4
    size = int.from_bytes(data[at + 5 : at + 7], "little")
    data[at : at + 2] = (zlib.crc32(data[at + 2 : at + size]) & 0xFFFF).to_bytes(2, "little")
    assert read_members(bytes(data)) == {"secret.syx": "encrypted"}


@needs_libarchive
def test_a_link_in_a_rar_archive_is_refused():
    data = make_rar(("link.syx", b"/etc/passwd"), ("good.syx", BANK), mode=0o120777)
    assert read_members(data)["link.syx"] == "symbolic link, not followed"


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_a_truncated_archive_has_a_reason_for_its_missing_members(kind, make):
    whole = make(("1.syx", BANK), ("2.syx", OTHER_BANK))
    for keep in [*range(1, 100), *range(100, len(whole) - 1, 97)]:
        cut = whole[:keep]
        if recognize_archive(cut):
            found = read_members(cut)
            # Of a tar archive cut within its first header, only the compression is known.
            read = [data for name, data in found.items() if isinstance(data, bytes) and name != "unpacked"]
            # Of a member that was cut, the bytes before the cut are read.
            assert all(BANK.startswith(data) or OTHER_BANK.startswith(data) for data in read)
            # A row gives the reason for missing members, except that an lha archive may end after any member.
            assert (
                [data for data in read if data in (BANK, OTHER_BANK)] == [BANK, OTHER_BANK]
                or kind == "lha"
                or any(isinstance(reason, str) for reason in found.values())
            )


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_a_damaged_archive_does_not_stop_the_survey(home, kind, make):
    data = bytearray(make(("1.syx", BANK), ("2.syx", OTHER_BANK)))
    data[-len(data) * 3 // 4 :] = b"\xff" * (-(-len(data) * 3 // 4))
    (home.inbox / "a.bad").write_bytes(bytes(data))
    (home.inbox / "good.syx").write_bytes(BANK)
    found = survey(home.inbox).raw_files
    assert found.filter(found["path"] == "good.syx")["voices"].sum() == 32
    assert any("damaged" in (reason or "") for reason in found["reason"])


@pytest.mark.parametrize(("kind", "make"), [("lha", make_lha), ("rar", make_rar)])
def test_without_libarchive_members_are_refused_and_read_once_it_is_installed(home, monkeypatch, kind, make):
    (home.inbox / "a.bin").write_bytes(make_zip(("in", make(("1.syx", BANK))), ("good.syx", BANK)))
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "libarchive", None)
        found = survey(home.inbox)
    reasons = dict(found.raw_files.select("member", "reason").rows())
    assert reasons["in/*"] == f"{kind} archive: to read it, install deepdx[archives] and the system's libarchive"
    assert reasons["good.syx"] is None
    if libarchive:
        # Once it is installed, members that were refused for lack of it are read.
        assert "in/1.syx" in survey(home.inbox, found).raw_files["member"].to_list()


def test_the_checksum_after_a_compressed_tar_archive_is_checked():
    data = make_tar_gz(("bank.syx", BANK))
    assert read_members(data[:-8]) == {
        "bank.syx": BANK,
        "*": "damaged gzip archive: Compressed file ended before the end-of-stream marker was reached",
    }
    assert read_members(data[:-8] + bytes(8))["*"].startswith("damaged gzip archive: CRC check failed")


MAGIC = [
    make(("a", b"hello" * 20))[:keep]
    for make in (*BUILTIN.values(), *(BY_LIBARCHIVE.values() if libarchive else (make_lha, make_rar)))
    for keep in (10, 32, 512)
] + [b"Rar!\x1a\x07\x01\x00"]


@settings(deadline=None)
@given(st.sampled_from(MAGIC), st.binary(max_size=600))
def test_random_bytes_after_a_magic_number_never_raise(magic, rest):
    for content in read_archive(magic + rest) if recognize_archive(magic + rest) else ():
        assert content.member


@settings(deadline=None)
@given(st.data())
def test_changed_bytes_never_raise(data):
    makers = [*BUILTIN.values(), *(BY_LIBARCHIVE.values() if libarchive else (make_lha, make_rar))]
    archive = bytearray(data.draw(st.sampled_from(makers))(("a.syx", b"hello" * 9), ("b/c.syx", b"world" * 9)))
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    for content in read_archive(bytes(archive)) if recognize_archive(bytes(archive)) else ():
        assert content.member
