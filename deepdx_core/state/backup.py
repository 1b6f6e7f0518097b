"""Backups: the state of a home, and the user's configuration, as one zip file, and back again.

`backup.json` in it lists the files with their checksums. The same state gives the same bytes.
"""

import hashlib
import json
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular, working_folder, written_whole
from deepdx_core.home import Home
from deepdx_core.tables.storage import Manifest

KEPT = 10
"""Automatic backups that are kept."""

_CONTENTS = "backup.json"
_FORMAT = 1
_DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
_CHUNK = 1 << 20
_LARGEST = 16 << 30  # bytes of all files in a backup
_LARGEST_CONTENTS = 64 << 20
_TIME = (1980, 1, 1, 0, 0, 0)  # the time of a file says nothing here, and the same state shall give the same bytes

_MODEL_FILE = r"models/\w{1,64}/[\w.]{1,64}"
_NAMES_BY_VERSION = (
    re.compile(rf"tables/(taught_voices|training_splits|models)\.parquet|(verdicts|labels)\.csv|{_MODEL_FILE}"),
    re.compile(rf"(rules|taxonomy)\.toml|state/(\w{{1,64}}\.parquet|manifest\.json|\w{{1,64}}\.csv|{_MODEL_FILE})"),
)
"""The files that a backup may hold, by the version of the state; nothing else is ever written by a restore."""


class BackupError(DeepDXError):
    """A file is no backup that can be restored; the message names it and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{printable(str(path))}: {reason}")


def backup(home: Home, path: Path) -> int:
    """Write the state of a home, models and the user's configuration included, to a file; return how many files.

    Whoever calls this holds the run lock, and has opened the state.
    """
    files = _files(home, models=True)
    write_archive(path, files, Manifest.read(home.state).version)
    return len(files)


def back_up_changes(home: Home) -> None:
    """Write a backup without models to `home.backups`, unless the newest of them holds the same."""
    files = _files(home, models=False)
    before = sorted(home.backups.glob("state-*.zip"))
    contents = _contents(files, Manifest.read(home.state).version)
    if before and _read_contents(before[-1]) == contents:
        return
    path = home.backups / f"state-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.zip"
    write_archive(path, files, contents["version"])
    for old in before[: max(0, len(before) + 1 - KEPT)]:
        old.unlink()


def _files(home: Home, models: bool) -> dict[str, Path]:
    found = [path for path in (home.rules, home.taxonomy) if path.is_file()]
    found += [path for path in home.state.iterdir() if path.is_file() and not path.name.startswith(".")]
    if models:
        found += [path for path in home.models.glob("*/*") if path.is_file()]
    names = {path.relative_to(home.root).as_posix(): path for path in sorted(found)}
    return {name: path for name, path in names.items() if _NAMES_BY_VERSION[-1].fullmatch(name)}


def _contents(files: Mapping[str, Path], version: int) -> dict[str, Any]:
    sums = {name: hashlib.sha256(read_regular(path)).hexdigest() for name, path in sorted(files.items())}
    return {"format": _FORMAT, "version": version, "files": sums}


def _read_contents(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(_CONTENTS))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, *_DAMAGE):
        return None


def write_archive(path: Path, files: Mapping[str, Path], version: int) -> None:
    """Write files, by their names in the home, as a backup of a state of this version."""
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        listed = json.dumps(_contents(files, version), indent=1)
        archive.writestr(zipfile.ZipInfo(_CONTENTS, _TIME), listed, zipfile.ZIP_DEFLATED)
        for name, source in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _TIME), read_regular(source), zipfile.ZIP_DEFLATED)


def restore(home: Home, path: Path, newest_version: int) -> Path | None:
    """Put the state in a backup in place of that of a home; return the folder to which the present one was moved.

    All of the file is read and checked before anything is replaced. Models stay where the backup holds none. Raises
    BackupError for a file that is no backup, is damaged, or is of a version after `newest_version`. Whoever calls this
    holds the run lock; `store.open_state` comes next.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    with working_folder(home.root) as staging:
        new = staging / "new"
        version = _unpack(path, new, newest_version)
        if version and not (new / "state" / "models").exists() and home.models.is_dir():
            shutil.copytree(home.models, new / "state" / "models", copy_function=_link)
        home.locks.mkdir(exist_ok=True)
        with FileLock(home.opinions_lock):
            return _exchange(home, new)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _unpack(path: Path, folder: Path, newest_version: int) -> int:
    """Write the files of a backup to a folder, and return the version of its state."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            too_large = sum(info.file_size for info in infos.values()) > _LARGEST
            if too_large or infos[_CONTENTS].file_size > _LARGEST_CONTENTS:
                raise BackupError(path, "is larger than any backup")
            contents = json.loads(archive.read(_CONTENTS))
            version, files = contents["version"], contents["files"]
            if contents["format"] != _FORMAT or not isinstance(version, int) or not 0 <= version <= newest_version:
                raise BackupError(path, "was written by another version of Deep DX, which this one cannot read")
            for name, digest in files.items():
                if not _NAMES_BY_VERSION[version].fullmatch(name):
                    raise BackupError(path, f"holds {printable(name)!r}, which no backup does")
                _unpack_file(archive, infos[name], folder / name, digest)
    except FileNotFoundError as error:
        raise BackupError(path, "there is no such file") from error
    # A damaged zip fails in any of its decoders' ways.
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, *_DAMAGE) as error:
        raise BackupError(path, f"is no backup, or damaged ({printable(str(error))})") from error
    return int(version)


def _unpack_file(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, digest: str) -> None:
    found, left = hashlib.sha256(), info.file_size
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, target.open("wb") as file:
        while piece := source.read(min(_CHUNK, left + 1)):
            left -= len(piece)
            if left < 0:
                raise ValueError(f"{info.filename} is longer than it says")
            found.update(piece)
            file.write(piece)
    if found.hexdigest() != digest:
        raise ValueError(f"{info.filename} does not fit its checksum")


def _exchange(home: Home, new: Path) -> Path | None:
    """Move everything in `new` to its place in the home, and what stands there to a folder of its own."""
    replaced = home.backups / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    # A backup of version 0 has no folder for state, and its tables take all caches with them.
    for name in sorted({"state", *(path.name for path in new.iterdir())}):
        if os.path.lexists(home.root / name):
            replaced.mkdir(parents=True, exist_ok=True)
            (home.root / name).rename(replaced / name)
        if (new / name).exists():
            (new / name).rename(home.root / name)
    return replaced if replaced.is_dir() else None
