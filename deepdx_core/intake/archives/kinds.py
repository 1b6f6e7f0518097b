"""The kinds of archives: how to recognize each, and how to read its members. Nested archives are read too."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from deepdx_core.display import printable
from deepdx_core.intake import limits
from deepdx_core.intake.archives.amiga_disks import is_amiga_disk, read_amiga_disk
from deepdx_core.intake.archives.checks import describe_damage, normalize_slashes
from deepdx_core.intake.archives.compressed_files import read_bzip2, read_gzip, read_xz
from deepdx_core.intake.archives.fat_disks import is_fat_disk, is_msa, read_fat_disk, read_msa
from deepdx_core.intake.archives.hfs_disks import is_hfs_disk, read_hfs_disk
from deepdx_core.intake.archives.libarchive_formats import ISO_DESCRIPTORS, read_iso_disk, read_rar, reader, unpacker
from deepdx_core.intake.archives.macintosh_files import (
    MACBINARY_HEADER,
    is_binhex,
    is_macbinary,
    read_binhex,
    read_macbinary,
)
from deepdx_core.intake.archives.mails import is_mail, read_mail
from deepdx_core.intake.archives.tar_archives import is_tar, read_tar
from deepdx_core.intake.archives.zip_archives import read_zip
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

HEAD_SIZE = ISO_DESCRIPTORS + 6
"""Bytes from which an archive is recognized, if it is one that may be larger than a file."""

_YAMAHA = b"\xf0\x43"
_NAMELESS = "(no name)"
_SHORTENED = 80  # characters kept of a path that is too long


@dataclass(frozen=True)
class Kind:
    """A kind of archive.

    recognize: true for such an archive, and for its first HEAD_SIZE bytes.
    read_members: yields the members and charges them to the budget. Raises RefusedError where the rest is refused,
        and any error of a decoder where it is damaged.
    """

    name: str
    recognize: Callable[[bytes], object]
    read_members: Callable[[bytes, Budget], Iterator[Content]]


KINDS = (
    Kind("zip", re.compile(rb"PK(\x03\x04|\x05\x06)").match, read_zip),
    Kind("gzip", re.compile(rb"\x1f\x8b\x08").match, read_gzip),
    # A block or the end of the stream must follow: "BZh9" alone may be a text or a voice.
    Kind("bzip2", re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)").match, read_bzip2),
    Kind("xz", re.compile(rb"\xfd7zXZ\x00").match, read_xz),
    Kind("7z", re.compile(rb"7z\xbc\xaf\x27\x1c").match, reader("7z", "7zip")),
    Kind("rar", re.compile(rb"Rar!\x1a\x07(\x00|\x01\x00)").match, read_rar),
    # Size and sum of a header, the method, sizes and times, and the level of the header.
    Kind(
        "lha", re.compile(rb"..-(lh[0-9a-z]|lz[s45]|pm[0-2s])-.{13}[\x00-\x03]", re.DOTALL).match, reader("lha", "lha")
    ),
    Kind("cab", re.compile(rb"MSCF\0\0\0\0").match, reader("cab", "cab")),
    Kind("cpio", re.compile(rb"07070[127][0-9a-fA-F]{60}").match, reader("cpio", "cpio")),
    Kind("ar", re.compile(rb"!<arch>\n").match, reader("ar", "ar")),
    Kind("zstd", re.compile(rb"\x28\xb5\x2f\xfd").match, unpacker("zstd")),
    Kind("lz4", re.compile(rb"\x04\x22\x4d\x18").match, unpacker("lz4")),
    Kind("lzip", re.compile(rb"LZIP\x01[\x0c-\xff]").match, unpacker("lzip")),
    Kind("compress", re.compile(rb"\x1f\x9d[\x89-\x90]").match, unpacker("compress")),
    Kind("tar", is_tar, read_tar),
    Kind("mail", is_mail, read_mail),
    Kind("BinHex", is_binhex, read_binhex),
    Kind("MSA", is_msa, read_msa),
    Kind("FAT disk", is_fat_disk, read_fat_disk),
    Kind("HFS disk", is_hfs_disk, read_hfs_disk),  # before ISO 9660, which CD-ROMs for both have too
    Kind("ISO 9660 disk", lambda data: data.startswith(b"CD001", ISO_DESCRIPTORS + 1), read_iso_disk),
    Kind("Amiga disk", is_amiga_disk, read_amiga_disk),
)
_MACBINARY = Kind("MacBinary", is_macbinary, read_macbinary)


def recognize_archive(data: bytes) -> Kind | None:
    """Return the kind of an archive by its bytes, never by a file's name; None for other data.

    The first HEAD_SIZE bytes suffice, except for disks that were not formatted.
    """
    if data.startswith(_YAMAHA):
        return None
    if kind := next((kind for kind in KINDS if kind.recognize(data)), None):
        return kind
    # Banks are found behind the header of MacBinary without unpacking.
    return _MACBINARY if is_macbinary(data) and recognize_archive(data[MACBINARY_HEADER:]) else None


def read_archive(data: bytes) -> Iterator[Content]:
    """Yield every file in an archive, including files in nested archives, but no folders.

    A member that cannot be read has the reason in `refused`. Where the rest of an archive cannot be read, a member
    `*` has the reason. Raises ValueError if `data` is not an archive.
    """
    kind = recognize_archive(data)
    if kind is None:
        raise ValueError("not an archive of a known kind")
    times: dict[str, int] = {}
    for content in _read_nested(kind, data, "", 1, Budget()):
        # An archive may hold one path twice; a number keeps the members apart.
        member = content.member
        while member in times:
            times[content.member] += 1
            member = f"{content.member} ({times[content.member]})"
        times[member] = 1
        yield replace(content, member=member)


def _read_nested(kind: Kind, data: bytes, prefix: str, depth: int, budget: Budget) -> Iterator[Content]:
    if depth > limits.MAX_DEPTH:
        yield Content(prefix + "*", refused=f"archives nested more than {limits.MAX_DEPTH} deep")
        return
    try:
        for member in kind.read_members(data, budget):
            content = _with_display_path(member, prefix)
            yield content
            if nested := recognize_archive(content.data):
                yield from _read_nested(nested, content.data, f"{content.member}/", depth + 1, budget)
    except RefusedError as error:
        yield Content(prefix + "*", refused=str(error))
    # zlib.error, lzma.LZMAError, struct.error, ...: every decoder fails in its own way on a damaged archive.
    except Exception as error:
        yield Content(prefix + "*", refused=describe_damage(f"{kind.name} archive", error))


def _with_display_path(content: Content, prefix: str) -> Content:
    name = content.member or _NAMELESS
    if len(name) > limits.MAX_NAME:
        shortened = printable(normalize_slashes(name[:_SHORTENED]))
        return Content(f"{prefix}{shortened}...", refused=f"a path of {len(name):,} characters")
    return replace(content, member=prefix + printable(normalize_slashes(name)))
