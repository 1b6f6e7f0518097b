"""Files and folders on disk, listed and read safely: nothing blocks, and only links that a user names are followed."""

import os
import stat
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from deepdx_core.display import printable
from deepdx_core.files import STAGING
from deepdx_core.intake import limits
from deepdx_core.intake.archives.kinds import HEAD_SIZE, recognize_archive
from deepdx_core.intake.contents import RefusedError

STANDARD_STREAM = Path("-")
"""Standard input or output, where a user names a file. A file of that name has to be given with its folder's path."""


def find_files(folder: Path) -> list[Path]:
    """Return the sorted paths of all files below a folder. Includes links, but does not follow them.

    Includes folders that cannot be listed, even `folder` itself: `read_file` raises RefusedError with the reason. Skips
    working folders (`files.STAGING`). A missing folder has no files.
    """
    found: list[str] = []
    folders = [os.fspath(folder)]
    while folders:
        path = folders.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        found.append(entry.path)
                    elif not fnmatchcase(entry.name, STAGING):
                        folders.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:
            found.append(path)
    return sorted(map(Path, found))


def read_file(path: Path) -> bytes:
    """Return the bytes of a regular file. Raises RefusedError if it is anything else, unreadable or too large."""
    try:
        _require_regular(path, path.lstat().st_mode)
        # A FIFO, a device or a link may replace it in the meantime: opening must neither block nor follow.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            _require_regular(path, os.fstat(descriptor).st_mode)
            return _read_bounded(file)
    except OSError as error:
        raise RefusedError(f"cannot be read: {error.strerror}") from error


def read_named(path: Path) -> bytes:
    """Return the bytes of a file that a user named, like `read_file`: a link is followed, `-` is standard input."""
    if path != STANDARD_STREAM:
        return read_file(Path(os.path.realpath(path)))
    if sys.stdin is None:
        raise RefusedError("closed")
    return _read_bounded(sys.stdin.buffer)


def show_named(path: Path) -> str:
    """Return a path that a user named for messages and tables."""
    return "standard input" if path == STANDARD_STREAM else printable(str(path))


def _read_bounded(file: BinaryIO) -> bytes:
    head = file.read(HEAD_SIZE)
    limit = limits.MAX_ARCHIVE if recognize_archive(head) else limits.MAX_FILE
    data = head + file.read(limit + 1 - len(head))
    if len(data) > limit:
        raise RefusedError(f"larger than {limit // 2**20} MiB")
    return data


def _require_regular(path: Path, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise RefusedError("symbolic link, not followed")
    if stat.S_ISDIR(mode):
        os.scandir(path).close()  # raises the reason if the folder cannot be listed
        raise RefusedError("folder, not a file")
    if not stat.S_ISREG(mode):
        raise RefusedError("not a regular file")


def is_folder(path: Path) -> bool:
    """Return True if a path that a user named leads to a folder, False if this cannot be determined.

    `read_named` raises the reason.
    """
    try:
        return path != STANDARD_STREAM and path.is_dir()
    except OSError:
        return False
