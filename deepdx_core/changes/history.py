"""The history of a home: a record of each run with the rows that it changed, in `home.changes`.

Records are numbered. Each leads from the state that the record before it left to that after its own run, so records
without a gap between them can be combined. Beside them is the base: links to the files of the tables as the newest
record leaves them, with which the next run is compared.

A run is first recorded without its changes. If it is killed, the next run completes its record. Changes between runs,
such as a restore, get a record of their own. A cache that is deleted and rebuilt with the same rows is not a change.
"""

import io
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from deepdx_core.changes.comparison import (
    CHANGES,
    HASHED_BY,
    SOUND_ID,
    WATCHED,
    Counts,
    combine,
    compare,
    count,
    find_moves,
)
from deepdx_core.display import printable, shown
from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular, safe_name, working_folder, written_whole
from deepdx_core.home import Home
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables, checksum

MAX_RECORDS = 500
MAX_BYTES = 256 << 20
"""Bounds of the history; the oldest records are removed."""

FIRST, LAST = "first", "last"
"""Words for the oldest and the newest run of the history."""

OUTSIDE = "outside"
"""Job in the record of changes that no run made. Its run id is this word and the number of the record."""

_RECORD = re.compile(r"(\d{8})-.*\.parquet")
_BASE = re.compile(r"(\d{8})-base")
_BASE_FILE = re.compile(r"(\w+)\.([0-9a-f]{64})\.parquet")
_METADATA = "deepdx.run"

_NAMES = {"families": "best_name", "unique_voices": "name"}
"""Tables with names of sounds, the best first, and their columns."""

TABLE_COUNTS = pl.Schema(
    {"table": pl.String, "rows": pl.UInt64, "added": pl.UInt64, "gone": pl.UInt64, "changed": pl.UInt64}
)


class HistoryError(DeepDXError):
    """A run is not in the history, or two runs cannot be compared. The message says why."""


class TableChange(BaseModel):
    """The part of a record about one table: its state after the run, and counts of what changed."""

    sha256: str
    """SHA-256 of its file."""
    rows: int | None
    """Number of rows, None if the file cannot be read."""
    created: bool = False
    """There was no such table before. Its rows count as added, and the record does not list them."""
    added: int | None = 0
    """Number of rows added; like the counts below, None if the rows before cannot be read."""
    gone: int | None = 0
    changed: int | None = 0
    moved: int | None = 0
    """Number of sounds whose verdict, label, category or split is another one."""


class Record(BaseModel):
    """A run and the tables after it."""

    run_id: str
    job: str
    began: datetime
    ended: datetime | None = None
    """None if the run was killed."""
    hashed_by: str = HASHED_BY
    tables: dict[str, TableChange] = {}


@dataclass(frozen=True)
class Run:
    """A record with its place in the history."""

    number: int
    path: Path
    record: Record

    @cached_property
    def changes(self) -> pl.DataFrame:
        """The changed rows of the tables that the run did not create, in the schema `comparison.CHANGES`.

        Raises HistoryError if they cannot be read.
        """
        try:
            return pl.read_parquet(io.BytesIO(read_regular(self.path))).match_to_schema(CHANGES)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise HistoryError(f"{printable(str(self.path))}: cannot be read ({error})") from error


@dataclass(frozen=True)
class Difference:
    """The difference between two states of the tables."""

    tables: pl.DataFrame
    """In the schema `TABLE_COUNTS`: rows after, and counts of rows, null if they are not known."""
    moves: pl.DataFrame
    """In the schema `comparison.MOVES`."""
    notes: list[str]
    """Reasons why counts are not known, or may be too high."""


@dataclass(frozen=True)
class _Base:
    """The tables as the record of a number left them: files by table, each with its SHA-256."""

    number: int
    files: dict[str, tuple[Path, str]]

    def sha256(self, table: str) -> str | None:
        """Return the SHA-256 of a table, None if there was none."""
        return self.files[table][1] if table in self.files else None

    def read(self, table: str) -> pl.DataFrame | None:
        """Return a table, whatever its columns are, or None if its file is damaged."""
        path, sha256 = self.files[table]
        try:
            content = read_regular(path)
            return pl.read_parquet(io.BytesIO(content)) if checksum(content) == sha256 else None
        except (OSError, pl.exceptions.PolarsError):
            return None


