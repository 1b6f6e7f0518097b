"""How the state of an older home becomes that of this version: a step for each version, after a backup."""

import io
import os
import shutil
from pathlib import Path

import polars as pl

from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular, working_folder
from deepdx_core.home import Home
from deepdx_core.progress import Tell
from deepdx_core.state.backup import now, write_archive
from deepdx_core.tables.schemas import STATE_TABLES, TABLES
from deepdx_core.tables.storage import Manifest, StateError, Tables, checksum

VERSION = 1
"""The version of the state that this code reads and writes."""

_TABLES_OF_VERSION_0 = {
    "corruption_training_set": "taught_voices",
    "training_splits": "training_splits",
    "models": "models",
}
"""The names of state tables while they stood among the caches."""


def migrate(home: Home, version: int, tell: Tell) -> None:
    """Bring the state from `version` to `VERSION`, step by step; a step is done whole or not at all.

    Raises StateError where something to be migrated cannot be read; nothing is changed then.
    """
    for step in _STEPS[version:]:
        step(home, tell)


def _into_a_folder_of_its_own(home: Home, tell: Tell) -> None:
    """From version 0, of homes without a folder for state, or new ones, to 1."""
    old_files = files_of_version_0(home)
    if not old_files:
        home.state.mkdir(parents=True, exist_ok=True)
        Manifest(home.state).write()
        return
    if os.path.lexists(home.state) and any(home.state.iterdir()):
        place = f"the words in it belong in {home.verdicts.name} and {home.labels.name} beside it for now"
        raise DeepDXError(f"{home.state}: exists in a home of an older version, which is to be migrated; {place}")
    with working_folder(home.root) as folder:
        staging = folder / "state"
        staging.mkdir()
        manifest = Manifest(staging)
        for table, old_name in _TABLES_OF_VERSION_0.items():
            path = home.tables / f"{old_name}.parquet"
            if os.path.lexists(path):
                content = _checked(home, table, path)
                (staging / f"{table}.parquet").write_bytes(content)
                manifest.checksums[table] = [checksum(content)]
        for path in (home.verdicts, home.labels):
            if os.path.lexists(home.root / path.name):
                (staging / path.name).write_bytes(read_regular(home.root / path.name))
        if (home.root / "models").is_dir():
            shutil.copytree(home.root / "models", staging / "models")
        manifest.write()
        backup = home.backups / f"before-version-1-{now()}.zip"
        write_archive(backup, old_files, version=0)
        staging.rename(home.state)
    _adopt_caches(home)
    for name in {name.split("/")[0] for name in old_files} - {"tables"}:
        path = home.root / name
        path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)
    for old_name in _TABLES_OF_VERSION_0.values():
        (home.tables / f"{old_name}.parquet").unlink(missing_ok=True)
    tell(f"the state of this home stands in {home.state} now; as it was before: {backup}")


def files_of_version_0(home: Home) -> dict[str, Path]:
    """The files of a state of version 0, by their paths in the home; none where the home is new."""
    names = [f"tables/{name}.parquet" for name in _TABLES_OF_VERSION_0.values()]
    names += [home.verdicts.name, home.labels.name]
    found = [home.root / name for name in names if os.path.lexists(home.root / name)]
    found += [path for path in sorted((home.root / "models").rglob("*")) if path.is_file()]
    return {path.relative_to(home.root).as_posix(): path for path in found}


def _checked(home: Home, table: str, path: Path) -> bytes:
    try:
        content = read_regular(path)
        schema = pl.read_parquet(io.BytesIO(content)).schema
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise StateError(home, path, f"cannot be read ({error})") from error
    if schema != TABLES[table].create_empty().schema:
        raise StateError(home, path, "has other columns than a table of that name had")
    return content


def _adopt_caches(home: Home) -> None:
    """List the caches that can be read, so that sounds need not be rendered again; a run makes the others anew."""
    manifest = Manifest(home.tables)
    for table in TABLES.keys() - set(STATE_TABLES):
        try:
            content = _checked(home, table, Tables(home).path(table))
        except StateError:
            continue
        manifest.checksums[table] = [checksum(content)]
    manifest.write()


_STEPS = (_into_a_folder_of_its_own,)
"""The step from each version to the next."""
