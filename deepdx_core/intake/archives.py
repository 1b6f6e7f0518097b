"""Archives: the members of zip, tar, gzip, bzip2, xz, 7z, rar and lha archives, in memory, a member at a time.

Whatever an archive states of itself is not believed: what it unpacks to is counted as it comes, and reading stops at
the limits of `contents`. zip and tar archives and single compressed files are read by Python's own modules; 7z, rar and
lha by libarchive, where it is installed.
"""

import bz2
import ctypes
import gzip
import importlib
import io
import logging
import lzma
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from deepdx_core.display import printable
from deepdx_core.intake import contents
from deepdx_core.intake.contents import Content, RefusedError, archive_kind

_CHUNK = 2**20
_BLOCK = 2**16
_GLOBAL_HEADERS = 1000  # a copy is made for every member
_NAMELESS = "(no name)"
_SHOWN = 80  # characters of a path that is too long
_ZIP_HEADER = 30  # bytes in front of a member's name
_ZIP_ENTRY = b"PK\x01\x02"
# The second byte of the flags, in a member's header and in its entry of the directory.
_UTF8_FLAG = re.compile(rb"(PK\x03\x04.{3}|PK\x01\x02.{5})(.)", re.DOTALL)
# tarfile's search in such headers takes the square of what stands in a row.
_MANY_DIGITS = re.compile(rb"\d{64}")
_TO_INSTALL = "to read it, install deepdx[archives] and the system's libarchive"


def archive_members(data: bytes) -> Iterator[Content]:
    """Every file in an archive, archives in it included; folders are left out.

    What cannot be read, a member or (as member `*`) the rest of an archive, comes as a Content with the reason.
    """
    times: dict[str, int] = {}
    for content in _inside(data, "", 1, _Budget(contents.MAX_ARCHIVE, contents.MAX_MEMBERS)):
        # An archive may hold one path twice; a number keeps them apart.
        member = content.member
        while member in times:
            times[content.member] += 1
            member = f"{content.member} ({times[content.member]})"
        times[member] = 1
        yield replace(content, member=member)


def can_be_read_later(reason: str | None) -> bool:
    """Whether what was refused for this reason can be read once something is installed."""
    return reason is not None and reason.endswith(_TO_INSTALL)


@dataclass
class _Budget:
    """What an archive, with all archives in it, may still come to; once there was more, nothing is left."""

    unpacked: int
    """Bytes."""
    members: int
    """Folders, links and what is refused too."""

    def take(self, size: int) -> None:
        if size > self.unpacked:
            self.unpacked = -1
            raise RefusedError(f"the archive unpacks to more than {contents.MAX_ARCHIVE // 2**20} MiB")
        self.unpacked -= size

    def take_member(self) -> None:
        if self.members == 0:
            raise RefusedError(f"more than {contents.MAX_MEMBERS:,} members, the rest is not read")
        self.members -= 1


def _inside(data: bytes, prefix: str, depth: int, budget: _Budget) -> Iterator[Content]:
    if depth > contents.MAX_DEPTH:
        yield Content(prefix + "*", refused=f"archives nested more than {contents.MAX_DEPTH} deep")
        return
    kind = archive_kind(data)
    try:
        for found in _READERS[kind](data, budget):
            content = _named(found, prefix)
            yield content
            if archive_kind(content.data):
                yield from _inside(content.data, f"{content.member}/", depth + 1, budget)
    except RefusedError as error:
        yield Content(prefix + "*", refused=str(error))
    # zlib.error, lzma.LZMAError, struct.error, ... : a damaged archive may fail in any decoder's own way.
    except Exception as error:
        yield Content(prefix + "*", refused=_damaged(f"{kind} archive", error))


def _named(found: Content, prefix: str) -> Content:
    """A member under the name by which it is shown."""
    name = found.member or _NAMELESS
    if len(name) > contents.MAX_NAME:
        return Content(
            f"{prefix}{printable(_slashes(name[:_SHOWN]))}...", refused=f"a path of {len(name):,} characters"
        )
    return replace(found, member=prefix + printable(_slashes(name)))


def _damaged(what: str, error: Exception) -> str:
    # libarchive's errors have their words in `msg`, and pointers in their text.
    message = str(getattr(error, "msg", error) or type(error).__name__)
    return f"damaged {what}: {printable(message)}"


def _slashes(name: str) -> str:
    return name.replace("\\", "/")


def _check_path(name: str) -> None:
    path = PurePosixPath(_slashes(name))
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        raise RefusedError("its path leads out of the archive")


