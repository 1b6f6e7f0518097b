"""Read corpus.duckdb and query it in SQL, unaffected by runs that replace the file in the meantime.

A query can read nothing but the file, and write nothing: the connection is read-only and has no external access.
Memory and time of a query are limited, and Ctrl-C interrupts it.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import duckdb
import polars as pl
import pyarrow as pa

from deepdx_core.database.views import VIEWS
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.tables.schemas import TABLES

MEMORY_GB = 2.0
"""Default memory limit of DuckDB for a query, in GB."""
MAX_RESULT_BYTES = 1 << 30
"""Size limit of a result, in bytes of Arrow."""
TIMEOUT = 300.0
"""Default time limit of a query, in seconds."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
    "temp_directory": "",
}
_BATCH = 65_536  # rows
_POLL = 0.05  # seconds between checks for Ctrl-C
_GRACE = 2.0  # seconds until an interrupted query is abandoned; DuckDB cannot interrupt a call of a function

# Types that polars, JSON and CSV represent without loss. Values of other types are converted to text by DuckDB.
_PLAIN = {
    *("boolean", "varchar", "float", "double"),
    *("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
}
_WIDE_INTEGERS = {"hugeint", "uhugeint"}  # types of sums of integers, which rarely need 128 bits

# Errors that mean that the file is damaged, not that the query is wrong.
_DAMAGE = duckdb.IOException, duckdb.SerializationException, duckdb.FatalException, duckdb.InternalException
_DAMAGE_MESSAGES = "Corrupt database file", "Could not read enough bytes"

_T = TypeVar("_T")


class DatabaseError(DeepDXError):
    """The database is missing or damaged, or a query failed. The message gives the reason."""


class Snapshot:
    """An open database. It does not change when a run replaces the file."""

    def __init__(self, path: Path, memory_gb: float = MEMORY_GB) -> None:
        """Open a database file. Raises DatabaseError if it is missing or cannot be read."""
        if not path.is_file():
            raise DatabaseError(f"no corpus yet ({path}): run `deepdx run` first")
        self._path = path
        self._config = _SETTINGS | {"memory_limit": f"{memory_gb}GB"}
        self._idle = threading.Event()
        self._idle.set()
        self._resources = ExitStack()
        with ExitStack() as until_open:
            until_open.callback(self.close)
            self._connection = self._open(path)
            self._resources.callback(self._disconnect)
            relations = "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views()"
            found = {name for (name,) in self._run(lambda: self._connection.execute(relations).fetchall())}
            if not {*TABLES, *VIEWS} <= found:
                raise DatabaseError(f"{path}: written by an older Deep DX; {_REBUILD}")
            until_open.pop_all()

    def _open(self, path: Path) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(path, read_only=True, config=self._config)
        except duckdb.IOException as error:
            if not str(error).startswith("IO Error: Could not set lock on file"):
                raise _damaged(path, error) from error
        except duckdb.Error as error:
            raise _damaged(path, error) from error
        # A client that opened it for writing locks the file, but a copy can be opened.
        folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="deepdx-")))
        try:
            return duckdb.connect(shutil.copy(path, folder), read_only=True, config=self._config)
        except (duckdb.Error, OSError) as error:
            raise DatabaseError(
                f"{path}: another program has it open for writing, and a copy could not be read: close it there, "
                "or open it read-only"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. If a query is `abandoned`, leave it open, as closing would wait for the query."""
        self._resources.close()

    @property
    def abandoned(self) -> bool:
        """True while an interrupted query is still running in DuckDB. No other query can run."""
        return not self._idle.is_set()

    def _disconnect(self) -> None:
        if not self.abandoned:
            self._connection.close()

    def add(self, table: str, rows: pl.DataFrame) -> None:
        """Add a table that this connection alone has, in memory: the user's ratings, which change between runs."""

        def create() -> None:
            self._connection.register("added", rows.to_arrow())
            self._connection.execute(f"CREATE TEMP TABLE {_quoted_name(table)} AS FROM added")
            self._connection.unregister("added")

        self._run(create)

    def read(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """Read a table or view, or some of its columns, like `Tables.read`."""
        selected = "*" if columns is None else ", ".join(f'"{column}"' for column in columns)
        return pl.DataFrame(self._run(lambda: self._connection.sql(f"SELECT {selected} FROM {table}").to_arrow_table()))

    def query(self, sql: str, limit: int | None = None, timeout: float = TIMEOUT) -> pl.DataFrame:
        """Run one query and return at most `limit` rows.

        Columns of the same name are numbered (`a`, `a_2`). Values of types that polars, CSV or JSON cannot represent,
        such as INTERVAL, UNION, dates and nested values with these, are returned as text. Raises DatabaseError for
        anything but one SELECT or EXPLAIN (without ANALYZE), for errors of DuckDB, for a result of more than
        `MAX_RESULT_BYTES` bytes, and after `timeout` seconds.
        """
        return self._run(lambda: self._query(sql, limit), timeout)

    def _query(self, sql: str, limit: int | None) -> pl.DataFrame:
        self._require_select(sql)
        relation = self._connection.sql(sql)
        names = _unique_names(relation.columns)
        columns = ", ".join(
            f"{_as_plain(f'#{n}', kind)} AS {_quoted_name(name)}"
            for n, (name, kind) in enumerate(zip(names, relation.types, strict=True), 1)
        )
        wide = [name for name, kind in zip(names, relation.types, strict=True) if kind.id in _WIDE_INTEGERS]
        relation = relation.project(columns)
        reader = (relation if limit is None else relation.limit(limit)).to_arrow_reader(_BATCH)
        batches, size = [], 0
        with reader:  # unless it is closed, the connection takes no other query
            for batch in reader:
                size += batch.nbytes
                if size > MAX_RESULT_BYTES:
                    raise DatabaseError(f"the result is larger than {MAX_RESULT_BYTES >> 20:,} MiB: add a LIMIT")
                batches.append(batch)
        rows = pl.DataFrame(pa.Table.from_batches(batches, schema=reader.schema))
        return rows.with_columns(_as_int64(rows[name]) for name in wide)

    def _require_select(self, sql: str) -> None:
        explained = _explained_statement(sql)
        statements = self._connection.extract_statements(sql)
        # DuckDB parses a PIVOT as several statements, with a type of its own.
        allowed = {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}
        if explained is not None:
            try:
                statements = self._connection.extract_statements(explained)
            except duckdb.ParserException:  # such as `ANALYZE SELECT 1`
                statements = []
        if len(statements) != 1 or statements[0].type not in allowed:
            raise DatabaseError("one SELECT at a time, or EXPLAIN (without ANALYZE): the corpus is read-only")

    def _run(self, work: Callable[[], _T], timeout: float = TIMEOUT) -> _T:
        """Do work on the connection in another thread, so that this one can react to Ctrl-C and the timeout."""
        if self.abandoned:
            raise DatabaseError("the previous query is still running")
        results: list[_T] = []
        errors: list[BaseException] = []

        def worker() -> None:
            try:
                results.append(work())
            except BaseException as error:
                errors.append(error)
            finally:
                self._idle.set()

        thread = threading.Thread(target=worker, daemon=True)
        self._idle.clear()
        thread.start()
        end = time.monotonic() + timeout
        try:
            while not self._idle.wait(_POLL):
                if time.monotonic() > end:
                    raise DatabaseError(f"no result within {timeout:g} seconds: simplify the query, or allow more time")
        finally:
            end = time.monotonic() + _GRACE
            while self.abandoned and time.monotonic() < end:
                self._connection.interrupt()
                self._idle.wait(_POLL)
        thread.join()
        if errors:
            error = errors[0]
            if isinstance(error, _DAMAGE) or any(message in str(error) for message in _DAMAGE_MESSAGES):
                raise _damaged(self._path, error) from error
            if isinstance(error, duckdb.Error):
                raise DatabaseError(str(error)) from error
            raise error
        return results[0]


def query(path: Path, sql: str) -> pl.DataFrame:
    """Run one query on the database at `path`; see `Snapshot.query`."""
    with Snapshot(path) as snapshot:
        return snapshot.query(sql)


def _explained_statement(sql: str) -> str | None:
    """Return the statement after EXPLAIN and FORMAT, None if `sql` is not an EXPLAIN.

    ANALYZE and other options are left in front of the statement, so that it does not parse.
    """
    try:
        text = sql.encode()  # DuckDB counts bytes
    except UnicodeEncodeError as error:
        raise DatabaseError(f"the query is not UTF-8: {error}") from error
    tokens = duckdb.tokenize(sql)
    ends = [*(start for start, _ in tokens), len(text)][1:]
    words = [
        (start, word)
        for (start, kind), end in zip(tokens, ends, strict=True)
        if kind.name != "comment" and (word := text[start:end].decode().strip().lower()) != ";"
    ]
    if not words or words[0][1] != "explain":
        return None
    match [word for _, word in words[1:5]]:
        case ["(", "format", _, ")"]:
            rest = words[5:]
        case _:
            rest = words[1:]
    return text[rest[0][0] :].decode() if rest else ""


_REBUILD = "`deepdx run` rebuilds it"


def _damaged(path: Path, error: BaseException) -> DatabaseError:
    return DatabaseError(f"{path}: {printable(str(error).splitlines()[0])}; {_REBUILD}")


def _unique_names(names: list[str]) -> list[str]:
    """Number repeated names with the next free number."""
    unique: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in unique or (number > 1 and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        unique.append(candidate)
    return unique


def _quoted_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_plain(column: str, kind: Any) -> str:
    if kind.id in ("blob", "decimal") or _is_plain(kind):
        return column
    return f"CAST({column} AS VARCHAR)"


def _is_plain(kind: Any) -> bool:
    if kind.id in ("list", "struct", "array"):
        return all(_is_plain(child) for _, child in kind.children if not isinstance(child, int))
    return kind.id in _PLAIN


def _as_int64(column: pl.Series) -> pl.Series:
    """Convert 128-bit integers, given as text, to 64 bits if all of them fit."""
    try:
        return column.cast(pl.Int64)
    except pl.exceptions.InvalidOperationError:
        return column
