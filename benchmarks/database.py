"""Benchmark of the database: build time, size, and query time compared with DuckDB over the Parquet tables.

    python -m benchmarks.database HOME [COPIES]

measures the corpus in a home, and a larger one of COPIES copies of it, each with its own ids, files and folder names.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
from rich.console import Console
from rich.table import Table

from deepdx_core.database.build import build_database
from deepdx_core.database.snapshot import Snapshot
from deepdx_core.home import Home
from deepdx_core.state.store import open_state
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables

_IDS = ("sound_id", "repaired_id", "functional_id", "family_id", "sha256")
_QUERIES = {
    "count by label": "SELECT label, count(*) AS n FROM labeled_voices GROUP BY label",
    "search a name": "SELECT sound_id, name FROM unique_voices WHERE name ILIKE '%piano%'",
    "one parameter": "SELECT avg(op1_output_level) AS mean FROM unique_voices WHERE algorithm = 4",
    "join": "SELECT verdict, count(*) AS n FROM unique_voices JOIN verdicts USING (sound_id) GROUP BY verdict",
}
_REPEATS = 7


def replicate(rows: pl.DataFrame, copies: int) -> pl.DataFrame:
    """Return several copies of the rows of a table, each with its own ids."""
    ids = [name for name in _IDS if name in rows.columns]
    parts = []
    for copy in range(copies):
        suffix = f"{copy:04x}"
        changed = rows.with_columns(pl.col(name).str.replace(r".{4}$", suffix) for name in ids)
        if "path" in rows.columns:
            changed = changed.with_columns(path=pl.format("{}/{}", pl.lit(suffix), "path"))
        parts.append(changed)
    copied = pl.concat(parts)
    return copied.unique("sound_id", maintain_order=True) if rows.columns[0] == "sound_id" and ids else copied


def median_ms(run: Callable[[], object]) -> float:
    """Return the median time of several calls, in ms."""
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def measure(home: Home, console: Console) -> None:
    """Build the database of a home, run the queries, and print the results."""
    tables = Tables(home)
    began = time.perf_counter()
    build_database(home.database, tables)
    seconds = time.perf_counter() - began
    parquet = sum(tables.path(table).stat().st_size for table in TABLES if tables.path(table).is_file())
    sounds = len(tables.read("unique_voices", ["sound_id"]))
    console.print(
        f"{sounds:,} sounds: built in {seconds:.1f} s, {home.database.stat().st_size / 1e6:.1f} MB; "
        f"tables {parquet / 1e6:.1f} MB"
    )
    shown = Table("query", "database, ms", "Parquet, ms", "ratio")
    with Snapshot(home.database) as corpus, duckdb.connect() as plain:
        for table in TABLES:
            if tables.path(table).is_file():
                plain.execute(f"CREATE VIEW {table} AS FROM read_parquet('{tables.path(table)}')")
        for name, sql in _QUERIES.items():
            ours = median_ms(lambda sql=sql: corpus.query(sql))
            theirs = median_ms(lambda sql=sql: plain.sql(sql).pl())
            shown.add_row(name, f"{ours:.1f}", f"{theirs:.1f}", f"{theirs / ours:.1f}")
    console.print(shown)


def main() -> None:
    """Measure the corpus of a home, and a larger one of several copies."""
    source, copies = Home(Path(sys.argv[1])), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        for count in dict.fromkeys((1, copies)):
            home = Home(Path(folder) / str(count))
            open_state(home, print)
            for table in TABLES:
                Tables(home).write(table, replicate(Tables(source).read_or_empty(table), count))
            measure(home, console)
            shutil.rmtree(home.root)


if __name__ == "__main__":
    main()
