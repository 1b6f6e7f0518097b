"""How a table is kept: one Parquet file, written whole or not at all, the same bytes for the same rows."""

import hashlib
from pathlib import Path

import polars as pl

from deepdx_core.errors import DeepDXError
from deepdx_core.files import written_whole
from deepdx_core.tables.schemas import TABLES


class MissingTableError(DeepDXError):
    """A table was asked for that no run has written yet."""

    def __init__(self, table: str, path: Path) -> None:
        super().__init__(f"table {table} is not there yet ({path}): run `deepdx run` first")


class Tables:
    """The tables in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, table: str) -> Path:
        """Where a table's file is, written or not."""
        return self.folder / f"{table}.parquet"

    def exists(self, table: str) -> bool:
        """Whether a table was written."""
        return self.path(table).is_file()

    def read(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A table, or some of its columns. Raises MissingTableError if it was never written."""
        if not self.exists(table):
            raise MissingTableError(table, self.path(table))
        return pl.read_parquet(self.path(table), columns=columns)

    def read_or_empty(self, table: str) -> pl.DataFrame:
        """A table that the next run takes up from; empty if it was never written, or had other columns then."""
        columns = TABLES[table].column_names()
        there = self.exists(table) and pl.read_parquet_schema(self.path(table)).keys() == set(columns)
        return self.read(table) if there else TABLES[table].create_empty()

    def write(self, table: str, rows: pl.DataFrame, made_by: str = "") -> str:
        """Write a table whole and return the SHA-256 of its file.

        The rows must fit the table's schema (dataframely raises otherwise). `made_by` says which code made them.
        """
        fitting = TABLES[table].validate(rows, cast=True)
        with written_whole(self.path(table)) as temporary:
            fitting.write_parquet(temporary, compression="zstd", metadata={"deepdx.made_by": made_by})
            digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
        return digest

    def made_by(self, table: str) -> str:
        """Which code made a table, "" if it was never written."""
        if not self.exists(table):
            return ""
        return pl.read_parquet_metadata(self.path(table)).get("deepdx.made_by", "")
