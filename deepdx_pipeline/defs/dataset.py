"""Dataset: splits without leaks between them, and the training set."""

import dagster as dg
import polars as pl
from pydantic import Field

from deepdx_core.tables.dataset import WITHHELD
from deepdx_core.versions import CURATION_VERSION
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import Result, markdown_table, materialized, passed_unless_changed, table_asset

GROUP = "dataset"


class SplitConfig(dg.Config):
    """Configuration of `training_splits`."""

    converted: bool = Field(False, description="Split voices converted from other synths, too, and train on them.")


@table_asset(
    "training_splits",
    group=GROUP,
    deps=["unique_voices", "audio_features", "families", "labeled_voices"],
    code_version=str(CURATION_VERSION),
)
def training_splits(config: SplitConfig, home: HomeResource) -> Result:
    """Assign families to train, validation and test. Earlier assignments are kept."""
    from deepdx_core.dataset.splits import assign_splits, withhold_linked

    tables = home.tables
    sounds = tables.read("unique_voices")
    split = sounds if config.converted else sounds.filter(~pl.col("converted"))
    labels = tables.read("labeled_voices", ["sound_id", "label"]).join(split, on="sound_id", how="semi")
    families = tables.read("families", ["sound_id", "family_id"])
    assigned = assign_splits(labels.join(families, on="sound_id"), tables.read_or_empty("training_splits"))
    splits = withhold_linked(assigned, sounds, home.similar_pairs())
    version = tables.write("training_splits", splits)
    present = labels.join(splits, on="sound_id")
    shares = present.pivot("split", index="label", values="sound_id", aggregate_function="len")
    reasons = present["reason"].value_counts(sort=True, name="sounds")
    return materialized(
        home,
        "training_splits",
        splits,
        version,
        shares=markdown_table(shares.sort("label")),
        reasons=markdown_table(reasons),
    )


@table_asset(
    "training_set",
    group=GROUP,
    deps=["training_splits", "labeled_voices", "families", "unique_voices", "decoded_voices", "converted_voices"],
    code_version=str(CURATION_VERSION),
)
def training_set(home: HomeResource) -> Result:
    """Join splits, labels, families, parameters and names into one table."""
    from deepdx_core.dataset.training_set import build_training_set

    tables = home.tables
    rows = build_training_set(
        tables.read("training_splits"),
        tables.read("labeled_voices", ["sound_id", "label"]),
        tables.read("families", ["sound_id", "family_id"]),
        tables.read("unique_voices"),
        tables.read_slots(["sound_id", "name"]),
    )
    version = tables.write("training_set", rows)
    return materialized(home, "training_set", rows, version)


@dg.asset_check(
    asset="training_splits",
    additional_deps=["labeled_voices", "unique_voices"],
    blocking=True,
    description="Every labeled sound is in exactly one split: no exact duplicates across splits. Sounds converted from "
    "other synths may be in none.",
)
@passed_unless_changed(
    "training_splits",
    "every_sound_in_one_split",
    deps=["labeled_voices", "unique_voices"],
    code_version=str(CURATION_VERSION),
)
def every_sound_in_one_split(home: HomeResource) -> dg.AssetCheckResult:
    """Compare the splits with the labeled sounds."""
    labeled = home.tables.read("labeled_voices", ["sound_id"])
    splits = home.tables.read("training_splits").filter("in_corpus").select("sound_id")
    converted = home.tables.read("unique_voices").filter("converted")
    unassigned = len(labeled.join(converted, on="sound_id", how="anti").join(splits, on="sound_id", how="anti"))
    unknown = len(splits.join(labeled, on="sound_id", how="anti"))
    twice = len(splits) - splits["sound_id"].n_unique()
    return dg.AssetCheckResult(
        passed=unassigned == unknown == twice == 0,
        metadata={"unassigned": unassigned, "unknown": unknown, "in_two_splits": twice},
    )


@dg.asset_check(
    asset="training_splits",
    additional_deps=["unique_voices", "audio_features"],
    blocking=True,
    description="No two sounds in different splits differ in 5 or fewer parameters, differ only in inaudible "
    "parameters, or are nearly equal by ear. All pairs are compared.",
)
@passed_unless_changed(
    "training_splits",
    "splits_do_not_leak",
    deps=["unique_voices", "audio_features"],
    code_version=str(CURATION_VERSION),
)
def splits_do_not_leak(home: HomeResource) -> dg.AssetCheckResult:
    """Find near-duplicates across splits."""
    from deepdx_core.dataset.splits import leaks

    tables = home.tables
    pairs = leaks(tables.read("training_splits"), tables.read("unique_voices"), home.similar_pairs())
    return dg.AssetCheckResult(
        passed=pairs.is_empty(), metadata={"pairs_across_splits": len(pairs), "first": markdown_table(pairs.head(20))}
    )


@dg.asset_check(
    asset="training_splits",
    additional_deps=["families"],
    description="No family is in several splits. Later sounds may join families that are in different ones.",
)
def families_stay_together(home: HomeResource) -> dg.AssetCheckResult:
    """Count families in several splits."""
    families = home.tables.read("families", ["sound_id", "family_id"])
    splits = home.tables.read("training_splits").filter("in_corpus", pl.col("split") != WITHHELD)
    divided = splits.join(families, on="sound_id").group_by("family_id").agg(pl.col("split").n_unique())
    several = int((divided["split"] > 1).sum())
    return dg.AssetCheckResult(
        passed=several == 0, severity=dg.AssetCheckSeverity.WARN, metadata={"families_in_several_splits": several}
    )
