"""The ladder from raw files to labeled sounds, and the proof that it adds up."""

from pathlib import Path

import polars as pl

from deepdx_core.corpus.database import query
from deepdx_core.tables.storage import Tables

_RUNGS = (
    ("files", "voices", "contents"),
    ("voices", "readable", "sounds"),
    ("sounds", "unique", "verdicts"),
    ("verdicts", "valid", "labels"),
    ("verdicts", "valid", "splits"),
)
"""(step, outcome, next step): the outcomes of the next step add up to this outcome."""


def ladder(database: Path, tables: Tables) -> pl.DataFrame:
    """The rows of the view `ladder`: step, outcome, count; what goes on stands first in each step."""
    goes_on = pl.struct("step", "outcome").is_in([{"step": step, "outcome": outcome} for step, outcome, _ in _RUNGS])
    rows = query(database, tables, "SELECT * FROM ladder")
    return rows.sort("position", ~goes_on, "count", "outcome", descending=[False, False, True, False]).drop("position")


def gaps(rows: pl.DataFrame, dumps: pl.DataFrame) -> list[str]:
    """Where a ladder does not add up, in words; empty where all does. `dumps` is the table of that name."""
    totals = dict(rows.group_by("step").agg(pl.col("count").sum()).iter_rows())
    counts = {(step, outcome): count for step, outcome, count in rows.iter_rows()}
    found = [
        f"{totals.get(following, 0)} {following} follow from {counts.get((step, outcome), 0)} {outcome} {step}"
        for step, outcome, following in _RUNGS
        if totals.get(following, 0) != counts.get((step, outcome), 0)
    ]
    in_dumps = dumps["voices"].sum()
    if in_dumps != totals.get("voices", 0):
        found.append(f"{totals.get('voices', 0)} voices follow from {in_dumps} slots of dumps")
    return found
