"""Archives of every kind on their way in: what is in them is found, and nothing in them does harm."""

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.writer import write_bank, write_single
from deepdx_core.intake import contents
from deepdx_core.intake.archives import archive_members
from deepdx_core.intake.contents import archive_kind
from deepdx_core.intake.survey import survey
from deepdx_core.tables.decoding import RawFiles
from tests.support.archives import zipped
from tests.support.voices import random_voices

try:
    import libarchive
except (ImportError, OSError, AttributeError, TypeError):
    libarchive = None

needs_libarchive = pytest.mark.skipif(libarchive is None, reason="libarchive is not installed")

BANK = write_bank(*random_voices(32, seed=1))
OTHER_BANK = write_bank(*random_voices(32, seed=2))


def tarred(*members, format=tarfile.PAX_FORMAT):
    """Members are (name, data) or (TarInfo, data)."""
    buffer = io.BytesIO()
    with tarfile.TarFile(fileobj=buffer, mode="w", format=format) as archive:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if not isinstance(name, tarfile.TarInfo):
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def seven_zipped(*members):
    pieces = []

    def keep(piece):
        pieces.append(bytes(piece))
        return len(piece)

    with libarchive.custom_writer(keep, "7zip") as archive:
        for name, data in members:
            archive.add_file_from_memory(name, len(data), data)
    return b"".join(pieces)


