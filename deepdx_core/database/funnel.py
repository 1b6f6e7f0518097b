"""The funnel from raw files to families and labeled sounds, and the proof that it adds up."""

import polars as pl

from deepdx_core.database.snapshot import Snapshot

_STEPS = (
    ([("files", "voices")], "contents"),
    ([("voices", "readable")], "sounds"),
    ([("sounds", "unique"), ("repairs", "made by a repair")], "verdicts"),
    ([("verdicts", "valid")], "functions"),
    ([("functions", "different to the ear")], "families"),
    ([("verdicts", "valid")], "labels"),
    ([("verdicts", "valid")], "splits"),
)
"""What goes on ((step, outcome), ...) to which step: the outcomes of that step add up to it."""


def funnel(corpus: Snapshot) -> pl.DataFrame:
    """The steps in order: step, outcome, count, over all sources; what goes on stands first in each step."""
    rows = corpus.query("SELECT position, step, outcome, sum(count)::UBIGINT AS count FROM funnel GROUP BY ALL")
    goes_on = pl.struct("step", "outcome").is_in(
        [{"step": step, "outcome": outcome} for leading, _ in _STEPS for step, outcome in leading]
    )
    return rows.sort("position", ~goes_on, "count", "outcome", descending=[False, False, True, False]).drop("position")


_GOES_ON = {
    "files": ("files", "voices"),
    "distinct": ("contents", "distinct"),
    "voices": ("voices", "readable"),
    "sounds": ("sounds", "unique"),
    "valid": ("verdicts", "valid"),
    "different": ("functions", "different to the ear"),
    "families": ("families", "family"),
}
"""The steps in short: (step, outcome) of what goes on."""


def kept_counts(rows: pl.DataFrame) -> dict[str, int]:
    """How many are on each step of a funnel."""
    counts = {(step, outcome): count for step, outcome, count in rows.iter_rows()}
    return {name: counts.get(step, 0) for name, step in _GOES_ON.items()}


def funnel_by_source(corpus: Snapshot) -> pl.DataFrame:
    """One row a source with the counts of what went on, in the order of families that it was the first to bring."""
    sums = ", ".join(
        f"coalesce(sum(count) FILTER (step = '{step}' AND outcome = '{outcome}'), 0)::UBIGINT AS {name}"
        for name, (step, outcome) in _GOES_ON.items()
    )
    return corpus.query(f"SELECT source, {sums} FROM funnel GROUP BY ALL ORDER BY families DESC, source")


def gaps(rows: pl.DataFrame, dumps: pl.DataFrame) -> list[str]:
    """Where a funnel does not add up, in words; empty where all does. `dumps` is the table of that name."""
    totals = dict(rows.group_by("step").agg(pl.col("count").sum()).iter_rows())
    counts = {(step, outcome): count for step, outcome, count in rows.iter_rows()}
    found = []
    for leading, following in _STEPS:
        before = sum(counts.get(outcome, 0) for outcome in leading)
        if totals.get(following, 0) != before:
            names = " and ".join(f"{outcome} {step}" for step, outcome in leading)
            found.append(f"{totals.get(following, 0)} {following} follow from {before} {names}")
    in_dumps = dumps["voices"].sum()
    if in_dumps != totals.get("voices", 0):
        found.append(f"{totals.get('voices', 0)} voices follow from {in_dumps} slots of dumps")
    return found
