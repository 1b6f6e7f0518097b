"""Contents: the bytes of files, or the reason why they were refused; which bytes are an archive; the limits on both.

Together the limits keep what reading takes of memory under 1.5 GB for any file of MAX_FILE bytes, and for any archive
under 1.5 GB and the archive itself.
"""

import os
import re
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path

from deepdx_core.errors import DeepDXError

MAX_FILE = 64 * 2**20
"""Bytes of the largest file or member that is read: 16,000 banks."""
MAX_ARCHIVE = 2**30
"""Bytes of the largest archive file, and of what all members of an archive may come to unpacked."""
MAX_DEPTH = 3
"""Archives within archives."""
MAX_MEMBERS = 100_000
"""Members of an archive, folders and links too, with those of all archives in it."""
MAX_STRETCHES = 2**20
"""Segments (see `codec.reader`) of all distinct members of an archive."""
MAX_NAME = 1024
"""Characters of a member's path."""
MAX_METADATA = 2**26
"""Bytes of a zip archive's directory, and of all extended headers of a tar archive."""

_MAGIC = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b\x08": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07\x00": "rar",
    b"Rar!\x1a\x07\x01\x00": "rar",
}
# A block or the end of the stream must follow: "BZh9" alone may be a text or a voice.
_BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")
# A header's size and sum, the method, sizes and times, and the header's level.
_LHA = re.compile(rb"..-(lh[0-9a-z]|lz[s45]|pm[0-2s])-.{13}[\x00-\x03]", re.DOTALL)
_HEAD = tarfile.BLOCKSIZE
_YAMAHA = b"\xf0\x43"


@dataclass(frozen=True)
class Content:
    """What stands at a path of an archive: its bytes, or the reason why it was refused."""

    member: str
    data: bytes = b""
    refused: str = ""


class RefusedError(DeepDXError):
    """A file or a member cannot be read; the message is the reason."""


def read_file(path: Path) -> bytes:
    """The bytes of a regular file. Raises RefusedError with the reason: not a file, a link, unreadable, too large."""
    try:
        _require_regular(path, path.lstat().st_mode)
        # It may be swapped for a FIFO, a device or a link meanwhile: none may be waited for, or followed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            _require_regular(path, os.fstat(descriptor).st_mode)
            limit = MAX_ARCHIVE if archive_kind(file.read(_HEAD)) else MAX_FILE
            file.seek(0)
            data = file.read(limit + 1)
        if len(data) > limit:
            raise RefusedError(f"larger than {limit // 2**20} MiB")
        return data
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}") from error


def _require_regular(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise RefusedError("symbolic link, not followed")
    if stat.S_ISDIR(mode):
        os.scandir(path).close()  # fails with the reason where a folder cannot be listed
        raise RefusedError("folder, not a file")
    if not stat.S_ISREG(mode):
        raise RefusedError("not a regular file")


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder; where that cannot be told, `read_file` says why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def archive_kind(data: bytes) -> str:
    """Which kind of archive bytes are ("zip", "tar", "gzip", ...), by their first 512; "" if they are none.

    Told by magic numbers, never by a name. A tar archive is known by its first header's checksum: "ustar" stands at
    byte 257, where a bank has the last letters of its second voice's name, and older archives are without it.
    """
    if data.startswith(_YAMAHA):
        return ""
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            return kind
    if _BZIP2.match(data):
        return "bzip2"
    if _LHA.match(data):
        return "lha"
    try:
        tarfile.TarInfo.frombuf(data[:_HEAD], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return ""
    return "tar"
