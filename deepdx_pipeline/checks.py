"""Asset checks: each table against its schema, the ladder against itself, the splits against leaks."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from deepdx_core.tables.schemas import TABLES, WITHHELD
from deepdx_pipeline.resources import Workplace
from deepdx_pipeline.results import markdown_table


def _fits_its_schema(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="fits_its_schema",
        asset=table,
        blocking=True,
        description="Every column has its type and range, keys are unique, and the table's own rules hold.",
    )
    def check(workplace: dg.ResourceParam[Workplace]) -> dg.AssetCheckResult:
        _, failures = TABLES[table].filter(workplace.tables.read(table))
        counts = failures.counts()
        return dg.AssetCheckResult(passed=not counts, metadata={"rows_that_fail": dict(counts)})

    return check


@dg.asset_check(
    asset="corpus_database",
    additional_deps=["dumps"],
    description="What goes on from each step of the ladder is what arrives at the next: nothing is lost on the way.",
)
def ladder_adds_up(workplace: dg.ResourceParam[Workplace]) -> dg.AssetCheckResult:
    """Compare each rung with the next."""
    from deepdx_core.corpus.ladder import gaps, ladder

    rows = ladder(workplace.home.database, workplace.tables)
    found = gaps(rows, workplace.tables.read("dumps", ["voices"]))
    return dg.AssetCheckResult(passed=not found, metadata={"gaps": "; ".join(found) or "none"})


@dg.asset_check(
    asset="training_splits",
    additional_deps=["labeled_voices"],
    description="Every labeled sound is in exactly one split, so that no exact duplicate stands on both sides.",
)
def every_sound_in_one_split(workplace: dg.ResourceParam[Workplace]) -> dg.AssetCheckResult:
    """Compare the splits with the labeled sounds."""
    labeled = workplace.tables.read("labeled_voices", ["sound_id"])
    splits = workplace.tables.read("training_splits").filter("in_corpus").select("sound_id")
    unassigned = len(labeled.join(splits, on="sound_id", how="anti"))
    unknown = len(splits.join(labeled, on="sound_id", how="anti"))
    twice = len(splits) - splits["sound_id"].n_unique()
    return dg.AssetCheckResult(
        passed=unassigned == unknown == twice == 0,
        metadata={"unassigned": unassigned, "unknown": unknown, "in_two_splits": twice},
    )


@dg.asset_check(
    asset="training_splits",
    additional_deps=["unique_voices", "families"],
    description="No two sounds that are 5 or fewer parameters apart stand in different splits, of all pairs there are.",
)
def splits_do_not_leak(workplace: dg.ResourceParam[Workplace]) -> dg.AssetCheckResult:
    """Look for kin across splits."""
    from deepdx_core.curation.splits import leaks

    tables = workplace.tables
    pairs = leaks(tables.read("training_splits"), tables.read("unique_voices"))
    return dg.AssetCheckResult(
        passed=pairs.is_empty(), metadata={"pairs_across_splits": len(pairs), "first": markdown_table(pairs.head(20))}
    )


@dg.asset_check(
    asset="training_splits",
    additional_deps=["families"],
    description="How many families stand in several splits: none, unless sounds that came later joined them.",
    blocking=False,
)
def families_stay_together(workplace: dg.ResourceParam[Workplace]) -> dg.AssetCheckResult:
    """Count families by the splits in which they stand."""
    families = workplace.tables.read("families", ["sound_id", "family_id"])
    splits = workplace.tables.read("training_splits").filter("in_corpus", pl.col("split") != WITHHELD)
    parted = splits.join(families, on="sound_id").group_by("family_id").agg(pl.col("split").n_unique())
    several = int((parted["split"] > 1).sum())
    return dg.AssetCheckResult(
        passed=several == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"families_in_several_splits": several}
    )


def all_checks() -> Sequence[dg.AssetChecksDefinition]:
    """A schema check for each table, and the checks across tables."""
    return [
        *(_fits_its_schema(table) for table in TABLES),
        ladder_adds_up,
        every_sound_in_one_split,
        splits_do_not_leak,
        families_stay_together,
    ]
