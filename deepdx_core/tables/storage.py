"""Read and write tables: one Parquet file each, written whole, the same bytes for the same rows, checked when read.

Most tables are caches: a damaged one counts as missing, and a run rebuilds it. The tables in `STATE_TABLES` cannot be
rebuilt: damage to one raises an error and is never ignored.
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
from deepdx_core.files import file_digest, read_regular, written_whole
from deepdx_core.home import Home
from deepdx_core.tables.schemas import STATE_TABLES, TABLES, column_types

MANIFEST = "manifest.json"
"""Name of the file in a folder of tables that lists them with their checksums."""

_VALIDATED: set[tuple[str, str]] = set()
"""Table and checksum of each file that this process wrote."""

_LOGGER = logging.getLogger("deepdx")


class MissingTableError(DeepDXError):
    """Raised for a table that no run has written yet."""

    def __init__(self, table: str, path: Path) -> None:
        super().__init__(f"no table {table} yet ({path}): run `deepdx run` first")


class DamagedTableError(DeepDXError):
    """A cached table is damaged or of another version. A run rebuilds it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; `deepdx run` rebuilds it")


class StateError(DeepDXError):
    """State is missing or damaged. The message names the file, the reason, and the backup to restore."""

    def __init__(self, home: Home, path: Path, reason: str) -> None:
        backups = [backup for backup in home.backups.glob("*.zip") if backup.is_file()]
        latest = max(backups, key=lambda backup: backup.stat().st_mtime, default=None)
        which = f"the latest backup is {latest}" if latest else f"there is no backup in {home.backups}"
        super().__init__(
            f"{path}: {reason}. A run cannot rebuild it: restore a backup with `deepdx restore FILE`; {which}"
        )


class Manifest:
    """The tables in a folder, with the version of its layout and the SHA-256 of each table's file.

    While a table is being replaced, its old and its new checksum are both listed, so that a kill at any moment leaves a
    table that matches one of them.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MANIFEST
        self.version = 1
        self.checksums: dict[str, list[str]] = {}
        self.overrides: list[str] = []
        """Names of the existing files of overrides."""

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a folder. Raises FileNotFoundError, and OSError or ValueError if it is damaged."""
        manifest = cls(folder)
        content = read_regular(manifest.path)
        try:
            document = json.loads(content)
            version, checksums, overrides = document["version"], document["tables"], document["overrides"]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"not a manifest: {error!r}") from error
        # Version 0 is a state without a manifest.
        if type(version) is not int or version < 1:
            raise ValueError(f"invalid version {version!r}")
        if not isinstance(checksums, dict) or not isinstance(overrides, list):
            raise ValueError("not a manifest")
        for table, known in checksums.items():
            named = re.fullmatch(r"\w{1,64}", table)  # a table of another version, too
            if not named or not isinstance(known, list) or not all(map(_is_sha256, known)):
                raise ValueError(f"invalid entry {table!r}")
        manifest.version, manifest.checksums, manifest.overrides = version, checksums, overrides
        return manifest

    def write(self) -> None:
        """Write the manifest to its folder."""
        tables = dict(sorted(self.checksums.items()))
        content = {"version": self.version, "tables": tables, "overrides": self.overrides}
        with written_whole(self.path, set_aside=True) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n")


def checksum(content: bytes | memoryview) -> str:
    """Return the SHA-256 of the content of a file, as listed in manifests."""
    return hashlib.sha256(content).hexdigest()


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


