"""Files and folders on disk, listed and read safely: links are not followed, and nothing blocks."""

import os
import stat
from fnmatch import fnmatchcase
from pathlib import Path

from deepdx_core.files import STAGING
from deepdx_core.intake import limits
from deepdx_core.intake.archives.kinds import HEAD_SIZE, recognize_archive
from deepdx_core.intake.contents import RefusedError


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
            limit = limits.MAX_ARCHIVE if recognize_archive(file.read(HEAD_SIZE)) else limits.MAX_FILE
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
        os.scandir(path).close()  # raises the reason if the folder cannot be listed
        raise RefusedError("folder, not a file")
    if not stat.S_ISREG(mode):
        raise RefusedError("not a regular file")


def is_folder(path: Path) -> bool:
    """Return True if a path leads to a folder, False if this cannot be determined: `read_file` raises the reason."""
    try:
        return path.is_dir()
    except OSError:
        return False
