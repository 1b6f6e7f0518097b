"""Backups: the state of a home, and the user's configuration, as one zip file.

`backup.json` in it lists the files with their checksums. The same state gives the same bytes.
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
from deepdx_core.tables.storage import Manifest, checksum

KEPT = 10
"""Automatic backups that are kept."""

CONTENTS = "backup.json"
"""The file in a backup that lists the others."""
FORMAT = 1
DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""Errors with which a damaged zip file fails, beside those of reading and of its content."""

_TIME = (1980, 1, 1, 0, 0, 0)  # the time of a file says nothing here, and the same state shall give the same bytes

_MODEL_FILE = r"models/\w{1,64}/[\w.]{1,64}"
NAMES_BY_VERSION = (
    re.compile(rf"tables/(taught_voices|training_splits|models)\.parquet|(verdicts|labels)\.csv|{_MODEL_FILE}"),
    re.compile(rf"(rules|taxonomy)\.toml|state/(\w{{1,64}}\.parquet|manifest\.json|\w{{1,64}}\.csv|{_MODEL_FILE})"),
)
"""The files that a backup may hold, by the version of the state; nothing else is ever written by a restore."""


def now() -> str:
    """The time as it stands in names of files, by which they are in order."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"


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
    version = Manifest.read(home.state).version
    sums = {name: checksum(read_regular(path)) for name, path in files.items()}
    if before and _read_contents(before[-1]) == {"format": FORMAT, "version": version, "files": sums}:
        return
    write_archive(home.backups / f"state-{now()}.zip", files, version)
    for old in before[: max(0, len(before) + 1 - KEPT)]:
        old.unlink()


def _files(home: Home, models: bool) -> dict[str, Path]:
    found = [path for path in (home.rules, home.taxonomy) if path.is_file()]
    found += [path for path in home.state.iterdir() if path.is_file() and not path.name.startswith(".")]
    if models:
        found += [path for path in home.models.glob("*/*") if path.is_file()]
    names = {path.relative_to(home.root).as_posix(): path for path in sorted(found)}
    return {name: path for name, path in names.items() if NAMES_BY_VERSION[-1].fullmatch(name)}


def _read_contents(path: Path) -> Any:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return json.loads(archive.read(CONTENTS))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, *DAMAGE):
        return None


def write_archive(path: Path, files: Mapping[str, Path], version: int) -> None:
    """Write files, by their names in the home, as a backup of a state of this version."""
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        sums = {}
        for name, source in sorted(files.items()):
            content = read_regular(source)  # once: the user may write to it meanwhile
            sums[name] = checksum(content)
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_DEFLATED)
        listed = json.dumps({"format": FORMAT, "version": version, "files": sums}, indent=1)
        archive.writestr(zipfile.ZipInfo(CONTENTS, _TIME), listed, zipfile.ZIP_DEFLATED)
