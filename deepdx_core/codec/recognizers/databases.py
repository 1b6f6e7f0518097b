"""Voices in SQLite databases, in the order of tables and rows: read by SQLite itself, from memory.

Evidence: the header of the file. Reason: a page has its rows in any order, and a value may be spread over
several pages. The values of a column, one after another, are read like any bytes. Databases that SQLite cannot read are
left to others.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator

from deepdx_core.codec.segments import RECORD_SIZE, Format, Kind, Reading, Segment
from deepdx_core.codec.splitting import junk, split
from deepdx_core.display import counted
from deepdx_core.voice.parameters import VMEM_NAME

_MAGIC = b"SQLite format 3\0"
_JOURNAL = slice(18, 20)  # bytes of the header; with 2 in them, SQLite asks for the file of a write-ahead log
_MAX_COLUMNS = 2000
_STEPS = 100_000  # of SQLite's machine between two checks
_MAX_STEPS_PER_BYTE = 4  # a row takes as many bytes, and some steps

# In a database, dumps lose what is beside their voices.
_STORED = {size: format_ for format_, size in RECORD_SIZE.items() if format_.startswith("headerless")}


class _TooMuchError(Exception):
    """The values of a database are larger than its file: rows share them."""


def recognize(data: bytes) -> Reading | None:
    """Read the voices of each format as one segment, that begins where the first of them does."""
    if not data.startswith(_MAGIC):
        return None
    payloads: dict[Format, list[bytes]] = defaultdict(list)
    try:
        for values in _columns(data):
            for segment in split(values):
                if segment.format:
                    payloads[_STORED[RECORD_SIZE[segment.format]]].append(segment.payload)
    except (sqlite3.Error, UnicodeError, _TooMuchError):
        return None
    if not payloads:
        return None
    starts = [0]
    for found in payloads.values():
        at = data.find(found[0][:VMEM_NAME], starts[-1] + 1)
        starts.append(at if at > 0 else starts[-1] + 1)
    segments = [junk(data, 0, starts[1])]
    for (format_, found), start, end in zip(payloads.items(), starts[1:], [*starts[2:], len(data)], strict=True):
        payload = b"".join(found)
        what = f"{counted(len(payload) // RECORD_SIZE[format_], 'voice')} of a database"
        segments.append(Segment(start, end - start, Kind.VOICES, what, format=format_, payload=payload))
    return Reading(tuple(segments))


def _columns(data: bytes) -> Iterator[bytes]:
    """Yield the values of each column that may hold voices, joined in the order of rows."""
    database = sqlite3.connect(":memory:")
    try:
        database.deserialize(data[: _JOURNAL.start] + b"\1\1" + data[_JOURNAL.stop :])
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, len(data))
        database.text_factory = bytes
        steps = iter(range(len(data) * _MAX_STEPS_PER_BYTE // _STEPS + 10))
        database.set_progress_handler(lambda: next(steps, None) is None, _STEPS)
        database.execute("PRAGMA trusted_schema = OFF")
        room = 2 * len(data)
        # Only tables stored in the file: no views, and no virtual tables, which run code of extensions.
        tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0").fetchall()
        for (table,) in tables:
            rows = database.execute(f"SELECT {_stored_columns(database, table)} FROM {_quoted(table)}")
            columns: list[list[bytes]] = [[] for _ in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, bytes) and len(value) >= VMEM_NAME:
                        column.append(value)
                        room -= len(value)
                if room < 0:
                    raise _TooMuchError
            yield from filter(None, map(b"".join, columns))
    finally:
        database.close()


def _stored_columns(database: sqlite3.Connection, table: bytes) -> str:
    """Return a list of the columns of a table without those that are computed."""
    columns = database.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table.decode(),))
    return ", ".join(_quoted(name) for (name,) in columns.fetchmany(_MAX_COLUMNS))


def _quoted(name: bytes) -> str:
    return '"' + name.decode().replace('"', '""') + '"'
