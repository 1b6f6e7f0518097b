"""Contents: the bytes of files and of archive members, or the reason why they were refused.

Archives are read in memory, a member at a time, within limits; sizes that an archive states are not believed.
"""

import io
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from deepdx_core.errors import DeepDXError

MAX_FILE = 64 * 2**20
"""Bytes of the largest file or member that is read: 16,000 banks."""
MAX_ARCHIVE = 2**30
"""Bytes of the largest archive file, and of what all members of an archive may come to unpacked."""
MAX_DEPTH = 3
"""Archives within archives."""
_CHUNK = 2**20


@dataclass(frozen=True)
class Content:
    """What stands at a path of an archive: its bytes, or the reason why it was refused."""

    member: str
    data: bytes = b""
    refused: str = ""


class RefusedError(DeepDXError):
    """A file or a member cannot be read; the message is the reason."""


def printable(name: str) -> str:
    """A path or name with escapes (`\\x1b`) for what a terminal or a page should not be given, or UTF-8 cannot hold.

    A backslash is escaped too, so that two names never become one.
    """
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in name)


def read_file(path: Path) -> bytes:
    """The bytes of a regular file. Raises RefusedError with the reason: not a file, a link, unreadable, too large."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise RefusedError("symbolic link, not followed")
        if not stat.S_ISREG(mode):
            raise RefusedError("not a regular file")
        with path.open("rb") as file:
            start = file.read(4)
            limit = MAX_ARCHIVE if is_archive(start) else MAX_FILE
            data = start + file.read(limit - len(start) + 1)
        if len(data) > limit:
            raise RefusedError(f"larger than {limit // 2**20} MiB")
        return data
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}") from error


def is_archive(data: bytes) -> bool:
    """Whether bytes are a zip archive."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


@dataclass
class _Budget:
    """Bytes that an archive, with all archives in it, may still unpack to."""

    left: int

    def take(self, size: int) -> None:
        if size > self.left:
            raise RefusedError(f"the archive unpacks to more than {MAX_ARCHIVE // 2**20} MiB")
        self.left -= size


def archive_members(data: bytes) -> Iterator[Content]:
    """Every file in a zip archive, archives in it included; folders are left out.

    Raises RefusedError if the archive as a whole cannot be read.
    """
    seen: set[str] = set()
    for content in _members(data, "", 1, _Budget(MAX_ARCHIVE)):
        # An archive may hold one path twice; a number keeps them apart.
        member, number = content.member, 1
        while member in seen:
            number += 1
            member = f"{content.member} ({number})"
        seen.add(member)
        yield replace(content, member=member)


def _members(data: bytes, prefix: str, depth: int, budget: _Budget) -> Iterator[Content]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise RefusedError(f"damaged zip archive: {error}") from error
    with archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            name = prefix + printable(info.filename.replace("\\", "/"))
            try:
                member = _read_member(archive, info, budget)
            except RefusedError as error:
                yield Content(name, refused=str(error))
                continue
            yield Content(name, member)
            if is_archive(member):
                yield from _nested(member, f"{name}/", depth, budget)


def _nested(data: bytes, prefix: str, depth: int, budget: _Budget) -> Iterator[Content]:
    if depth == MAX_DEPTH:
        yield Content(prefix + "*", refused=f"archives nested more than {MAX_DEPTH} deep")
        return
    try:
        yield from _members(data, prefix, depth + 1, budget)
    except RefusedError as error:
        yield Content(prefix + "*", refused=str(error))


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: _Budget) -> bytes:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or info.filename[1:2] == ":":
        raise RefusedError("its path leads out of the archive")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise RefusedError("symbolic link, not followed")
    if info.flag_bits & 1:
        raise RefusedError("encrypted")
    pieces: list[bytes] = []
    size = 0
    try:
        with archive.open(info) as stream:
            while piece := stream.read(_CHUNK):
                size += len(piece)
                if size > MAX_FILE:
                    raise RefusedError(f"unpacks to more than {MAX_FILE // 2**20} MiB")
                budget.take(len(piece))
                pieces.append(piece)
    # zlib.error, lzma.LZMAError, struct.error, ... : a damaged archive may fail in any decoder's own way.
    except RefusedError:
        raise
    except Exception as error:
        raise RefusedError(f"damaged in the archive: {error}") from error
    return b"".join(pieces)