class Tables:
    """The tables of a home: caches in `home.tables`, state in `home.state`."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def path(self, table: str) -> Path:
        """Return the path of a table's file, which need not exist."""
        return self._folder(table) / f"{table}.parquet"

    def _folder(self, table: str) -> Path:
        return self.home.state if table in STATE_TABLES else self.home.tables

    def read(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """Read a table, or some of its columns, exactly as written.

        Raises MissingTableError if it was never written. If it is damaged or of another version, raises
        DamagedTableError for a cache and StateError for state.
        """
        content, _ = self._read_file(table)
        rows = pl.read_parquet(io.BytesIO(content))
        if rows.schema != column_types(table):
            raise self._damaged(table, "does not have the columns of this version of Deep DX")
        return rows if columns is None else rows.select(columns)

    def read_slots(self, columns: list[str]) -> pl.DataFrame:
        """Return columns of `decoded_voices`, and of `converted_voices` with a sound."""
        converted = self.read("converted_voices").drop_nulls("sound_id")
        return pl.concat([self.read("decoded_voices", columns), converted.select(columns)])

    def _read_file(self, table: str) -> tuple[bytes, str]:
        """Return the content of a table's file, and its checksum. Raises the errors of `read`."""
        path = self.path(table)
        known = self._checksums(table)
        if known is None and not os.path.lexists(path):
            raise MissingTableError(table, path)
        try:
            content = read_regular(path)
        except OSError as error:
            # Users may delete caches.
            if isinstance(error, FileNotFoundError) and table not in STATE_TABLES:
                raise MissingTableError(table, path) from error
            raise self._damaged(table, f"cannot be read ({error.strerror or error})") from error
        digest = checksum(content)
        if known is None or digest not in known:
            raise self._damaged(table, f"does not match its checksum in {MANIFEST}")
        return content, digest

    def version(self, table: str) -> str:
        """Return the SHA-256 of a table's file, "" for a cache that is missing or damaged. Raises StateError."""
        try:
            return self._read_file(table)[1]
        except (MissingTableError, DamagedTableError):
            return ""

    def count(self, table: str) -> int:
        """Return the number of rows of an intact table."""
        content, _ = self._read_file(table)
        return int(pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item())

    def is_validated(self, table: str) -> bool:
        """Return True if this process wrote the table's file as it is now: `write` validates every row."""
        return (table, self._read_file(table)[1]) in _VALIDATED

    def read_or_empty(self, table: str) -> pl.DataFrame:
        """Read a table, or return it without rows if it was never written.

        A cache that is damaged or of another version is also returned empty, with a warning. Raises StateError like
        `read`.
        """
        try:
            return self.read(table)
        except MissingTableError:
            pass
        except DamagedTableError as error:
            _LOGGER.warning(str(error))
        return TABLES[table].create_empty()

    def write(self, table: str, rows: pl.DataFrame, made_by: str = "") -> str:
        """Write a table and return the SHA-256 of its file. A file that has the same content already is left alone.

        made_by: version of the code that computed the rows.

        Raises dataframely's errors if the rows do not match the table's schema, and StateError for a table of a state
        that was not opened or has since been removed.
        """
        checked = TABLES[table].validate(rows, cast=True)
        content = io.BytesIO()
        checked.write_parquet(content, compression="zstd", metadata={"deepdx.made_by": made_by})
        digest = checksum(content.getbuffer())
        _VALIDATED.add((table, digest))
        manifest = self._manifest(table)
        if manifest is None:
            if table in STATE_TABLES:
                raise StateError(self.home, self.home.state / MANIFEST, "is missing")
            manifest = Manifest(self._folder(table))
        if manifest.checksums.get(table) == [digest] and file_digest(self.path(table)) == digest:
            return digest
        manifest.checksums[table] = sorted({*manifest.checksums.get(table, []), digest})
        manifest.write()
        path = self.path(table)
        with written_whole(path, set_aside=True) as temporary:
            temporary.write_bytes(content.getbuffer())
        manifest.checksums[table] = [digest]
        manifest.write()
        return digest

    def checksum(self, table: str) -> str | None:
        """Return the SHA-256 of the file of a table, as it was written. None if it was never written or was deleted."""
        known = self._checksums(table)
        path = self.path(table)
        if not known or not path.is_file():
            return None
        return known[0] if len(known) == 1 else checksum(read_regular(path))

    def made_by(self, table: str) -> str:
        """Return the version of the code that computed a table, "" if the table was never written or is damaged."""
        try:
            return pl.read_parquet_metadata(self.path(table)).get("deepdx.made_by", "")
        except (OSError, pl.exceptions.PolarsError):
            return ""

    def _checksums(self, table: str) -> list[str] | None:
        manifest = self._manifest(table)
        return manifest.checksums.get(table) if manifest else None

    def _manifest(self, table: str) -> Manifest | None:
        """Return the manifest that lists a table. None if it is missing, or if it is damaged and lists caches."""
        try:
            return Manifest.read(self._folder(table))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if table in STATE_TABLES:
                raise StateError(self.home, self.home.state / MANIFEST, f"cannot be read ({error})") from error
            return None

    def _damaged(self, table: str, reason: str) -> DeepDXError:
        path = self.path(table)
        return StateError(self.home, path, reason) if table in STATE_TABLES else DamagedTableError(path, reason)