class History:
    """The history of a home. A run calls `begin` and `finish`, and holds the run lock."""

    def __init__(self, home: Home) -> None:
        self._folder = home.changes
        self._tables = Tables(home)
        self._compared: dict[tuple[str, str | None, str], tuple[TableChange, pl.DataFrame]] = {}

    def runs(self) -> list[Run]:
        """Return the runs, the oldest first, without one that is under way. Damaged records are left out."""
        base = self._base()
        found = [self._read(number) for number in self._records() if base is None or number <= base.number]
        return [run for run in found if run]

    def unfinished(self) -> Run | None:
        """Return the run that is under way, or that was killed and whose record the next run will complete."""
        base = self._base()
        return self._read(base.number + 1) if base else None

    def find(self, run: str) -> Run:
        """Return the run with an id, or a unique beginning of one, or one of the words `first` and `last`.

        Raises HistoryError if there is none, or several.
        """
        runs = self.runs()
        if not runs:
            raise HistoryError(f"no run is recorded in {printable(str(self._folder))} yet: run `deepdx run` first")
        if run in (FIRST, LAST):
            return runs[0 if run == FIRST else -1]
        found = [known for known in runs if run and known.record.run_id.startswith(run)]
        found = [known for known in found if known.record.run_id == run] or found
        if len(found) != 1:
            which = (
                f"{len(found):,} recorded runs have ids that begin"
                if found
                else "no recorded run has an id that begins"
            )
            raise HistoryError(f"{which} with {shown(run)}: `deepdx diff --runs` lists them")
        return found[0]

    def changes_of(self, run: Run) -> Difference:
        """Return what a run changed. Raises HistoryError if its record is damaged."""
        return _difference([run], run.record, {})

    def between(self, first: Run, second: Run) -> Difference:
        """Return the difference between the state after a run and the state after a later one.

        Rows and sounds that changed and changed back are not in it. Raises HistoryError if the second run is the
        earlier one, or if a record between them is missing or damaged.
        """
        names = [printable(run.record.run_id) for run in (first, second)]
        if first.number > second.number:
            raise HistoryError(f"{names[0]} is later than {names[1]}: give the earlier run first")
        later = [run for run in self.runs() if first.number < run.number <= second.number]
        if len(later) != second.number - first.number:
            raise HistoryError(
                f"{names[0]} and {names[1]} cannot be compared: records between them are missing or damaged"
            )
        return _difference(later, second.record, first.record.tables)

    def begin(self, run_id: str, job: str) -> None:
        """Record that a run begins. Complete the record of a killed run, and record changes between runs."""
        base = self._base()
        newest = max(self._records(), default=0)
        if base is None:
            # The state that the newest record left is lost: a gap in the numbers says so.
            base = self._replace_base(_Base(newest + 1, {}))
        elif newest > base.number:
            killed = self._read(newest)
            base = self._complete(base, killed.record if killed else _outside(newest))
        elif any(base.sha256(table) != current for table in TABLES if (current := self._tables.checksum(table))):
            base = self._complete(base, _outside(base.number + 1))
        self._write(base.number + 1, Record(run_id=run_id, job=job, began=datetime.now(UTC)), CHANGES.to_frame())

    def finish(self) -> None:
        """Record what the run that called `begin` changed. Does nothing if its record was deleted in the meantime."""
        base, run = self._base(), self.unfinished()
        if base and run:
            self._complete(base, run.record.model_copy(update={"ended": datetime.now(UTC)}))
        self._compared.clear()

    def compare_table(self, table: str, rows: pl.DataFrame) -> tuple[TableChange, pl.DataFrame]:
        """Return what the run under way changed in a table: its counts, and its rows in the schema `CHANGES`.

        rows: the table as it was just written.
        """
        return self._compare(self._base() or _Base(0, {}), table, self._tables.checksum(table) or "", lambda: rows)

    def _compare(
        self, base: _Base, table: str, sha256: str, read: Callable[[], pl.DataFrame | None]
    ) -> tuple[TableChange, pl.DataFrame]:
        """Compare the file of a table with the base, once. `read` returns its rows, None if they cannot be read."""
        earlier = base.sha256(table)
        if (table, earlier, sha256) not in self._compared:
            rows = read()
            change, changes = TableChange(sha256=sha256, rows=None if rows is None else len(rows)), CHANGES.to_frame()
            update: dict[str, object] = {}
            if earlier is None:
                update = {"created": True, "added": change.rows}
            elif earlier != sha256:
                before = base.read(table)
                compared = None if before is None or rows is None else compare(table, before, rows)
                if compared is None:
                    update = dict.fromkeys(("added", "gone", "changed", "moved"))
                else:
                    changes = self._named(base, compared)
                    update = {**asdict(count(changes)), "moved": find_moves(changes)["sound_id"].n_unique()}
            self._compared[table, earlier, sha256] = change.model_copy(update=update), changes
        return self._compared[table, earlier, sha256]

    def _read_table(self, table: str) -> pl.DataFrame | None:
        try:
            return self._tables.read(table)
        except DeepDXError:
            return None

    def _named(self, base: _Base, changes: pl.DataFrame) -> pl.DataFrame:
        """Return changes with the best name of each watched sound, as it is now or, if it is gone, as it was."""
        if not changes["table"].is_in(list(WATCHED)).any():
            return changes
        sources = [(table, self._tables.path(table)) for table in _NAMES]
        sources += [(table, base.files[table][0]) for table in _NAMES if table in base.files]
        known = [pl.Schema({"sound_id": pl.String, "name": pl.String}).to_frame()]
        for table, path in sources:
            with suppress(OSError, pl.exceptions.PolarsError):
                known.append(pl.read_parquet(path, columns=["sound_id", _NAMES[table]]).rename({_NAMES[table]: "name"}))
        names = pl.concat(known).unique("sound_id", keep="first", maintain_order=True)
        return (
            changes.drop("name").join(names, left_on=SOUND_ID, right_on="sound_id", how="left").select(CHANGES.names())
        )

    def _complete(self, base: _Base, record: Record) -> _Base:
        """Write the record that follows the base, with all changes since then, and return the new base."""
        tables, found = {}, [CHANGES.to_frame()]
        for table in TABLES:
            current = self._tables.checksum(table)
            if current is not None and current != base.sha256(table):
                tables[table], changes = self._compare(base, table, current, partial(self._read_table, table))
                found.append(changes)
            elif table in base.files:
                path, sha256 = base.files[table]
                tables[table] = TableChange(sha256=sha256, rows=_count_rows(path))
        self._write(base.number + 1, record.model_copy(update={"tables": tables}), pl.concat(found))
        self._remove_oldest()
        return self._replace_base(_Base(base.number + 1, base.files))

    def _replace_base(self, base: _Base) -> _Base:
        """Make the base of a number from the tables as they are now, and from `base` for those that are missing."""
        with working_folder(self._folder) as staging:
            new = staging / "base"
            new.mkdir()
            for table in TABLES:
                path, sha256 = self._tables.path(table), self._tables.checksum(table)
                if sha256 is None and table in base.files:
                    path, sha256 = base.files[table]
                if sha256 is not None:
                    _link(path, new / f"{table}.{sha256}.parquet")
            new.rename(self._folder / f"{base.number:08d}-base")
        for folder in self._bases()[:-1]:
            shutil.rmtree(folder, ignore_errors=True)
        made = self._base()
        assert made is not None
        return made

    def _base(self) -> _Base | None:
        folders = self._bases()
        if not folders:
            return None
        files = {}
        for path in folders[-1].iterdir():
            if match := _BASE_FILE.fullmatch(path.name):
                files[match[1]] = (path, match[2])
        return _Base(int(folders[-1].name[:8]), files)

    def _bases(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*-base") if _BASE.fullmatch(path.name))

    def _records(self) -> dict[int, Path]:
        """Return the file of each record by its number, in order."""
        paths = sorted(self._folder.glob("*.parquet"))
        return {int(match[1]): path for path in paths if (match := _RECORD.fullmatch(path.name))}

    def _read(self, number: int) -> Run | None:
        """Return the record of a number, None if there is none that can be read."""
        path = self._records().get(number)
        if path is None:
            return None
        try:
            return Run(number, path, Record.model_validate_json(pl.read_parquet_metadata(path).get(_METADATA, "")))
        except (OSError, ValueError, pl.exceptions.PolarsError):
            return None

    def _write(self, number: int, record: Record, changes: pl.DataFrame) -> None:
        path = self._folder / f"{number:08d}-{safe_name(record.run_id)}.parquet"
        content = io.BytesIO()
        changes.write_parquet(content, compression="zstd", metadata={_METADATA: record.model_dump_json()})
        with written_whole(path) as temporary:
            temporary.write_bytes(content.getbuffer())

    def _remove_oldest(self) -> None:
        total = 0
        for place, path in enumerate(reversed(self._records().values())):
            total += path.stat().st_size
            if place >= MAX_RECORDS or (place and total > MAX_BYTES):
                path.unlink()


def _outside(number: int) -> Record:
    now = datetime.now(UTC)
    return Record(run_id=f"{OUTSIDE}-{number}", job=OUTSIDE, began=now, ended=now)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _count_rows(path: Path) -> int | None:
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (OSError, pl.exceptions.PolarsError):
        return None


def _difference(runs: Sequence[Run], end: Record, start: Mapping[str, TableChange]) -> Difference:
    """Combine what successive runs changed. `end` is the last of them, `start` has the tables before the first."""
    without_rows: dict[str, Counts | None] = {}
    for table, after in end.tables.items():
        steps = [run.record.tables[table] for run in runs if table in run.record.tables]
        if table in start and start[table].sha256 == after.sha256:
            without_rows[table] = Counts(0, 0, 0)
        elif any(step.added is None for step in steps) or after.rows is None:
            without_rows[table] = None
        elif any(step.created for step in steps):
            without_rows[table] = Counts(after.rows, 0, 0)
    changes = combine([run.changes for run in runs]).filter(~pl.col("table").is_in(list(without_rows)))
    counts = {table: without_rows.get(table, count(changes.filter(table=table))) for table in end.tables}
    rows = [
        (table, after.rows, *(astuple(counted) if (counted := counts[table]) else (None, None, None)))
        for table, after in end.tables.items()
    ]
    notes = []
    if unknown := [table for table, counted in counts.items() if counted is None]:
        notes.append(f"damaged or of another version, so that rows cannot be compared: {', '.join(unknown)}")
    if len({run.record.hashed_by for run in runs}) > 1:
        notes.append("rows that changed and changed back may count: several versions of polars recorded the runs")
    return Difference(pl.DataFrame(rows, schema=TABLE_COUNTS, orient="row"), find_moves(changes), notes)
