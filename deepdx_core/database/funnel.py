"""The funnel from raw files to families and labeled sounds, and a check that its counts add up."""

import polars as pl

from deepdx_core.database.snapshot import Snapshot

_STEPS = (
    ([("files", "voices")], "contents"),
    ([("voices", "readable")], "sounds"),
    ([("sounds", "unique"), ("repairs", "made by a repair"), ("conversions", "unique")], "verdicts"),
    ([("verdicts", "valid")], "functions"),
    ([("functions", "different to the ear")], "families"),
    ([("verdicts", "valid")], "labels"),
    ([("verdicts", "valid")], "splits"),
)
"""Pairs of ((step, outcome), ...) and a later step: the counts of both add up to the same number."""


def funnel(corpus: Snapshot) -> pl.DataFrame:
    """Return step, outcome, count over all sources, in order. Outcomes that lead to a later step come first."""
    rows = corpus.query("SELECT position, step, outcome, sum(count)::UBIGINT AS count FROM funnel GROUP BY ALL")
    leads_on = pl.struct("step", "outcome").is_in(
        [{"step": step, "outcome": outcome} for leading, _ in _STEPS for step, outcome in leading]
    )
    return rows.sort("position", ~leads_on, "count", "outcome", descending=[False, False, True, False]).drop("position")


_KEPT = {
    "files": ("files", "voices"),
    "distinct": ("contents", "distinct"),
    "voices": ("voices", "readable"),
    "sounds": ("sounds", "unique"),
    "converted": ("conversions", "unique"),
    "valid": ("verdicts", "valid"),
    "different": ("functions", "different to the ear"),
    "families": ("families", "family"),
}
"""The main line of the funnel: (step, outcome) by name."""


def kept_counts(rows: pl.DataFrame) -> dict[str, int]:
    """Return the count of each step on the main line of a funnel."""
    counts = {(step, outcome): count for step, outcome, count in rows.iter_rows()}
    return {name: counts.get(step, 0) for name, step in _KEPT.items()}


def funnel_by_source(corpus: Snapshot) -> pl.DataFrame:
    """Return the counts on the main line, one row per source. Sources with the most families come first."""
    sums = ", ".join(
        f"coalesce(sum(count) FILTER (step = '{step}' AND outcome = '{outcome}'), 0)::UBIGINT AS {name}"
        for name, (step, outcome) in _KEPT.items()
    )
    return corpus.query(f"SELECT source, {sums} FROM funnel GROUP BY ALL ORDER BY families DESC, source")


def gaps(rows: pl.DataFrame, corpus: Snapshot) -> list[str]:
    """Describe each step of a funnel whose counts do not add up."""
    totals = dict(rows.group_by("step").agg(pl.col("count").sum()).iter_rows())
    counts = {(step, outcome): count for step, outcome, count in rows.iter_rows()}
    found = []
    for leading, following in _STEPS:
        before = sum(counts.get(outcome, 0) for outcome in leading)
        if totals.get(following, 0) != before:
            names = " and ".join(f"{outcome} {step}" for step, outcome in leading)
            found.append(f"{before} {names} lead to {totals.get(following, 0)} {following}")
    for table, step in (("dumps", "voices"), ("synth_messages", "conversions")):
        slots = corpus.read(table, ["voices"])["voices"].sum()
        if slots != totals.get(step, 0):
            found.append(f"{slots} slots of {table} lead to {totals.get(step, 0)} {step}")
    return found
