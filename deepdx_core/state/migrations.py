"""Migrate the state of an older home to this version: one step per version, after a backup."""

import io
import os
import shutil
from pathlib import Path

import polars as pl

from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular, working_folder, written_whole
from deepdx_core.home import Home
from deepdx_core.progress import Warn
from deepdx_core.state.backup import state_files, timestamp, write_archive
from deepdx_core.tables.schemas import STATE_TABLES, TABLES
from deepdx_core.tables.storage import Manifest, StateError, Tables, checksum

VERSION = 3
"""The version of the state that this code reads and writes."""

_TABLES_OF_VERSION_0 = ("training_splits", "models")
"""State tables that were in the folder of the caches."""
_TRAINING_SETS = ("taught_voices", "corruption_training_set")
"""Names of a table that versions 0 and 1 had: the training set of the model that is now the judge of corruption."""
_NEW = {"models": ["kind"]}
"""Columns that tables of earlier versions lack."""


def migrate(home: Home, version: int, warn: Warn) -> None:
    """Migrate the state from `version` to `VERSION`, step by step. A step is done completely or not at all.

    Raises StateError, with nothing changed, if a file to migrate cannot be read.
    """
    while version < VERSION:
        _STEPS[version](home, warn)
        version = Manifest.read(home.state).version


def _from_0_to_1(home: Home, warn: Warn) -> None:
    """Give the state a folder of its own. Version 0 is a home without that folder: an older home, or a new one."""
    old_files = files_of_version_0(home)
    if not old_files:
        home.state.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(home.state)
        manifest.version = VERSION
        manifest.write()
        return
    if os.path.lexists(home.state) and any(home.state.iterdir()):
        solution = f"move {home.verdicts.name} and {home.labels.name} from it to {home.root}, and remove it"
        raise DeepDXError(f"{home.state}: exists in a home of an older version and blocks its migration: {solution}")
    with working_folder(home.root) as folder:
        staging = folder / "state"
        staging.mkdir()
        manifest = Manifest(staging)
        for table in _TABLES_OF_VERSION_0:
            path = home.tables / f"{table}.parquet"
            if os.path.lexists(path):
                content = _read_checked(home, table, path)
                (staging / f"{table}.parquet").write_bytes(content)
                manifest.checksums[table] = [checksum(content)]
        for path in (home.verdicts, home.labels):
            if os.path.lexists(home.root / path.name):
                (staging / path.name).write_bytes(read_regular(home.root / path.name))
        if (home.root / "models").is_dir():
            shutil.copytree(home.root / "models", staging / "models")
        manifest.write()
        backup = home.backups / f"before-version-1-{timestamp()}.zip"
        write_archive(backup, old_files, version=0)
        staging.rename(home.state)
    _adopt_caches(home)
    for name in {name.split("/")[0] for name in old_files} - {"tables"}:
        path = home.root / name
        path.unlink() if path.is_symlink() or path.is_file() else shutil.rmtree(path)
    for table in (*_TABLES_OF_VERSION_0, *_TRAINING_SETS):
        (home.tables / f"{table}.parquet").unlink(missing_ok=True)
    warn(f"migrated the state of this home to {home.state}; backup of the state before: {backup}")


def files_of_version_0(home: Home) -> dict[str, Path]:
    """Return the files of a state of version 0 by their paths in the home. Empty if the home is new."""
    names = [f"tables/{name}.parquet" for name in (*_TABLES_OF_VERSION_0, "taught_voices")]
    names += [home.verdicts.name, home.labels.name]
    found = [home.root / name for name in names if os.path.lexists(home.root / name)]
    found += [path for path in sorted((home.root / "models").rglob("*")) if path.is_file()]
    return {path.relative_to(home.root).as_posix(): path for path in found}


def _read_checked(home: Home, table: str, path: Path) -> bytes:
    try:
        content = read_regular(path)
        schema = pl.read_parquet(io.BytesIO(content)).schema
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise StateError(home, path, f"cannot be read ({error})") from error
    expected = dict(TABLES[table].create_empty().schema)
    earlier = {name: dtype for name, dtype in expected.items() if name not in _NEW.get(table, ())}
    if dict(schema) not in (expected, earlier):
        raise StateError(home, path, "does not have the columns of that table")
    return content


def _adopt_caches(home: Home) -> None:
    """List readable caches in the manifest, so that sounds need not be rendered again. A run rebuilds the others."""
    manifest = Manifest(home.tables)
    for table in TABLES.keys() - set(STATE_TABLES):
        try:
            content = _read_checked(home, table, Tables(home).path(table))
        except StateError:
            continue
        manifest.checksums[table] = [checksum(content)]
    manifest.write()


def _from_1_to_2(home: Home, warn: Warn) -> None:
    """Remove the training set of the corruption model: no run trains one any more."""
    manifest = Manifest.read(home.state)
    backup = home.backups / f"before-version-2-{timestamp()}.zip"
    write_archive(backup, state_files(home, models=False), version=1)
    for table in _TRAINING_SETS:
        (home.state / f"{table}.parquet").unlink(missing_ok=True)
        manifest.checksums.pop(table, None)
    manifest.version = 2
    manifest.write()
    warn(f"verdicts and labels now come from the same judges in every home; backup of the state before: {backup}")


def _from_2_to_3(home: Home, warn: Warn) -> None:
    """Add the column `kind` to the table of models: all models were writers."""
    manifest = Manifest.read(home.state)
    path = home.state / "models.parquet"
    if path.exists():
        backup = home.backups / f"before-version-3-{timestamp()}.zip"
        write_archive(backup, state_files(home, models=False), version=2)
        writer = pl.when(pl.col("config").is_not_null()).then(pl.lit("writer"))
        rows = pl.read_parquet(io.BytesIO(_read_checked(home, "models", path))).with_columns(kind=writer)
        content = io.BytesIO()
        rows.select(TABLES["models"].column_names()).write_parquet(content)
        # Both checksums are valid until the manifest is written after the file.
        manifest.checksums["models"] = [*manifest.checksums.get("models", []), checksum(content.getvalue())]
        manifest.write()
        with written_whole(path) as temporary:
            temporary.write_bytes(content.getvalue())
        manifest.checksums["models"] = [checksum(content.getvalue())]
        warn(f"models now have a kind, writer or gan; backup of the state before: {backup}")
    manifest.version = 3
    manifest.write()


_STEPS = (_from_0_to_1, _from_1_to_2, _from_2_to_3)
"""The migration from each version to the next, by version."""
