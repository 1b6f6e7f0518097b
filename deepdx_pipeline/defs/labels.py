"""Labels: the category and training label of each valid sound."""

import dagster as dg
import polars as pl
from pydantic import Field

from deepdx_core.versions import LABELS_VERSION
from deepdx_pipeline.inputs import judge_files
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import Result, markdown_table, materialized, table_asset

GROUP = "labels"

_MIN_COVERAGE = 0.6
_MAX_DRIFT = 0.1


class LabelConfig(dg.Config):
    """Configuration of `labeled_voices`."""

    folders: bool = Field(True, description="Use names of files and folders as weak evidence.")


@table_asset(
    "labeled_voices",
    group=GROUP,
    deps=[
        *("raw_files", "decoded_voices", "converted_voices", "unique_voices", "families", "verdicts"),
        *("taxonomy", "overrides", "rules"),
    ],
    code_version=str(LABELS_VERSION),
    reads=judge_files,
)
def labeled_voices(config: LabelConfig, home: HomeResource) -> Result:
    """Combine the evidence for each category."""
    from deepdx_core.judges.store import load_judge
    from deepdx_core.labels import report
    from deepdx_core.labels.combination import combine_evidence
    from deepdx_core.labels.evidence import source_paths
    from deepdx_core.labels.sounds import label_sounds
    from deepdx_core.labels.taxonomy import OTHER, find_taxonomy
    from deepdx_core.overrides import read_overrides
    from deepdx_core.quality.rules import load_rules

    tables = home.tables
    judge = load_judge(home.paths, "labels", load_rules(home.paths.rules).judges.labels)
    taxonomy = find_taxonomy(home.paths.taxonomy)
    overrides = read_overrides(home.paths.labels, "category", taxonomy.categories)
    valid = tables.read("verdicts", ["sound_id", "verdict"]).filter(pl.col("verdict") == "valid")
    sounds = tables.read("unique_voices").join(valid, on="sound_id", how="semi")
    places = source_paths(tables.read("raw_files"), tables.read_slots(["sha256", "sound_id"]))
    evidence = combine_evidence(
        sounds,
        tables.read("families"),
        taxonomy,
        judge,
        places=places if config.folders else None,
        overrides=overrides,
    )
    rows = label_sounds(evidence)
    version = tables.write("labeled_voices", rows)
    names = sounds.select("sound_id", "name")
    disagreements = report.disagreements(evidence, 40).join(names, on="sound_id", maintain_order="left")
    return materialized(
        home,
        "labeled_voices",
        rows,
        version,
        labeled=int((rows["category"] != OTHER).sum()),
        counts=dict(rows["label"].value_counts().sort("label").iter_rows()),
        decided_by=markdown_table(rows["decided_by"].value_counts(sort=True)),
        worth_a_listen=markdown_table(disagreements.select("name", "by_names", "by_model", "sound_id")),
        too_small=markdown_table(report.small_categories(evidence)),
        by_evidence=markdown_table(report.stages(evidence).pivot("label", index="evidence", values="sounds")),
    )


@dg.asset_check(
    asset="labeled_voices",
    description=f"At least {_MIN_COVERAGE:.0%} of the sounds have a category other than Other.",
)
def most_sounds_have_a_label(home: HomeResource) -> dg.AssetCheckResult:
    """Compare the share of labeled sounds with the minimum."""
    from deepdx_core.labels.taxonomy import OTHER

    categories = home.tables.read("labeled_voices", ["category"])["category"]
    coverage = len(categories.filter(categories != OTHER)) / max(len(categories), 1)
    return dg.AssetCheckResult(
        passed=coverage >= _MIN_COVERAGE or categories.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"coverage": coverage},
    )


@dg.asset_check(
    asset="labeled_voices",
    additional_deps=["taxonomy"],
    description="Every training label has at least `least_examples` sounds, a setting of the taxonomy.",
)
def no_label_is_too_small(home: HomeResource) -> dg.AssetCheckResult:
    """Compare the count of the rarest label with the minimum."""
    from deepdx_core.labels.taxonomy import find_taxonomy

    taxonomy = find_taxonomy(home.paths.taxonomy)
    rows = home.tables.read("labeled_voices", ["label"])
    counts = dict.fromkeys(taxonomy.labels, 0) | dict(rows["label"].value_counts().iter_rows())
    smallest = min(counts, key=lambda label: counts[label])
    return dg.AssetCheckResult(
        passed=counts[smallest] >= taxonomy.least_examples or rows.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"smallest": smallest, "sounds": counts[smallest]},
    )


@dg.asset_check(
    asset="labeled_voices",
    description=f"The shares of the labels moved by at most {_MAX_DRIFT:.0%} (total variation) since the last run.",
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
        passed=drift <= _MAX_DRIFT, severity=dg.AssetCheckSeverity.WARN, metadata={"total_variation": drift}
    )


def _counts(materialization: dg.AssetMaterialization | None) -> dict[str, int]:
    value = materialization.metadata.get("counts") if materialization else None
    return value.data if isinstance(value, dg.JsonMetadataValue) and isinstance(value.data, dict) else {}
