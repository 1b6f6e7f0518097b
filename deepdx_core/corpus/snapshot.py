"""Reading corpus.duckdb: one generation of the corpus, whatever runs meanwhile, and questions to it in SQL.

Nothing but the file is ever read, and nothing written: the connection is read-only and has no access to anything
outside. A query is bounded in memory and time, and answers to Ctrl-C.
"""

import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import duckdb
import polars as pl
import pyarrow as pa

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError

MEMORY = "2GB"
"""The most that DuckDB takes to answer a query."""
LARGEST_ANSWER = 1 << 30
"""Bytes of the largest answer, as Arrow holds it."""
SECONDS = 300.0
"""The longest that a query runs, unless it is given another limit."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
    "memory_limit": MEMORY,
    "temp_directory": "",
}
_BATCH = 65_536  # rows
_POLL = 0.05  # seconds between looks at Ctrl-C

# Types that polars, JSON and CSV hold without loss; columns of others come as DuckDB writes them.
_PLAIN = {
    *("boolean", "varchar", "float", "double"),
    *("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
}
_WHOLE = {"hugeint", "uhugeint"}  # sums of whole numbers are such, and hardly ever need it


_T = TypeVar("_T")


class DatabaseError(DeepDXError):
    """The database is not there, or a query cannot be answered; the message says why."""


class Snapshot:
    """An open database. It stays as it is while a run puts another in its place."""

    def __init__(self, path: Path) -> None:
        """Open it. Raises DatabaseError where there is none, or it cannot be read."""
        if not path.is_file():
            raise DatabaseError(f"no corpus yet ({path}): run `deepdx run` first")
        self._resources = ExitStack()
        with ExitStack() as until_open:
            until_open.callback(self.close)
            self._connection = self._open(path)
            self._resources.callback(self._connection.close)
            if not self._connection.execute("SELECT 1 FROM duckdb_tables() LIMIT 1").fetchall():
                raise DatabaseError(f"{path}: made by an older Deep DX: run `deepdx run` to make it anew")
            until_open.pop_all()

    def _open(self, path: Path) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(path, read_only=True, config=_SETTINGS)
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise DatabaseError(f"{path}: {_first_line(error)}; `deepdx run` makes it anew") from error
        except duckdb.Error as error:
            raise DatabaseError(f"{path}: {_first_line(error)}; `deepdx run` makes it anew") from error
        # A client that has it open for writing keeps others out of the file, though not of a copy.
        folder = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="deepdx-")))
        try:
            return duckdb.connect(shutil.copy(path, folder), read_only=True, config=_SETTINGS)
        except (duckdb.Error, OSError) as error:
            raise DatabaseError(
                f"{path}: open for writing in another program, and no copy could be read: close it there, "
                "or open it there read-only"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._resources.close()

    def read(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A table or view, or some of its columns, as `Tables.read` gives it."""
        chosen = "*" if columns is None else ", ".join(f'"{column}"' for column in columns)
        return pl.DataFrame(self._run(lambda: self._connection.sql(f"SELECT {chosen} FROM {table}").to_arrow_table()))

    def query(self, sql: str, limit: int | None = None, seconds: float = SECONDS) -> pl.DataFrame:
        """Answer one query, with at most `limit` rows.

        Columns of one name are numbered (`a`, `a_2`). Values of types that polars, CSV or JSON cannot hold, such as
        INTERVAL, UNION, dates and nested values with such in them, come as text. Raises DatabaseError for anything but
        one SELECT or EXPLAIN (without ANALYZE), for what DuckDB refuses, for an answer of more than `LARGEST_ANSWER`
        bytes, and for one that takes longer than `seconds`.
        """
        return self._run(lambda: self._answer(sql, limit), seconds)

    def _answer(self, sql: str, limit: int | None) -> pl.DataFrame:
        self._require_question(sql)
        relation = self._connection.sql(sql)
        names = _unique(relation.columns)
        columns = ", ".join(
            f"{_as_plain(f'#{n}', kind)} AS {_quoted_name(name)}"
            for n, (name, kind) in enumerate(zip(names, relation.types, strict=True), 1)
        )
        whole = [name for name, kind in zip(names, relation.types, strict=True) if kind.id in _WHOLE]
        relation = relation.project(columns)
        reader = (relation if limit is None else relation.limit(limit)).to_arrow_reader(_BATCH)
        batches, size = [], 0
        with reader:  # or the connection takes no other query
            for batch in reader:
                size += batch.nbytes
                if size > LARGEST_ANSWER:
                    raise DatabaseError(f"the answer is larger than {LARGEST_ANSWER >> 20:,} MiB: add a LIMIT")
                batches.append(batch)
        answer = pl.DataFrame(pa.Table.from_batches(batches, schema=reader.schema))
        return answer.with_columns(_narrowed(answer[name]) for name in whole)

    def _require_question(self, sql: str) -> None:
        statements = self._connection.extract_statements(sql)
        # A PIVOT is several statements to DuckDB, and has a type of its own.
        asks = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI}
        words = [sql[start:].split(None, 1)[0] for start, kind in duckdb.tokenize(sql) if kind.name != "comment"]
        analyzes = bool(words) and words[0].lower() == "explain" and "analyze" in " ".join(words[1:4]).lower()
        if len(statements) != 1 or statements[0].type not in asks or analyzes:
            raise DatabaseError("one SELECT at a time, or EXPLAIN (without ANALYZE): the corpus is there to be read")

    def _run(self, work: Callable[[], _T], seconds: float = SECONDS) -> _T:
        """Do work on the connection in a thread of its own, so that this one answers to Ctrl-C and the clock."""
        done = threading.Event()
        found: list[_T] = []
        failed: list[BaseException] = []

        def worker() -> None:
            try:
                found.append(work())
            except BaseException as error:
                failed.append(error)
            finally:
                done.set()

        thread = threading.Thread(target=worker, daemon=True)
        thread.start()
        waited = 0.0
        try:
            while not done.wait(_POLL):
                waited += _POLL
                if waited > seconds:
                    raise DatabaseError(f"no answer within {seconds:g} seconds: ask for less, or give it more time")
        finally:
            while not done.is_set():
                self._connection.interrupt()
                done.wait(_POLL)
            thread.join()
        if failed:
            if isinstance(failed[0], duckdb.Error):
                raise DatabaseError(str(failed[0])) from failed[0]
            raise failed[0]
        return found[0]


def query(path: Path, sql: str) -> pl.DataFrame:
    """Answer one query to the database at `path`; see `Snapshot.query`."""
    with Snapshot(path) as snapshot:
        return snapshot.query(sql)


def _first_line(error: Exception) -> str:
    return printable(str(error).splitlines()[0])


def _unique(names: list[str]) -> list[str]:
    """Names, those that were there before with the next free number."""
    made: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in made or (number > 1 and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        made.append(candidate)
    return made


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


def _narrowed(column: pl.Series) -> pl.Series:
    """Whole numbers of 128 bits, which came as text, as those of 64 where they fit."""
    try:
        return column.cast(pl.Int64)
    except pl.exceptions.InvalidOperationError:
        return column
