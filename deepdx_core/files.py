"""Safe access to files: written whole or not at all, read only if regular, and cleaned up after a kill."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError

_PREFIX, _SUFFIX = ".deepdx-", ".part"
STAGING = f"{_PREFIX}*{_SUFFIX}"
"""Glob pattern of working folders. They hold unfinished files of a live process or of a killed one."""

_LONGEST_NAME = 50  # characters: 200 bytes of UTF-8 of the 255 that file systems allow
_RESERVED_NAMES = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]", re.IGNORECASE)


EXISTS = "exists already; nothing was written (--force overwrites)"
"""The reason for refusing to write over something without `force`."""


class OutputError(DeepDXError):
    """An output file cannot be written. The message names the path and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{printable(str(path))}: {reason}")


@contextmanager
def written_whole(path: Path, staging: Path | None = None, *, set_aside: bool = False) -> Iterator[Path]:
    """Yield a temporary path to write to. Its file replaces `path` if the block succeeds, and is removed if it fails.

    The file is flushed to disk before it replaces `path`, and the folder after. It is written in `staging`, a folder on
    the same file system, by default that of `path`. After a kill, `remove_leftovers` on that folder cleans up.

    set_aside: if there is a folder at `path`, keep it under another name, as its owner may want it back. By default it
    stays and OSError is raised.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with working_folder(staging or path.parent) as folder:
        temporary = folder / path.name
        yield temporary
        _flush(temporary)
        if set_aside:
            _set_aside_folder(path)
        temporary.replace(path)
        _flush(path.parent)


@contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """Yield a temporary folder in `parent`. It is locked while this process works in it, and removed at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=_SUFFIX, dir=parent))
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        # On a file system without locks, leftovers are never removed.
        if _try_lock(lock) is not False and folder.exists():
            break
        os.close(lock)  # another process removed it as a leftover in the meantime
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _try_lock(descriptor: int) -> bool | None:
    """Lock a folder. Return False if another process holds the lock, None if the file system has no locks."""
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


