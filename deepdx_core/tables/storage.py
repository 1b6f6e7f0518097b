"""How a table is kept: one Parquet file, written whole, the same bytes for the same rows, checked when it is read.

Most tables are caches: one that is damaged counts as missing, and a run makes it anew. Those of `STATE_TABLES` cannot
be made anew: damage to one is refused, never passed over.
"""

import hashlib
import io
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

import polars as pl

from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular, written_whole
from deepdx_core.home import Home
from deepdx_core.tables.schemas import STATE_TABLES, TABLES

MANIFEST = "manifest.json"
"""The file beside tables that lists them with their checksums."""

_LOGGER = logging.getLogger("deepdx")


class MissingTableError(DeepDXError):
    """A table was asked for that no run has written yet."""

    def __init__(self, table: str, path: Path) -> None:
        super().__init__(f"table {table} is not there yet ({path}): run `deepdx run` first")


class DamagedTableError(DeepDXError):
    """A cached table is not as it was written; a run makes it anew."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; `deepdx run` makes it anew")


class StateError(DeepDXError):
    """State that cannot be made anew is damaged or of another version; says which file, and how to go on."""

    def __init__(self, home: Home, path: Path, reason: str) -> None:
        found = (backup for backup in home.backups.glob("*.zip") if backup.is_file())
        backups = sorted(found, key=lambda backup: backup.stat().st_mtime)
        last = f"the latest is {backups[-1]}" if backups else f"there is none in {home.backups}"
        super().__init__(
            f"{path}: {reason}. It cannot be made anew: restore a backup with `deepdx restore FILE`; {last}"
        )


class Manifest:
    """The tables in one folder, with the version of the folder's layout and the SHA-256 of each table's file.

    While a table is being replaced, its old and its new checksum are both listed: a kill at any moment leaves a table
    that fits.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST
        self.version = 1
        self.checksums: dict[str, list[str]] = {}
        self.overrides: list[str] = []
        """Files of the user's words that there are."""

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest of a folder. Raises FileNotFoundError, and OSError or ValueError where it is damaged."""
        manifest = cls(folder)
        content = json.loads(read_regular(manifest.path))
        version, checksums, overrides = content["version"], content["tables"], content["overrides"]
        # 0 is the version of states without a manifest.
        if type(version) is not int or version < 1:
            raise ValueError(f"its version is {version!r}")
        if not isinstance(checksums, dict) or not isinstance(overrides, list):
            raise ValueError("it is no manifest")
        for table, known in checksums.items():
            if table not in TABLES or not isinstance(known, list) or not all(map(_is_sha256, known)):
                raise ValueError(f"its entry {table!r} is damaged")
        manifest.version, manifest.checksums, manifest.overrides = version, checksums, overrides
        return manifest

    def write(self) -> None:
        """Write it whole."""
        tables = dict(sorted(self.checksums.items()))
        content = {"version": self.version, "tables": tables, "overrides": self.overrides}
        with written_whole(self.path, set_aside=True) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n")


def checksum(content: bytes | memoryview) -> str:
    """The SHA-256 of a file's bytes, as manifests hold it."""
    return hashlib.sha256(content).hexdigest()


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


class Tables:
    """The tables of a home: caches in `home.tables`, state in `home.state`."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def path(self, table: str) -> Path:
        """Where a table's file is, written or not."""
        return self._folder(table) / f"{table}.parquet"

    def _folder(self, table: str) -> Path:
        return self.home.state if table in STATE_TABLES else self.home.tables

    def read(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A table, or some of its columns, exactly as it was written.

        Raises MissingTableError if it was never written, DamagedTableError for a cache that is damaged or of another
        version, and StateError for state that is.
        """
        path = self.path(table)
        known = self._checksums(table)
        if known is None and not os.path.lexists(path):
            raise MissingTableError(table, path)
        try:
            content = read_regular(path)
        except OSError as error:
            # A cache may be deleted at will.
            if isinstance(error, FileNotFoundError) and table not in STATE_TABLES:
                raise MissingTableError(table, path) from error
            raise self._damaged(table, f"cannot be read ({error.strerror or error})") from error
        if known is None or checksum(content) not in known:
            raise self._damaged(table, f"does not fit its checksum in {MANIFEST}")
        rows = pl.read_parquet(io.BytesIO(content))
        if rows.schema != TABLES[table].create_empty().schema:
            raise self._damaged(table, "has other columns than this version of Deep DX writes")
        return rows if columns is None else rows.select(columns)

    def read_or_empty(self, table: str) -> pl.DataFrame:
        """A table that the next run takes up from, empty if it was never written.

        A cache that is damaged or of another version is empty too, with a warning. Raises StateError as `read` does.
        """
        try:
            return self.read(table)
        except MissingTableError:
            pass
        except DamagedTableError as error:
            _LOGGER.warning(str(error))
        return TABLES[table].create_empty()

    def write(self, table: str, rows: pl.DataFrame, made_by: str = "") -> str:
        """Write a table whole and return the SHA-256 of its file.

        The rows must fit the table's schema (dataframely raises otherwise). `made_by` says which code made them. Raises
        StateError for a table of a state that was not opened, or went away since.
        """
        fitting = TABLES[table].validate(rows, cast=True)
        content = io.BytesIO()
        fitting.write_parquet(content, compression="zstd", metadata={"deepdx.made_by": made_by})
        digest = checksum(content.getbuffer())
        manifest = self._manifest(table)
        if manifest is None:
            if table in STATE_TABLES:
                raise StateError(self.home, self.home.state / MANIFEST, "is missing")
            manifest = Manifest(self._folder(table))
        manifest.checksums[table] = sorted({*manifest.checksums.get(table, []), digest})
        manifest.write()
        path = self.path(table)
        with written_whole(path, set_aside=True) as temporary:
            temporary.write_bytes(content.getbuffer())
        manifest.checksums[table] = [digest]
        manifest.write()
        return digest

    def made_by(self, table: str) -> str:
        """Which code made a table, "" if it was never written or is damaged."""
        try:
            return pl.read_parquet_metadata(self.path(table)).get("deepdx.made_by", "")
        except (OSError, pl.exceptions.PolarsError):
            return ""

    def _checksums(self, table: str) -> list[str] | None:
        manifest = self._manifest(table)
        return manifest.checksums.get(table) if manifest else None

    def _manifest(self, table: str) -> Manifest | None:
        """The manifest that lists a table, None where there is none; one of caches that is damaged is none."""
        try:
            return Manifest.read(self._folder(table))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            if table in STATE_TABLES:
                raise StateError(self.home, self.home.state / MANIFEST, f"cannot be read ({error})") from error
            return None

    def _damaged(self, table: str, reason: str) -> DeepDXError:
        path = self.path(table)
        return StateError(self.home, path, reason) if table in STATE_TABLES else DamagedTableError(path, reason)