def _check_type(symbolic: bool, hard: bool = False, regular: bool = True) -> None:
    if symbolic:
        raise RefusedError("symbolic link, not followed")
    if hard:
        raise RefusedError("hard link, not followed")
    if not regular:
        raise RefusedError("not a regular file")


def _too_large() -> RefusedError:
    return RefusedError(f"unpacks to more than {contents.MAX_FILE // 2**20} MiB")


class _ZipFile(io.BytesIO):
    """The bytes of a zip archive, read as a whole not much more than once, and never much at a time.

    Its directory is read in one piece. Members that share bytes would have them unpacked once each.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = 2 * len(data) + _CHUNK

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > contents.MAX_METADATA:
            raise RefusedError(f"a directory of more than {contents.MAX_METADATA // 2**20} MiB")
        piece = super().read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise RefusedError("members that share their bytes, the rest is not read")
        return piece


def _zip(data: bytes, budget: _Budget) -> Iterator[Content]:
    # Every entry of the directory begins so; zipfile makes an object of each before the first can be looked at.
    if data.count(_ZIP_ENTRY) > budget.members:
        raise RefusedError(f"more than {contents.MAX_MEMBERS:,} members, not read")
    try:
        archive = zipfile.ZipFile(_ZipFile(data))
    except UnicodeDecodeError:
        # A name said to be UTF-8 that is none would lose all others; without the flag, names are code page 437.
        archive = zipfile.ZipFile(_ZipFile(_UTF8_FLAG.sub(lambda m: m[1] + bytes([m[2][0] & ~8]), data)))
    with archive:
        overlapping = _overlapping(archive.infolist())
        for info in archive.infolist():
            budget.take_member()
            if info.filename.endswith("/"):
                continue
            try:
                if info in overlapping:
                    raise RefusedError("shares its bytes with another member")
                yield Content(info.filename, _zip_member(archive, info, budget))
            except RefusedError as error:
                yield Content(info.filename, refused=str(error))
            except Exception as error:
                yield Content(info.filename, refused=_damaged("in the archive", error))


def _overlapping(members: list[zipfile.ZipInfo]) -> set[zipfile.ZipInfo]:
    """Members within whose bytes, by what the directory says, another one begins."""
    in_order = sorted(members, key=lambda info: info.header_offset)
    return {
        info
        for info, following in pairwise(in_order)
        if info.header_offset + _ZIP_HEADER + info.compress_size > following.header_offset
    }


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> bytes:
    _check_path(info.filename)
    _check_type(stat.S_ISLNK(info.external_attr >> 16))
    if info.flag_bits & 1:
        raise RefusedError("encrypted")
    budget.take(0)
    with archive.open(info) as stream:
        return _read_all(lambda: stream.read(_CHUNK), budget)


def _read_all(read: Callable[[], bytes], budget: _Budget) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := read():
        size += len(piece)
        if size > contents.MAX_FILE:
            raise _too_large()
        budget.take(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _compressed(unpack: Callable[[io.BytesIO], io.BufferedIOBase]) -> "_Reader":
    """A reader of a compressed stream: the members of the tar archive that it holds, else one member, `unpacked`."""

    def members(data: bytes, budget: _Budget) -> Iterator[Content]:
        with unpack(io.BytesIO(data)) as stream:
            start = stream.read(tarfile.BLOCKSIZE)
            stream.seek(0)
            if archive_kind(start) == "tar":
                tar = _Forward(stream, budget)
                yield from _tar_members(tar, budget)
                # The checksum stands at the end, behind what tarfile reads.
                while tar.read_data(_CHUNK):
                    pass
            else:
                budget.take_member()
                yield Content("unpacked", _read_all(lambda: stream.read(_CHUNK), budget))

    return members


def _tar(data: bytes, budget: _Budget) -> Iterator[Content]:
    return _tar_members(_Forward(io.BytesIO(data), budget), budget)


class _Forward(io.RawIOBase):
    """A stream that is read from front to back only, every byte of it charged to the budget.

    Keeps hostile headers from sending tarfile backwards, for ever, or from having it keep gigabytes of them.
    """

    def __init__(self, stream: io.BufferedIOBase, budget: _Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._position = 0
        self._metadata = contents.MAX_METADATA
        self.last = b""
        """The bytes of the last reading."""

    def read(self, size: int = -1) -> bytes:
        """What tarfile reads: headers, and what they extend to."""
        if size > tarfile.BLOCKSIZE:
            self._metadata -= size
        if size > _CHUNK or self._metadata < 0:
            raise tarfile.ReadError("headers of too many bytes")
        data = self.read_data(size)
        if size > tarfile.BLOCKSIZE and _MANY_DIGITS.search(data):
            raise tarfile.ReadError("a header of digits")
        return data

    def read_data(self, size: int) -> bytes:
        """The next bytes, at most a file's."""
        if not 0 <= size <= contents.MAX_FILE:
            raise _too_large()
        self.last = self._stream.read(size)
        self._budget.take(len(self.last))
        self._position += len(self.last)
        return self.last

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        if position < self._position:
            raise tarfile.ReadError("a header points backwards")
        while (ahead := position - self._position) and self.read_data(min(ahead, _CHUNK)):
            pass
        return self._position


