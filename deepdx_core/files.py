"""Files written safely: whole or not at all, never over something that was not meant, and nothing left of a kill."""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError

_PREFIX, _SUFFIX = ".deepdx-", ".part"
STAGING = f"{_PREFIX}*{_SUFFIX}"
"""Pattern of the names of folders in which files stand that are not whole yet, or were left by a kill."""


class OutputError(DeepDXError):
    """A file cannot be written where the user asked for it; the message names the path and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{printable(str(path))}: {reason}")


@contextmanager
def written_whole(path: Path, staging: Path | None = None) -> Iterator[Path]:
    """A path to write to. What stands there takes the place of `path` when the block ends well, and goes away if not.

    The file is flushed to disk before it takes its place, and the folder after. It is written in `staging`, a folder
    on the same file system, by default that of `path`. After a kill, `remove_leftovers` on that folder cleans up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with working_folder(staging or path.parent) as folder:
        temporary = folder / path.name
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)


@contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """A temporary folder in `parent`, locked while this process works in it, and removed at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=_SUFFIX, dir=parent))
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        # Without locks of the file system, leftovers stay where they are.
        if _locked(lock) is not False and folder.exists():
            break
        os.close(lock)  # another process took it for a leftover just now
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(descriptor: int) -> bool | None:
    """Whether this process holds the lock of a folder now; None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside_folder(path: Path) -> None:
    """Rename a folder that stands where a file of ours belongs: whoever put it there may want it back."""
    if path.is_dir() and not path.is_symlink():
        number = 1
        while os.path.lexists(free := path.with_name(f"{path.name}.set-aside-{number}")):
            number += 1
        path.rename(free)


def remove_leftovers(folder: Path) -> int:
    """Remove what killed processes left of `written_whole` in a folder, and return how many that were."""
    removed = 0
    for leftover in folder.glob(STAGING):
        with suppress(OSError):
            lock = os.open(leftover, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if _locked(lock):
                    shutil.rmtree(leftover, ignore_errors=True)
                    removed += 1
            finally:
                os.close(lock)
    return removed


def output_target(path: Path, force: bool) -> Path:
    """Where to write a file that the user asked for: `path`, or the regular file that it is a link to.

    Raises OutputError where its folder is missing, where something else than a regular file stands there, and where a
    file stands there, unless `force`.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(path, f"there is no folder {printable(str(target.parent))}")
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return target
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
    if stat.S_ISDIR(mode):
        raise OutputError(path, "is a folder")
    if not stat.S_ISREG(mode):
        raise OutputError(path, "not a regular file, and so not written to")
    if not force:
        raise OutputError(path, "exists already; nothing was written (--force overwrites)")
    return target


def write_outputs(outputs: Mapping[Path, bytes], force: bool) -> None:
    """Write files that the user asked for; all or none of them, as far as a disk allows.

    Every file is on disk under another name before the first takes its place, and where several files are overwritten,
    all old ones go first, so that no kill leaves a mixture of old and new. Raises OutputError as `output_target`
    does, before anything is written.
    """
    targets: dict[Path, bytes] = {}
    for path, data in outputs.items():
        target = output_target(path, force)
        if target in targets:
            raise OutputError(path, "leads to the same file as another output")
        targets[target] = data
    for parent in {target.parent for target in targets}:
        remove_leftovers(parent)
    with ExitStack() as all_or_none:
        staged: dict[Path, Path] = {}
        for target, data in targets.items():
            folder = all_or_none.enter_context(working_folder(target.parent))
            staged[target] = folder / target.name
            staged[target].write_bytes(data)
            _flush(staged[target])
        if len(staged) > 1:
            for target in staged:
                target.unlink(missing_ok=True)
        for target, temporary in staged.items():
            temporary.replace(target)
        for parent in {target.parent for target in staged}:
            _flush(parent)


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """A regular file, or the one that a link leads to, open for reading.

    It is opened without waiting: to open a FIFO in its place would wait for somebody to write to it. Raises OSError
    where it cannot be read or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_regular(path: Path, most: int = 1 << 34) -> bytes:
    """The bytes of a file as `open_regular` opens it. Raises OSError where it is larger than `most` bytes, too."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
        return file.read(most)
