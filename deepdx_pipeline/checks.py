"""Asset checks: each table against its schema, the funnel against itself, the splits against leaks."""

from collections.abc import Sequence

import dagster as dg
import polars as pl

from deepdx_core.errors import DeepDXError
from deepdx_core.tables.dataset import WITHHELD
from deepdx_core.tables.schemas import TABLES
from deepdx_pipeline.resources import Workspace
from deepdx_pipeline.results import markdown_table


def _fits_its_schema(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="fits_its_schema",
        asset=table,
        blocking=True,
        description="Every column has its type and range, keys are unique, and the table's own rules hold.",
    )
    def check(workplace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
        try:
            _, failures = TABLES[table].filter(workplace.tables.read(table))
        except DeepDXError as error:
            return dg.AssetCheckResult(passed=False, metadata={"reason": str(error)})
        counts = failures.counts()
        return dg.AssetCheckResult(passed=not counts, metadata={"rows_that_fail": dict(counts)})

    return check


@dg.asset_check(
    asset="corpus_database",
    additional_deps=["dumps"],
    description="What goes on from each step of the funnel is what arrives at the next: nothing is lost on the way.",
)
def funnel_adds_up(workplace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Compare each step with the next."""
    from deepdx_core.database.funnel import funnel, gaps
    from deepdx_core.database.snapshot import Snapshot

    with Snapshot(workplace.home.database) as corpus:
        found = gaps(funnel(corpus), corpus.read("dumps", ["voices"]))
    return dg.AssetCheckResult(passed=not found, metadata={"gaps": "; ".join(found) or "none"})


@dg.asset_check(
    asset="training_splits",
    additional_deps=["labeled_voices"],
    description="Every labeled sound is in exactly one split, so that no exact duplicate stands on both sides.",
)
def every_sound_in_one_split(workplace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
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
    additional_deps=["unique_voices", "audio_features"],
    description="Of all pairs of sounds in different splits, none is 5 or fewer parameters apart, differs only in what "
    "nobody hears, or is nearly equal by ear.",
)
def splits_do_not_leak(workplace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Look for kin across splits."""
    from deepdx_core.dataset.splits import leaks
    from deepdx_core.dedup.audio_similarity import similar_pairs

    tables = workplace.tables
    by_ear = similar_pairs(tables.read("audio_features"))
    pairs = leaks(tables.read("training_splits"), tables.read("unique_voices"), by_ear)
    return dg.AssetCheckResult(
        passed=pairs.is_empty(), metadata={"pairs_across_splits": len(pairs), "first": markdown_table(pairs.head(20))}
    )


@dg.asset_check(
    asset="training_splits",
    additional_deps=["families"],
    description="How many families stand in several splits: none, unless sounds that came later joined them.",
    blocking=False,
)
def families_stay_together(workplace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Count families by the splits in which they stand."""
    families = workplace.tables.read("families", ["sound_id", "family_id"])
    splits = workplace.tables.read("training_splits").filter("in_corpus", pl.col("split") != WITHHELD)
    parted = splits.join(families, on="sound_id").group_by("family_id").agg(pl.col("split").n_unique())
    several = int((parted["split"] > 1).sum())
    return dg.AssetCheckResult(
        passed=several == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"families_in_several_splits": several}
    )


_LEAST_COVERAGE = 0.6
_MOST_DRIFT = 0.1


@dg.asset_check(
    asset="labeled_voices",
    description=f"At least {_LEAST_COVERAGE:.0%} of the sounds are something other than Other.",
)
def most_sounds_have_a_label(workplace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Count what is labeled."""
    from deepdx_core.labels.taxonomy import OTHER

    categories = workplace.tables.read("labeled_voices", ["category"])["category"]
    coverage = len(categories.filter(categories != OTHER)) / max(len(categories), 1)
    return dg.AssetCheckResult(
        passed=coverage >= _LEAST_COVERAGE or categories.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"coverage": coverage},
    )


@dg.asset_check(
    asset="labeled_voices",
    description="Every training label has enough sounds to be learned from; how many is said in the taxonomy.",
)
def no_label_is_too_small(workplace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Find the smallest label."""
    from deepdx_core.labels.taxonomy import find_taxonomy

    taxonomy = find_taxonomy(workplace.home.taxonomy)
    rows = workplace.tables.read("labeled_voices", ["label"])
    counts = dict.fromkeys(taxonomy.labels, 0) | dict(rows["label"].value_counts().iter_rows())
    smallest = min(counts, key=lambda label: counts[label])
    return dg.AssetCheckResult(
        passed=counts[smallest] >= taxonomy.least_examples or rows.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"smallest": smallest, "sounds": counts[smallest]},
    )


@dg.asset_check(
    asset="labeled_voices",
    description=f"The shares of the labels moved by at most {_MOST_DRIFT:.0%} (total variation) since the last run.",
)
def labels_do_not_drift(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Compare the last two materializations."""
    found = context.instance.fetch_materializations(dg.AssetKey("labeled_voices"), limit=2).records
    counts = [_counts(record.asset_materialization) for record in found]
    drift = 0.0
    if len(counts) == 2 and all(counts):
        now, before = ({label: n / sum(c.values()) for label, n in c.items()} for c in counts)
        drift = sum(abs(now.get(label, 0) - before.get(label, 0)) for label in now.keys() | before.keys()) / 2
    return dg.AssetCheckResult(
        passed=drift <= _MOST_DRIFT, severity=dg.AssetCheckSeverity.WARN, metadata={"total_variation": drift}
    )


def _counts(materialization: dg.AssetMaterialization | None) -> dict[str, int]:
    value = materialization.metadata.get("counts") if materialization else None
    return value.data if isinstance(value, dg.JsonMetadataValue) and isinstance(value.data, dict) else {}


def all_checks() -> Sequence[dg.AssetChecksDefinition]:
    """A schema check for each table, and the checks across tables."""
    return [
        *(_fits_its_schema(table) for table in TABLES),
        funnel_adds_up,
        every_sound_in_one_split,
        splits_do_not_leak,
        families_stay_together,
        most_sounds_have_a_label,
        no_label_is_too_small,
        labels_do_not_drift,
    ]
