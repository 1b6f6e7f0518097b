"""Archives built in memory from (name, data) members, and their members as read by the intake."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

from deepdx_core.codec.writer import write_bank
from deepdx_core.intake.archives.kinds import read_archive
from tests.support.voices import random_voices

try:
    import libarchive
except (ImportError, OSError, AttributeError, TypeError):
    libarchive = None

BANK = write_bank(*random_voices(32, seed=1))
OTHER_BANK = write_bank(*random_voices(32, seed=2))


def read_members(data):
    """Return the data of each member of an archive, or the reason why it was refused, by its path."""
    return {content.member: content.refused or content.data for content in read_archive(data)}


def make_zip(*members):
    """Build a zip archive. A name may be a ZipInfo."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def make_tar(*members, format=tarfile.PAX_FORMAT):
    """Build a tar archive. A name may be a TarInfo."""
    buffer = io.BytesIO()
    with tarfile.TarFile(fileobj=buffer, mode="w", format=format) as archive:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if not isinstance(name, tarfile.TarInfo):
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def make_tar_gz(*members):
    """Build a tar archive and compress it with gzip."""
    return gzip.compress(make_tar(*members))


def make_tar_bz2(*members):
    """Build a tar archive and compress it with bzip2."""
    return bz2.compress(make_tar(*members))


def make_tar_xz(*members):
    """Build a tar archive and compress it with xz."""
    return lzma.compress(make_tar(*members))


def make_7z(*members):
    """Build a 7z archive, with libarchive."""
    pieces = []

    def write(piece):
        pieces.append(bytes(piece))
        return len(piece)

    with libarchive.custom_writer(write, "7zip") as archive:
        for name, data in members:
            archive.add_file_from_memory(name, len(data), data)
    return b"".join(pieces)


def make_lha(*members):
    """Build an lha archive of stored members (-lh0-) with level 0 headers."""
    archive = b""
    for name, data in members:
        encoded = name.encode("latin-1")
        size = len(data).to_bytes(4, "little")
        header = b"-lh0-" + size + size + bytes(4) + b"\x20\x00" + bytes([len(encoded)]) + encoded
        header += _crc16(data).to_bytes(2, "little")
        archive += bytes([len(header), sum(header) & 0xFF]) + header + data
    return archive + b"\0"


def _crc16(data):
    """Return the CRC-16/ARC of lha."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _CRC16[(crc ^ byte) & 0xFF]
    return crc


def _crc16_of_byte(byte):
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC16 = [_crc16_of_byte(byte) for byte in range(256)]


def make_rar(*members, mode=0o100644):
    """Build a RAR 4 archive of stored members."""

    def block(kind, flags, rest):
        body = bytes([kind]) + flags.to_bytes(2, "little") + (7 + len(rest)).to_bytes(2, "little") + rest
        return (zlib.crc32(body) & 0xFFFF).to_bytes(2, "little") + body

    archive = b"Rar!\x1a\x07\x00" + block(0x73, 0, bytes(6))
    for name, data in members:
        encoded = name.encode("latin-1")
        size = len(data).to_bytes(4, "little")
        crc = zlib.crc32(data).to_bytes(4, "little")
        unix, version, stored = b"\x03", b"\x14", b"\x30"
        rest = size + size + unix + crc + bytes(4) + version + stored + len(encoded).to_bytes(2, "little")
        archive += block(0x74, 0x8000, rest + mode.to_bytes(4, "little") + encoded) + data
    return archive + block(0x7B, 0x4000, b"")


BUILTIN = {"zip": make_zip, "tar": make_tar, "gzip": make_tar_gz, "bzip2": make_tar_bz2, "xz": make_tar_xz}
"""Builders of kinds that need no library, by kind."""

BY_LIBARCHIVE = {"7z": make_7z, "lha": make_lha, "rar": make_rar}
"""Builders of kinds that libarchive reads, by kind."""
