"""What kind of sound each valid one is, and how sure that is."""

import dagster as dg
import polars as pl

from deepdx_pipeline.assets.sources import overrides_event
from deepdx_pipeline.assets.tables import table_asset
from deepdx_pipeline.resources import Workspace
from deepdx_pipeline.results import Result, bar_chart, heat_map, markdown_table, materialized, stacked_bars

GROUP = "curation"


class Labeling(dg.Config):
    """Whether the names of files and folders count as hints."""

    folders: bool = True


@table_asset(
    GROUP,
    "labeled_voices",
    *("raw_files", "decoded_voices", "unique_voices", "audio_features", "families", "verdicts", "overrides"),
)
def labeled_voices(
    context: dg.AssetExecutionContext, config: Labeling, workplace: dg.ResourceParam[Workspace]
) -> Result:
    """Gather what speaks for each kind of sound, and weigh it."""
    from deepdx_core.labels import report
    from deepdx_core.labels.combination import combine_evidence
    from deepdx_core.labels.evidence import audio_columns, source_paths
    from deepdx_core.labels.sounds import label_sounds
    from deepdx_core.labels.taxonomy import OTHER, find_taxonomy
    from deepdx_core.overrides import read_overrides

    context.log_event(overrides_event(workplace))
    home, tables = workplace.home, workplace.tables
    taxonomy = find_taxonomy(home.taxonomy)
    said = read_overrides(home.labels, "category", taxonomy.categories)
    valid = tables.read("verdicts", ["sound_id", "verdict"]).filter(pl.col("verdict") == "valid")
    sounds = tables.read("unique_voices").join(valid, on="sound_id", how="semi")
    places = source_paths(tables.read("raw_files"), tables.read("decoded_voices", ["sha256", "sound_id"]))
    evidence = combine_evidence(
        sounds,
        tables.read("families"),
        taxonomy,
        audio=audio_columns(tables.read("audio_features")),
        places=places if config.folders else None,
        overrides=said,
    )
    rows = label_sounds(evidence)
    version = tables.write("labeled_voices", rows)
    by_category = rows["category"].value_counts(sort=True)
    stages = report.stages(evidence)
    confusion = report.confusion(rows)
    names = sounds.select("sound_id", "name")
    disagreements = report.disagreements(evidence, 40).join(names, on="sound_id", maintain_order="left")
    return materialized(
        "labeled_voices",
        rows,
        version,
        labeled=int((rows["category"] != OTHER).sum()),
        counts=dict(rows["label"].value_counts().sort("label").iter_rows()),
        decided_by=markdown_table(rows["decided_by"].value_counts(sort=True)),
        by_evidence=stacked_bars(stages, "evidence", "label", "sounds", "Labels, as evidence is added"),
        categories=bar_chart(dict(by_category.iter_rows()), "Sounds by category"),
        names_and_model=heat_map(confusion, "by_names", "by_model", "sounds", "What names say, and the model"),
        algorithms=heat_map(report.by_algorithm(rows), "label", "algorithm_label", "sounds", "Label by algorithm"),
        worth_a_listen=markdown_table(disagreements.select("name", "by_names", "by_model", "sound_id")),
        too_small=markdown_table(report.small_categories(evidence)),
    )
