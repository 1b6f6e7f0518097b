"""Asset checks: each table against its schema, the ladder against itself, the splits against leaks."""

from collections.abc import Sequence

import dagster as dg

from deepdx_core.tables.schemas import TABLES
from deepdx_pipeline.resources import Workplace


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
    splits = workplace.tables.read("training_splits", ["sound_id"])
    unassigned = len(labeled.join(splits, on="sound_id", how="anti"))
    unknown = len(splits.join(labeled, on="sound_id", how="anti"))
    twice = len(splits) - splits["sound_id"].n_unique()
    return dg.AssetCheckResult(
        passed=unassigned == unknown == twice == 0,
        metadata={"unassigned": unassigned, "unknown": unknown, "in_two_splits": twice},
    )


def all_checks() -> Sequence[dg.AssetChecksDefinition]:
    """A schema check for each table, and the checks across tables."""
    return [*(_fits_its_schema(table) for table in TABLES), ladder_adds_up, every_sound_in_one_split]
