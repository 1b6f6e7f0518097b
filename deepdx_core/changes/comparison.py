"""Compare the rows of a table before and after, and combine comparisons of successive states.

A comparison is a frame in the schema `CHANGES`, a row for each row of the table that was added, gone or changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from deepdx_core.tables.schemas import TABLES

WATCHED = {
    "verdicts": ("verdict",),
    "labeled_voices": ("label", "category"),
    "training_splits": ("split",),
}
"""Columns whose changes are reported sound by sound, by table. The key of these tables is `sound_id`."""

CHANGES = pl.Schema(
    {
        "table": pl.String(),
        "key": pl.String(),  # the key of the row, as JSON
        "before": pl.UInt64(),  # hash of the row, null if there was none
        "after": pl.UInt64(),
        "was": pl.List(pl.String()),  # values of the watched columns, null if there was no row or nothing is watched
        "now": pl.List(pl.String()),
        "name": pl.String(),  # best name of the sound, null if nothing is watched
    }
)

MOVES = pl.Schema(
    {"column": pl.String, "sound_id": pl.String, "name": pl.String, "before": pl.String, "after": pl.String}
)

SOUND_ID = pl.col("key").str.json_path_match("$.sound_id")
"""The sound of a row in a comparison of a watched table."""

HASHED_BY = f"polars {pl.__version__}"
"""The origin of the hashes: equal rows have equal hashes within one version of polars only."""


@dataclass(frozen=True)
class Counts:
    """Numbers of rows of a table that were added, gone and changed."""

    added: int
    gone: int
    changed: int


def key_of(table: str) -> list[str]:
    """Return the names of the columns that identify a row of a table."""
    # A member is null for a file of the inbox itself, which no primary key allows.
    return ["path", "member"] if table == "raw_files" else TABLES[table].primary_key()


def compare(table: str, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame | None:
    """Return the rows of a table that differ between two states, in the order of their keys. Names are null.

    Keys are unique in each state. A row counts as changed also if columns of the table came or went. Returns None if
    the states cannot be compared, because the columns of the key are not the same.
    """
    key = key_of(table)
    if any(before.schema.get(name) != after.schema.get(name) for name in key):
        return None
    differing = (
        _hashed(table, before, key, "before", "was")
        .join(_hashed(table, after, key, "after", "now"), on=key, how="full", coalesce=True, nulls_equal=True)
        .filter(pl.col("before").ne_missing(pl.col("after")))
    )
    as_json = pl.struct(key).struct.json_encode()
    return differing.select(
        pl.lit(table).alias("table"),
        as_json.alias("key"),
        *("before", "after", "was", "now"),
        pl.lit(None, pl.String).alias("name"),
    ).sort("key")


def _hashed(table: str, rows: pl.DataFrame, key: list[str], name: str, watched: str) -> pl.DataFrame:
    columns = WATCHED.get(table, ())
    values = pl.concat_list(columns) if columns and {*columns} <= {*rows.columns} else pl.lit(None)
    return rows.select(
        *key,
        rows.select(sorted(rows.columns)).hash_rows().alias(name),
        values.cast(pl.List(pl.String)).alias(watched),
    )


def count(changes: pl.DataFrame) -> Counts:
    """Return the numbers of rows in a comparison."""
    before, after = changes["before"].is_not_null(), changes["after"].is_not_null()
    return Counts(int((~before).sum()), int((~after).sum()), int((before & after).sum()))


def combine(steps: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Combine comparisons of successive states into one of the first state with the last.

    A row that changed and changed back, or came and went, is not in it.
    """
    rows = pl.concat([CHANGES.to_frame(), *steps]).group_by("table", "key", maintain_order=True)
    ends = rows.agg(
        pl.col("before", "was").first(), pl.col("after", "now").last(), pl.col("name").last(ignore_nulls=True)
    )
    return ends.select(CHANGES.names()).filter(pl.col("before").ne_missing(pl.col("after"))).sort("table", "key")


def find_moves(changes: pl.DataFrame) -> pl.DataFrame:
    """Return the sounds that had one value in a watched column and have another one now, in the schema `MOVES`."""
    found = [MOVES.to_frame()]
    for table, columns in WATCHED.items():
        rows = changes.filter(table=table)
        for place, column in enumerate(columns):
            found.append(
                rows.select(
                    pl.lit(column).alias("column"),
                    SOUND_ID.alias("sound_id"),
                    "name",
                    pl.col("was").list.get(place, null_on_oob=True).alias("before"),
                    pl.col("now").list.get(place, null_on_oob=True).alias("after"),
                ).filter(pl.col("before") != pl.col("after"))
            )
    return pl.concat(found)


def count_moves(moves: pl.DataFrame) -> pl.DataFrame:
    """Return the number of sounds of each move: `column`, `before`, `after`, `sounds`; the most frequent first."""
    counts = moves.group_by("column", "before", "after", maintain_order=True).len("sounds")
    order = [pl.col("column").cast(pl.Enum([name for columns in WATCHED.values() for name in columns]))]
    return counts.sort(*order, "sounds", "before", "after", descending=[False, True, False, False])