def _tar_members(stream: _Forward, budget: _Budget) -> Iterator[Content]:
    with tarfile.TarFile(fileobj=stream, errors="surrogateescape") as archive:
        while info := archive.next():
            budget.take_member()
            archive.members.clear()  # type: ignore[attr-defined]  # they would be kept, with all their headers
            if len(archive.pax_headers) > _GLOBAL_HEADERS:
                raise tarfile.ReadError("too many global headers")
            if info.isdir():
                continue
            try:
                yield Content(info.name, _tar_member(stream, info))
            except RefusedError as error:
                yield Content(info.name, refused=str(error))
    if stream.last != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("broken off, or a bad header")


def _tar_member(stream: _Forward, info: tarfile.TarInfo) -> bytes:
    _check_path(info.name)
    _check_type(info.issym(), info.islnk(), info.isreg())
    if info.issparse():
        raise RefusedError("sparse file, not read")
    data = stream.read_data(info.size)
    if len(data) < info.size:
        raise RefusedError("damaged in the archive: broken off")
    return data


def _by_libarchive(data: bytes, budget: _Budget) -> Iterator[Content]:
    kind = archive_kind(data)
    try:
        libarchive: Any = importlib.import_module("libarchive")
    # Where the system's library is not there, the import fails at whatever it first asks of it.
    except (ImportError, OSError, AttributeError, TypeError) as error:
        raise RefusedError(f"{kind} archive: {_TO_INSTALL}") from error
    # What it warns of are names in archives, and strangers' bytes do not belong on a terminal.
    logging.getLogger("libarchive").setLevel(logging.ERROR)
    is_encrypted = libarchive.ffi.ffi("entry_is_encrypted", [ctypes.c_void_p], ctypes.c_int)
    try:
        with libarchive.memory_reader(data, format_name=_format(data), filter_name="none") as archive:
            for entry in archive:
                budget.take_member()
                encrypted = bool(is_encrypted(entry._entry_p))
                if content := _libarchive_entry(entry, encrypted, budget, libarchive.ArchiveError):
                    yield content
    except libarchive.ArchiveError as error:
        # With names encrypted too, there is no member to say it of.
        reason = "encrypted" if "encrypt" in str(error) else _damaged(f"{kind} archive", error)
        raise RefusedError(reason) from error


def _format(data: bytes) -> str:
    """What libarchive calls the format; its readers of the two kinds of rar archives are two."""
    kind = archive_kind(data)
    return {"7z": "7zip", "rar": "rar5" if data[6] else "rar"}.get(kind, kind)


def _libarchive_entry(entry: Any, encrypted: bool, budget: _Budget, damage: type[Exception]) -> Content | None:
    """A member, read through even if it is refused: what it unpacks to is counted also where it is only passed over."""
    # The name comes as bytes where it is not UTF-8, and as None where there is none.
    given = entry.pathname or ""
    name = given if isinstance(given, str) else given.decode("utf-8", "surrogateescape")
    pieces: list[bytes] = []
    size = 0
    reason = ""
    try:
        for piece in entry.get_blocks(_BLOCK):
            budget.take(len(piece))
            size += len(piece)
            if size <= contents.MAX_FILE:
                pieces.append(piece)
            else:
                pieces.clear()
    except damage as error:
        reason = _damaged("in the archive", error)
    if entry.isdir:
        return None
    try:
        _check_path(name)
        _check_type(entry.issym, entry.islnk, entry.isreg)
        if encrypted or reason:
            raise RefusedError("encrypted" if encrypted else reason)
        if size > contents.MAX_FILE:
            raise _too_large()
    except RefusedError as error:
        return Content(name, refused=str(error))
    return Content(name, b"".join(pieces))


_Reader = Callable[[bytes, _Budget], Iterator[Content]]
_READERS: dict[str, _Reader] = {
    "zip": _zip,
    "tar": _tar,
    "gzip": _compressed(lambda data: gzip.GzipFile(fileobj=data)),
    "bzip2": _compressed(bz2.BZ2File),
    "xz": _compressed(lzma.LZMAFile),
    "7z": _by_libarchive,
    "rar": _by_libarchive,
    "lha": _by_libarchive,
}
