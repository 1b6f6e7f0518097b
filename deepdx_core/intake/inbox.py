"""Bringing files into the inbox."""

import errno
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from deepdx_core.files import remove_leftovers, written_whole
from deepdx_core.intake.contents import RefusedError, is_folder, read_file
from deepdx_core.intake.survey import inbox_files


@dataclass(frozen=True)
class Arrival:
    """What became of a file: where in the inbox it stands, or why it was refused."""

    source: Path
    target: Path | None = None
    new: bool = False
    elsewhere: bool = False
    """Whether its content stood in the inbox already, under another path."""
    refused: str = ""


def add_to_inbox(paths: Iterable[Path], inbox: Path, staging: Path) -> Iterator[Arrival]:
    """Copy files, folders (with their names) and archives into the inbox, one by one.

    Nothing in the inbox is ever overwritten: another file of the same name gets a number. A content that the inbox
    holds is not stored again, unless it is within the same folder that is added: there, copies are kept as they are.
    A path that cannot be read is reported and does not stop the others. Files stand in `staging` until they are whole,
    or in the inbox itself where that is on another file system; what a kill left there is taken away first.
    """
    arrivals = _Inbox(inbox, staging)
    for given in paths:
        # Links that are named here are followed, and so are those in a path such as `..`.
        path = Path(os.path.realpath(given))
        if not is_folder(path):
            yield arrivals.add(given, path, Path(path.name))
            continue
        if path == arrivals.folder or path in arrivals.folder.parents:
            yield Arrival(given, refused="the inbox is inside it")
            continue
        files = inbox_files(path)
        if not files:
            yield Arrival(given, refused="empty folder")
        for file in files:
            yield arrivals.add(file, file, path.name / file.relative_to(path))


class _Inbox:
    """An inbox, and where in it which contents stand."""

    def __init__(self, inbox: Path, staging: Path) -> None:
        self._inbox = inbox
        self.folder = Path(os.path.realpath(inbox))
        self._staging = staging
        remove_leftovers(staging)
        remove_leftovers(inbox)
        # Files are read only once another of their size arrives.
        self._unread: dict[int, list[Path]] = defaultdict(list)
        self._places: dict[bytes, list[Path]] = defaultdict(list)
        for path in inbox_files(inbox):
            with suppress(OSError):
                self._unread[path.lstat().st_size].append(path)

    def add(self, source: Path, path: Path, name: Path) -> Arrival:
        """Store the file at `path` under a name in the inbox."""
        try:
            data = read_file(path)
            self._staging.mkdir(parents=True, exist_ok=True)
            # Two commands may not find the same name free at once.
            with FileLock(self._staging / ".lock"):
                return self._store(source, data, name)
        except RefusedError as error:
            return Arrival(source, refused=str(error))
        except OSError as error:
            return Arrival(source, refused=f"cannot be written to the inbox: {error.strerror or error}")

    def _store(self, source: Path, data: bytes, name: Path) -> Arrival:
        target = self._inbox / name
        # A link in the inbox may lead anywhere.
        if not Path(os.path.realpath(target.parent)).is_relative_to(self.folder):
            raise RefusedError("its place in the inbox leads out of it")
        digest = hashlib.sha256(data).digest()
        places = self._held(len(data), digest)
        own_folder = self._inbox / name.parts[0] if len(name.parts) > 1 else target
        elsewhere = [place for place in places if own_folder not in place.parents]
        number = 1
        while os.path.lexists(target):
            if self._holds(target, data):
                return Arrival(source, target)
            number += 1
            stem = target.stem.removesuffix(f" ({number - 1})")
            target = target.with_name(f"{stem} ({number}){target.suffix}")
        if elsewhere:
            return Arrival(source, elsewhere[0], elsewhere=True)
        self._write(target, data)
        self._places[digest].append(target)
        return Arrival(source, target, new=True)

    def _held(self, size: int, digest: bytes) -> list[Path]:
        """Where a content stands in the inbox."""
        for path in self._unread.pop(size, ()):
            with suppress(RefusedError):
                self._places[hashlib.sha256(read_file(path)).digest()].append(path)
        return self._places[digest]

    @staticmethod
    def _holds(path: Path, data: bytes) -> bool:
        try:
            return read_file(path) == data
        except RefusedError:
            return False

    def _write(self, target: Path, data: bytes) -> None:
        try:
            self._write_by_way_of(self._staging, target, data)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._write_by_way_of(self._inbox, target, data)

    @staticmethod
    def _write_by_way_of(staging: Path, target: Path, data: bytes) -> None:
        with written_whole(target, staging) as temporary:
            temporary.write_bytes(data)