def _set_aside_folder(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        number = 1
        while os.path.lexists(free := path.with_name(f"{path.name}.set-aside-{number}")):
            number += 1
        path.rename(free)


def remove_leftovers(folder: Path) -> int:
    """Remove the working folders of killed processes in `folder`. Return the number removed."""
    removed = 0
    for leftover in folder.glob(STAGING):
        with suppress(OSError):
            lock = os.open(leftover, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if _try_lock(lock):
                    shutil.rmtree(leftover, ignore_errors=True)
                    removed += 1
            finally:
                os.close(lock)
    return removed


def output_target(path: Path, force: bool) -> Path:
    """Return the path to write an output file to: `path`, or the target of the link at `path`.

    Raises OutputError if its folder is missing, if something other than a regular file exists there, or if a regular
    file exists there and `force` is not set.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise OutputError(path, f"there is no folder {printable(str(target.parent))}")
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise OutputError(path, "nothing can be written to its folder") from None
        return target
    except OSError as error:
        raise OutputError(path, error.strerror or str(error)) from error
    if stat.S_ISDIR(mode):
        raise OutputError(path, "is a folder")
    if not stat.S_ISREG(mode):
        raise OutputError(path, "not a regular file; nothing was written")
    if not force:
        raise OutputError(path, EXISTS)
    return target


def write_outputs(outputs: Mapping[Path, bytes], force: bool) -> None:
    """Write output files: all or none, as far as a disk allows.

    Every file is on disk under a temporary name before the first one is put in place. If there are several files, old
    ones are removed first, so that a kill never leaves a mixture of old and new. Raises OutputError like
    `output_target`, before anything is written, and for a full disk.
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
        folders: dict[Path, Path] = {}
        staged: dict[Path, Path] = {}
        for target, data in targets.items():
            try:
                if target.parent not in folders:
                    folders[target.parent] = all_or_none.enter_context(working_folder(target.parent))
                staged[target] = folders[target.parent] / target.name
                staged[target].write_bytes(data)
                _flush(staged[target])
            except OSError as error:
                raise OutputError(target, f"cannot be written: {error.strerror}") from error
        if len(staged) > 1:
            for target in staged:
                target.unlink(missing_ok=True)
        for target, temporary in staged.items():
            temporary.replace(target)
        for parent in folders:
            _flush(parent)


def make_output_folder(folder: Path) -> None:
    """Create an output folder unless it exists. Its parents are not created. Raises OutputError."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(folder, f"cannot be created: {error.strerror}") from error


@contextmanager
def folder_written_whole(folder: Path, force: bool, own_files: Callable[[Path], Set[str]]) -> Iterator[Path]:
    """Yield a temporary folder to write to. It takes the place of `folder` if the block succeeds.

    Like `output_target`, but for folders: an earlier output is replaced only with `force`, and nothing else ever is.
    own_files: returns the paths, such as `data/train.parquet`, that an earlier output at `folder` has in it. An empty
    folder is free. Raises OutputError, before the block or after it.
    """
    _require_free(folder, force, own_files)
    with working_folder(folder.absolute().parent) as working:
        staged = working / "new"
        staged.mkdir()
        yield staged
        _require_free(folder, force, own_files)  # the block may have taken minutes
        if folder.exists():
            folder.rename(working / "replaced")
        staged.rename(folder)


def _require_free(folder: Path, force: bool, own_files: Callable[[Path], Set[str]]) -> None:
    if not folder.absolute().parent.is_dir():
        raise OutputError(folder, f"there is no folder {printable(str(folder.absolute().parent))}")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(folder, "not a folder; nothing was written")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not force:
        raise OutputError(folder, EXISTS)
    own = own_files(folder)
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    if other := next((file for file in files if file not in own), None):
        raise OutputError(folder, f"holds other files, such as {printable(other)}; nothing was written")


def safe_name(text: str) -> str:
    """Return text from outside as the name of a file, without its extension, that every usual system accepts.

    Letters and digits of any script are kept; separators, control characters and other signs become `_`. Names are
    never empty, hidden, reserved on Windows, or longer than any file system allows, even with a short suffix.
    """
    kept = re.sub(r"[^\w &'()+,.!-]", "_", unicodedata.normalize("NFC", text))[:_LONGEST_NAME].strip(" .")
    if is_reserved(kept):
        return f"_{kept}"
    return kept or "unnamed"


def is_reserved(name: str) -> bool:
    """Return True if Windows reserves a file name, such as `con` or `aux.csv`."""
    return _RESERVED_NAMES.fullmatch(name.partition(".")[0].rstrip()) is not None


def unique_names(names: Iterable[str]) -> list[str]:
    """Return names with numbers after repeated ones: `A`, `A (2)`. Names that differ only in case count as equal."""
    taken: set[str] = set()
    repeats: Counter[str] = Counter()
    unique = []
    for name in names:
        key, free = name.casefold(), name
        while free.casefold() in taken:
            repeats[key] += 1
            free = f"{name} ({repeats[key] + 1})"
        taken.add(free.casefold())
        unique.append(free)
    return unique


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file, or the target of a link, for reading.

    Never blocks: opening a FIFO the ordinary way would wait for a writer. Raises OSError if the file cannot be read or
    is not regular; its `strerror` is the reason.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise OSError(errno.EINVAL, "not a regular file", str(path)) from error
        raise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        reason = "a folder, not a file" if stat.S_ISDIR(mode) else "not a regular file"
        raise OSError(errno.EINVAL, reason, str(path))
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_regular(path: Path, max_bytes: int = 1 << 34) -> bytes:
    """Return the content of a file, opened by `open_regular`. Raises OSError if it is larger than `max_bytes` bytes."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise OSError(errno.EFBIG, f"larger than {max_bytes:,} bytes", str(path))
        return file.read(size)


def file_digest(path: Path, max_bytes: int | None = None) -> str:
    """Return the SHA-256 of a file's content, or the reason why it cannot be read or is larger than `max_bytes`."""
    try:
        with open_regular(path) as file:
            if max_bytes is not None and os.fstat(file.fileno()).st_size > max_bytes:
                return f"larger than {max_bytes:,} bytes"
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return error.strerror or str(error)
