"""Write backups: the state of a home and the user's configuration, in one zip file.

Its member `backup.json` lists the files with their checksums. The same state gives the same bytes.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deepdx_core.files import open_regular, read_regular, written_whole
from deepdx_core.home import Home
from deepdx_core.overrides import locked
from deepdx_core.tables.storage import Manifest, checksum

CONTENTS = "backup.json"
"""The member of a backup that lists the others."""
FORMAT = 1
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""Errors from reading a damaged zip file, in addition to OSError and those of parsing its content."""

_TIME = (1980, 1, 1, 0, 0, 0)  # constant, so that the same state gives the same bytes

_MODEL_FILE = r"models/\w{1,64}/[\w.]{1,64}"
_COLLECTION = r"collections/[\w-](?:[\w -]{0,62}[\w-])?\.csv"
_STATE_FILE = rf"\w{{1,64}}\.parquet|manifest\.json|\w{{1,64}}\.csv|{_MODEL_FILE}"
_NAMES = re.compile(
    rf"(rules|taxonomy)\.toml|state/({_STATE_FILE}|judges/\w{{1,64}}-[0-9a-f]{{16}}\.safetensors|{_COLLECTION})"
)
NAMES_BY_VERSION = (
    re.compile(rf"tables/(taught_voices|training_splits|models)\.parquet|(verdicts|labels)\.csv|{_MODEL_FILE}"),
    re.compile(rf"(rules|taxonomy)\.toml|state/({_STATE_FILE})"),
    _NAMES,
    _NAMES,
)
"""Names that files in a backup may have, by the version of the state. A restore writes no other file."""


def timestamp() -> str:
    """Return the current time for file names. Names sort in the order of time."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"


def write_backup(home: Home, path: Path) -> int:
    """Write the state of a home to a file, with models and the user's configuration. Return the number of files.

    The caller holds the run lock, and has opened the state.
    """
    with locked(home.overrides_lock):
        files = state_files(home, models=True)
        write_archive(path, files, Manifest.read(home.state).version)
    return len(files)


def back_up_changes(home: Home, keep: int = 10) -> None:
    """Write a backup without models to `home.backups`, unless the newest one there has the same content.

    keep: number of such backups that are kept.
    """
    before = list_backups(home)
    version = Manifest.read(home.state).version
    with locked(home.overrides_lock):
        files = state_files(home, models=False)
        checksums = {name: checksum(read_regular(path)) for name, path in files.items()}
        if before and _read_contents(before[-1]) == {"format": FORMAT, "version": version, "files": checksums}:
            return
        write_archive(home.backups / f"state-{timestamp()}.zip", files, version)
    for old in before[: max(0, len(before) + 1 - keep)]:
        old.unlink()


def list_backups(home: Home) -> list[Path]:
    """Return the automatic backups, the oldest first."""
    return sorted(home.backups.glob("state-*.zip"))


def state_files(home: Home, models: bool) -> dict[str, Path]:
    """Return the files of the state and the user's configuration, by their paths in the home."""
    found = [path for path in (home.rules, home.taxonomy) if path.is_file()]
    found += [path for path in home.state.iterdir() if path.is_file() and not path.name.startswith(".")]
    found += home.judges.glob("*")
    found += [path for path in home.collections.glob("*.csv") if path.is_file()]
    if models:
        found += [path for path in home.models.glob("*/*") if path.is_file()]
    names = {path.relative_to(home.root).as_posix(): path for path in sorted(found)}
    return {name: path for name, path in names.items() if NAMES_BY_VERSION[-1].fullmatch(name)}


def _read_contents(path: Path) -> Any:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return json.loads(archive.read(CONTENTS))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, *ZIP_ERRORS):
        return None


def write_archive(path: Path, files: Mapping[str, Path], version: int) -> None:
    """Write a backup of a state of the given version. `files` maps names in the home to paths."""
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        checksums = {}
        for name, source in sorted(files.items()):
            content = read_regular(source)  # once, as the user may change the file meanwhile
            checksums[name] = checksum(content)
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_DEFLATED)
        contents = json.dumps({"format": FORMAT, "version": version, "files": checksums}, indent=1)
        archive.writestr(zipfile.ZipInfo(CONTENTS, _TIME), contents, zipfile.ZIP_DEFLATED)
