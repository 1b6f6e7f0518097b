"""Reading corpus.duckdb: one generation of the corpus, whatever runs meanwhile, and questions to it in SQL.

Nothing but the file is ever read, and nothing written: the connection is read-only and has no access to anything
outside. A query is bounded in memory and time, and answers to Ctrl-C.
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
_GRACE = 2.0  # seconds that a query has to end once it is interrupted; within one call of a function DuckDB never looks

# Types that polars, JSON and CSV hold without loss; columns of others come as DuckDB writes them.
_PLAIN = {
    *("boolean", "varchar", "float", "double"),
    *("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"),
}
_WHOLE = {"hugeint", "uhugeint"}  # sums of whole numbers are such, and hardly ever need it

# Errors of a file, not of a query.
_DAMAGE = duckdb.IOException, duckdb.SerializationException, duckdb.FatalException, duckdb.InternalException
_DAMAGE_WORDS = "Corrupt database file", "Could not read enough bytes"

_T = TypeVar("_T")


class DatabaseError(DeepDXError):
    """The database is not there, or a query cannot be answered; the message says why."""


class Snapshot:
    """An open database. It stays as it is while a run puts another in its place."""

    def __init__(self, path: Path) -> None:
        """Open the database file. Raises DatabaseError if it is missing or cannot be read."""
        if not path.is_file():
            raise DatabaseError(f"no corpus yet ({path}): run `deepdx run` first")
        self._path = path
        self._idle = threading.Event()
        self._idle.set()
        self._resources = ExitStack()
        with ExitStack() as until_open:
            until_open.callback(self.close)
            self._connection = self._open(path)
            self._resources.callback(self._disconnect)
            tables = "SELECT 1 FROM duckdb_tables() LIMIT 1"
            if not self._run(lambda: self._connection.execute(tables).fetchall()):
                raise DatabaseError(f"{path}: made by an older Deep DX: run `deepdx run` to make it anew")
            until_open.pop_all()

    def _open(self, path: Path) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(path, read_only=True, config=_SETTINGS)
        except duckdb.IOException as error:
            if not str(error).startswith("IO Error: Could not set lock on file"):
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
        """Close the database, unless it is `abandoned`: that would wait for the query."""
        self._resources.close()

    @property
    def abandoned(self) -> bool:
        """Whether a query goes on that DuckDB does not interrupt. No other can be asked meanwhile."""
        return not self._idle.is_set()

    def _disconnect(self) -> None:
        if not self.abandoned:
            self._connection.close()

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
        explained = _explained(sql)
        statements = self._connection.extract_statements(sql)
        # A PIVOT is several statements to DuckDB, and has a type of its own.
        asks = {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}
        if explained is not None:
            try:
                statements = self._connection.extract_statements(explained)
            except duckdb.ParserException:  # such as `ANALYZE SELECT 1`
                statements = []
        if len(statements) != 1 or statements[0].type not in asks:
            raise DatabaseError("one SELECT at a time, or EXPLAIN (without ANALYZE): the corpus is there to be read")

    def _run(self, work: Callable[[], _T], seconds: float = SECONDS) -> _T:
        """Do work on the connection in a thread of its own, so that this one answers to Ctrl-C and the clock."""
        if self.abandoned:
            raise DatabaseError("the query before this one goes on still")
        found: list[_T] = []
        failed: list[BaseException] = []

        def worker() -> None:
            try:
                found.append(work())
            except BaseException as error:
                failed.append(error)
            finally:
                self._idle.set()

        thread = threading.Thread(target=worker, daemon=True)
        self._idle.clear()
        thread.start()
        end = time.monotonic() + seconds
        try:
            while not self._idle.wait(_POLL):
                if time.monotonic() > end:
                    raise DatabaseError(f"no answer within {seconds:g} seconds: ask for less, or give it more time")
        finally:
            end = time.monotonic() + _GRACE
            while self.abandoned and time.monotonic() < end:
                self._connection.interrupt()
                self._idle.wait(_POLL)
        thread.join()
        if failed:
            error = failed[0]
            if isinstance(error, _DAMAGE) or any(words in str(error) for words in _DAMAGE_WORDS):
                raise DatabaseError(f"{self._path}: {_first_line(error)}; `deepdx run` makes it anew") from error
            if isinstance(error, duckdb.Error):
                raise DatabaseError(str(error)) from error
            raise error
        return found[0]


def query(path: Path, sql: str) -> pl.DataFrame:
    """Answer one query to the database at `path`; see `Snapshot.query`."""
    with Snapshot(path) as snapshot:
        return snapshot.query(sql)


def _explained(sql: str) -> str | None:
    """The statement that an EXPLAIN explains, ANALYZE and all options but FORMAT left in front; None for others."""
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


def _first_line(error: BaseException) -> str:
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
