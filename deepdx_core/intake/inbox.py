"""Add files to the inbox without ever replacing one."""

import errno
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from deepdx_core.files import remove_leftovers, written_whole
from deepdx_core.intake.contents import RefusedError
from deepdx_core.intake.local_files import STANDARD_STREAM, find_files, is_folder, read_file, read_named, show_named


@dataclass(frozen=True)
class AddedFile:
    """The outcome for one file: its path in the inbox (`target`), or the reason for refusing it.

    new: it was copied into the inbox; otherwise the inbox had it already.
    duplicate: the inbox had its content under another path, `target`.
    """

    source: Path
    target: Path | None = None
    new: bool = False
    duplicate: bool = False
    refused: str = ""


def add_to_inbox(paths: Iterable[Path], inbox: Path, staging: Path) -> Iterator[AddedFile]:
    """Copy files, folders (with their names) and archives into the inbox, one by one.

    Never overwrites a file in the inbox: another file of the same name gets a number. Content that the inbox already
    has is not stored again, except that an added folder keeps its own copies. A path that cannot be read is reported
    and does not stop the others. Files are written to `staging` and moved when complete, or written to the inbox itself
    if it is on another file system. Leftovers of killed processes are removed first.
    """
    target = _Inbox(inbox, staging)
    for given in paths:
        # Follow links in the given path, such as `..`.
        path = Path(os.path.realpath(given))
        if not is_folder(given):
            name = show_named(given) if given == STANDARD_STREAM else path.name
            yield target.add(given, Path(name), read_named)
            continue
        if path == target.folder or path in target.folder.parents:
            yield AddedFile(given, refused="the inbox is inside it")
            continue
        files = find_files(path)
        if not files:
            yield AddedFile(given, refused="empty folder")
        for file in files:
            yield target.add(file, path.name / file.relative_to(path), read_file)


class _Inbox:
    """An inbox with an index of its contents."""

    def __init__(self, inbox: Path, staging: Path) -> None:
        self._inbox = inbox
        self.folder = Path(os.path.realpath(inbox))
        self._staging = staging
        remove_leftovers(staging)
        remove_leftovers(inbox)
        # Files are hashed only once a file of the same size is added.
        self._unhashed: dict[int, list[Path]] = defaultdict(list)
        self._paths: dict[bytes, list[Path]] = defaultdict(list)
        for path in find_files(inbox):
            with suppress(OSError):
                self._unhashed[path.lstat().st_size].append(path)

    def add(self, source: Path, name: Path, read: Callable[[Path], bytes]) -> AddedFile:
        """Store a file under a name in the inbox."""
        try:
            data = read(source)
            self._staging.mkdir(parents=True, exist_ok=True)
            # Two commands must not pick the same free name.
            with FileLock(self._staging / ".lock"):
                return self._store(source, data, name)
        except RefusedError as error:
            return AddedFile(source, refused=str(error))
        except OSError as error:
            return AddedFile(source, refused=f"cannot be written to the inbox: {error.strerror or error}")

    def _store(self, source: Path, data: bytes, name: Path) -> AddedFile:
        target = self._inbox / name
        # A link in the inbox may lead anywhere.
        if not Path(os.path.realpath(target.parent)).is_relative_to(self.folder):
            raise RefusedError("its place in the inbox leads out of it")
        digest = hashlib.sha256(data).digest()
        paths = self._find_paths(len(data), digest)
        own_folder = self._inbox / name.parts[0] if len(name.parts) > 1 else target
        duplicates = [path for path in paths if own_folder not in path.parents]
        number = 1
        while os.path.lexists(target):
            if self._has_content(target, data):
                return AddedFile(source, target)
            number += 1
            stem = target.stem.removesuffix(f" ({number - 1})")
            target = target.with_name(f"{stem} ({number}){target.suffix}")
        if duplicates:
            return AddedFile(source, duplicates[0], duplicate=True)
        self._write(target, data)
        self._paths[digest].append(target)
        return AddedFile(source, target, new=True)

    def _find_paths(self, size: int, digest: bytes) -> list[Path]:
        """Return the paths in the inbox of a content, by its size and SHA-256."""
        for path in self._unhashed.pop(size, ()):
            with suppress(RefusedError):
                self._paths[hashlib.sha256(read_file(path)).digest()].append(path)
        return self._paths[digest]

    @staticmethod
    def _has_content(path: Path, data: bytes) -> bool:
        try:
            return read_file(path) == data
        except RefusedError:
            return False

    def _write(self, target: Path, data: bytes) -> None:
        try:
            self._write_through(self._staging, target, data)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._write_through(self._inbox, target, data)

    @staticmethod
    def _write_through(staging: Path, target: Path, data: bytes) -> None:
        with written_whole(target, staging) as temporary:
            temporary.write_bytes(data)