def crc16(data):
    """CRC-16/ARC, as lha has it."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ CRC16[(crc ^ byte) & 0xFF]
    return crc


def crc16_of_byte(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


CRC16 = [crc16_of_byte(byte) for byte in range(256)]


def lha(*members):
    """An archive of stored members (-lh0-) with level 0 headers."""
    made = b""
    for name, data in members:
        encoded = name.encode("latin-1")
        size = len(data).to_bytes(4, "little")
        header = b"-lh0-" + size + size + bytes(4) + b"\x20\x00" + bytes([len(encoded)]) + encoded
        header += crc16(data).to_bytes(2, "little")
        made += bytes([len(header), sum(header) & 0xFF]) + header + data
    return made + b"\0"


def rar(*members, mode=0o100644):
    """A RAR 4 archive of stored members."""

    def block(kind, flags, rest):
        body = bytes([kind]) + flags.to_bytes(2, "little") + (7 + len(rest)).to_bytes(2, "little") + rest
        return (zlib.crc32(body) & 0xFFFF).to_bytes(2, "little") + body

    made = b"Rar!\x1a\x07\x00" + block(0x73, 0, bytes(6))
    for name, data in members:
        encoded = name.encode("latin-1")
        size = len(data).to_bytes(4, "little")
        crc = zlib.crc32(data).to_bytes(4, "little")
        unix, version, stored = b"\x03", b"\x14", b"\x30"
        rest = size + size + unix + crc + bytes(4) + version + stored + len(encoded).to_bytes(2, "little")
        made += block(0x74, 0x8000, rest + mode.to_bytes(4, "little") + encoded) + data
    return made + block(0x7B, 0x4000, b"")


def in_gzip(*members):
    return gzip.compress(tarred(*members))


def in_bzip2(*members):
    return bz2.compress(tarred(*members))


def in_xz(*members):
    return lzma.compress(tarred(*members))


ALWAYS = {"zip": zipped, "tar": tarred, "gzip": in_gzip, "bzip2": in_bzip2, "xz": in_xz}
BY_LIBARCHIVE = {"7z": seven_zipped, "lha": lha, "rar": rar}
KINDS = [
    *(pytest.param(kind, make, id=kind) for kind, make in ALWAYS.items()),
    *(pytest.param(kind, make, id=kind, marks=needs_libarchive) for kind, make in BY_LIBARCHIVE.items()),
]


def found_in(data):
    """What became of each member: its data, or the reason why it was refused."""
    return {content.member: content.refused or content.data for content in archive_members(data)}


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_a_bank_is_found_at_its_path(home, kind, make):
    # No archive is known by its name.
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
def test_a_single_compressed_file(compress):
    assert found_in(compress(BANK)) == {"unpacked": BANK}
    assert found_in(compress(b"")) == {"unpacked": b""}


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_kinds_nest_in_one_another(kind, make):
    outer = tarred(("in.zip", zipped(("deep", make(("bank.syx", BANK))))), ("2.syx", OTHER_BANK))
    found = found_in(outer)
    assert found["in.zip/deep/bank.syx"] == BANK
    assert found["2.syx"] == OTHER_BANK
    inner = make(("in.tgz", in_gzip(("in.zip", zipped(("bank.syx", BANK), ("more.zip", zipped()))))))
    assert found_in(inner)["in.tgz/in.zip/bank.syx"] == BANK
    assert found_in(inner)["in.tgz/in.zip/more.zip/*"] == "archives nested more than 3 deep"


def test_old_tar_archives_and_long_names():
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        name = "very long/" * 12 + "bank.syx"
        assert found_in(tarred((name, BANK), format=format)) == {name: BANK}
    old = bytearray(tarred(("bank.syx", BANK), format=tarfile.USTAR_FORMAT))
    # As before POSIX: no magic, and spaces for the checksum while it is summed.
    old[257:265], old[148:156] = bytes(8), b" " * 8
    old[148:156] = b"%06o\0 " % sum(old[:512])
    assert found_in(bytes(old)) == {"bank.syx": BANK}


def test_banks_are_never_taken_for_archives():
    parameters, names = random_voices(32)
    names[1] = list(b"     ustar")
    bank = write_bank(parameters, names)
    assert bank[257:262] == b"ustar"
    single = write_single(parameters[:1], names[:1])
    for data in (bank, bank[6:], single, b"", b"BZh9 and so on", b"  -lh5- " + b" " * 40, bytes(2048)):
        assert archive_kind(data) == ""
    # Nor is what stands in a bank's place within a tar archive's header.
    forged = bytearray(tarred(("bank.syx", BANK)))
    forged[:6] = BANK[:6]
    forged[148:156] = b" " * 8
    forged[148:156] = b"%06o\0 " % sum(forged[:512])
    assert archive_kind(bytes(forged)) == ""


OUTSIDE = "its path leads out of the archive"


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_paths_that_lead_out(kind, make):
    names = ("../../outside.syx", "/absolute.syx", "C:/windows.syx", "a/../../b.syx")
    found = found_in(make(*((name, BANK) for name in names), ("good.syx", OTHER_BANK)))
    assert found.pop("good.syx") == OTHER_BANK
    assert set(found.values()) == {OUTSIDE}
    assert len(found) == len(names)


def special(name, type, linkname="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = type, linkname, size
    return info, b""


def test_members_of_a_tar_archive_that_are_no_files():
    sparse = tarfile.TarInfo("sparse.syx")
    sparse.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40), "GNU.sparse.major": "0"}
    data = tarred(
        special("soft", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard", tarfile.LNKTYPE, "../../etc/passwd"),
        special("null", tarfile.CHRTYPE),
        special("disk", tarfile.BLKTYPE),
        special("pipe", tarfile.FIFOTYPE),
        special("folder", tarfile.DIRTYPE),
        (sparse, b""),
        ("\x1b[31mred.syx", BANK),
    )
    assert found_in(data) == {
        "soft": "symbolic link, not followed",
        "hard": "hard link, not followed",
        "null": "not a regular file",
        "disk": "not a regular file",
        "pipe": "not a regular file",
        "sparse.syx": "sparse file, not read",
        "\\x1b[31mred.syx": BANK,
    }


def with_size(data, at, size):
    """A tar archive whose header at a byte states another size, with the checksum right."""
    forged = bytearray(data)
    header = forged[at : at + 512]
    header[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    forged[at : at + 512] = header
    return bytes(forged)


@pytest.mark.parametrize("size", [-1, -512, -1024, -(2**40), 2**20, 2**60])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_tar_archive_that_lies_about_sizes(size, compress):
    plain = tarred(("1.syx", BANK), ("2.syx", BANK), format=tarfile.USTAR_FORMAT)
    at = 512 + -(-len(BANK) // 512) * 512
    found = found_in(compress(with_size(plain, at, size)))
    assert found.pop("1.syx") == BANK
    assert found
    assert all(isinstance(reason, str) for reason in found.values())


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(contents, "MAX_FILE", 2**20)
    monkeypatch.setattr(contents, "MAX_ARCHIVE", 3 * 2**20)


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_a_bomb_is_refused_and_its_neighbors_are_read(small_limits, kind, make):
    found = found_in(make(("1.syx", BANK), ("bomb.bin", bytes(2**21)), ("2.syx", OTHER_BANK)))
    assert found == {"1.syx": BANK, "bomb.bin": "unpacks to more than 1 MiB", "2.syx": OTHER_BANK}


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_all_members_share_one_budget(small_limits, kind, make):
    members = [(f"{number}.bin", bytes([number]) * (2**20 - 2**12)) for number in range(6)]
    found = found_in(make(*members))
    read = [name for name, data in found.items() if name.endswith(".bin") and isinstance(data, bytes)]
    assert 1 <= len(read) <= 3
    assert "the archive unpacks to more than 3 MiB" in found.values()


def test_archives_in_an_archive_share_its_budget(small_limits):
    inner = [in_gzip(("a.bin", bytes([number]) * (2**20 - 2**12))) for number in range(5)]
    found = found_in(zipped(*((f"{number}.tgz", data) for number, data in enumerate(inner))))
    assert [name for name, data in found.items() if len(data) > 2**19] == ["0.tgz/a.bin", "1.tgz/a.bin"]
    assert found["2.tgz/*"] == found["4.tgz"] == "the archive unpacks to more than 3 MiB"


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_bomb(small_limits, compress):
    assert found_in(compress(bytes(2**24))) == {"*": "unpacks to more than 1 MiB"}


@needs_libarchive
def test_a_solid_bomb_ends_the_archive(small_limits):
    found = found_in(seven_zipped(("bomb.bin", bytes(2**25)), ("good.syx", BANK)))
    assert found == {"*": "the archive unpacks to more than 3 MiB"}


def test_too_many_members(monkeypatch):
    monkeypatch.setattr(contents, "MAX_MEMBERS", 3)
    found = found_in(tarred(*((str(number), b"") for number in range(5))))
    assert found == {"0": b"", "1": b"", "2": b"", "*": "more than 3 members, the rest is not read"}


def test_a_member_called_like_the_rest(home):
    (home.inbox / "a.tar").write_bytes(tarred(("*", BANK), ("b.syx", BANK))[:6000])
    found = survey(home.inbox)
    RawFiles.validate(found.raw_files)
    assert found.raw_files["member"].to_list() == [None, "*", "* (2)", "b.syx"]


def test_an_encrypted_member():
    data = bytearray(zipped(("secret.syx", BANK), ("good.syx", OTHER_BANK)))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + place] |= 1
    assert found_in(bytes(data)) == {"secret.syx": "encrypted", "good.syx": OTHER_BANK}


@needs_libarchive
def test_an_encrypted_member_of_a_rar_archive():
    data = bytearray(rar(("secret.syx", BANK)))
    at = data.find(b"\x74", 20) - 2
    data[at + 3] |= 4
    size = int.from_bytes(data[at + 5 : at + 7], "little")
    data[at : at + 2] = (zlib.crc32(data[at + 2 : at + size]) & 0xFFFF).to_bytes(2, "little")
    assert found_in(bytes(data)) == {"secret.syx": "encrypted"}


@needs_libarchive
def test_a_link_in_a_rar_archive():
    data = rar(("link.syx", b"/etc/passwd"), ("good.syx", BANK), mode=0o120777)
    assert found_in(data)["link.syx"] == "symbolic link, not followed"


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_archives_broken_off_anywhere(kind, make):
    whole = make(("1.syx", BANK), ("2.syx", OTHER_BANK))
    for keep in [*range(1, 100), *range(100, len(whole) - 1, 97)]:
        cut = whole[:keep]
        if archive_kind(cut):
            found = found_in(cut)
            read = [data for data in found.values() if isinstance(data, bytes)]
            assert all(data in (BANK, OTHER_BANK) for data in read)
            # Where members are missing a row says why; an lha archive may end where a member does.
            assert len(read) == 2 or kind == "lha" or any(isinstance(reason, str) for reason in found.values())


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_a_damaged_archive_never_stops_the_rest(home, kind, make):
    data = bytearray(make(("1.syx", BANK), ("2.syx", OTHER_BANK)))
    data[-len(data) * 3 // 4 :] = b"\xff" * (-(-len(data) * 3 // 4))
    (home.inbox / "a.bad").write_bytes(bytes(data))
    (home.inbox / "good.syx").write_bytes(BANK)
    found = survey(home.inbox).raw_files
    assert found.filter(found["path"] == "good.syx")["voices"].sum() == 32
    assert any("damaged" in (reason or "") for reason in found["reason"])


@pytest.mark.parametrize("make", [lha, rar])
def test_a_message_where_the_library_is_not_there(home, monkeypatch, make):
    kind = make.__name__
    (home.inbox / "a.bin").write_bytes(zipped(("in", make(("1.syx", BANK))), ("good.syx", BANK)))
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "libarchive", None)
        found = survey(home.inbox)
    reasons = dict(found.raw_files.select("member", "reason").rows())
    assert reasons["in/*"] == f"{kind} archive: to read it, install deepdx[archives] and the system's libarchive"
    assert reasons["good.syx"] is None
    if libarchive:
        # Once it is there, what was refused for the want of it is read.
        assert "in/1.syx" in survey(home.inbox, found).raw_files["member"].to_list()


def test_the_checksum_behind_a_compressed_tar_archive_counts():
    data = in_gzip(("bank.syx", BANK))
    assert found_in(data[:-8]) == {
        "bank.syx": BANK,
        "*": "damaged gzip archive: Compressed file ended before the end-of-stream marker was reached",
    }
    assert found_in(data[:-8] + bytes(8))["*"].startswith("damaged gzip archive: CRC check failed")


MAGIC = [
    make(("a", b"hello" * 20))[:keep]
    for make in (*ALWAYS.values(), *(BY_LIBARCHIVE.values() if libarchive else (lha, rar)))
    for keep in (10, 32, 512)
] + [b"Rar!\x1a\x07\x01\x00"]


@settings(deadline=None)
@given(st.sampled_from(MAGIC), st.binary(max_size=600))
def test_random_bytes_after_a_magic_never_raise(magic, rest):
    for content in archive_members(magic + rest) if archive_kind(magic + rest) else ():
        assert content.member


@settings(deadline=None)
@given(st.data())
def test_changed_bytes_never_raise(data):
    makers = [*ALWAYS.values(), *(BY_LIBARCHIVE.values() if libarchive else (lha, rar))]
    archive = bytearray(data.draw(st.sampled_from(makers))(("a.syx", b"hello" * 9), ("b/c.syx", b"world" * 9)))
    for _ in range(data.draw(st.integers(1, 6))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    for content in archive_members(bytes(archive)) if archive_kind(bytes(archive)) else ():
        assert content.member
