"""From the sounds to the splits: heard, brought into families, judged, and parted; labels stand in `labels`."""

import dagster as dg

from deepdx_pipeline.assets.sources import overrides_event
from deepdx_pipeline.assets.tables import table_asset
from deepdx_pipeline.resources import Workspace
from deepdx_pipeline.results import Result, bar_chart, markdown_table, materialized

GROUP = "curation"


class Listening(dg.Config):
    """Whether sounds are rendered. What was heard before stays either way."""

    render: bool = True


@table_asset(GROUP, "audio_features", "unique_voices")
def audio_features(
    context: dg.AssetExecutionContext, config: Listening, workplace: dg.ResourceParam[Workspace]
) -> Result:
    """Render every legal sound that was not rendered yet, and measure what is heard."""
    from deepdx_core.sound.audio_features import compute_audio_features, renderer_version, summarize_by_sound
    from deepdx_core.sound.rendering import can_render
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    tables = workplace.tables
    sounds = tables.read("unique_voices", ["sound_id", "in_range", *PARAMETER_NAMES]).filter("in_range")
    known = rows = tables.read_or_empty("audio_features").join(sounds, on="sound_id", how="semi")
    if config.render and can_render():
        # What there is is written now and then: who stops a long run loses little of it.
        for rows in compute_audio_features(sounds, known, workplace.reporter(context)):
            version = tables.write("audio_features", rows)
    else:
        version = tables.write("audio_features", rows)
    heard, before = summarize_by_sound(rows), known["sound_id"].n_unique()
    return materialized(
        "audio_features",
        rows,
        version,
        renderer=renderer_version() if can_render() else "none: install the extra `audio` to have sounds rendered",
        sounds=f"{len(heard):,} of {len(sounds):,} sounds were heard, {len(heard) - before:,} of them now",
        silent=int(heard["silent"].sum()),
        never_fall_silent=int(heard["sounds_at_rest"].sum()),
    )


@table_asset(GROUP, "families", "unique_voices", "audio_features")
def families(workplace: dg.ResourceParam[Workspace]) -> Result:
    """Bring together what is the same to a musician."""
    from deepdx_core.dedup.audio_similarity import similar_pairs
    from deepdx_core.dedup.families import find_families

    tables = workplace.tables
    sounds = tables.read("unique_voices").filter("in_range")
    rows = find_families(sounds, similar_pairs(tables.read("audio_features")))
    version = tables.write("families", rows)
    largest = rows.filter("family_representative").sort("family_size", "family_id", descending=[True, False])
    return materialized(
        "families",
        rows,
        version,
        functionally_different=int(rows["functional_representative"].sum()),
        families=len(largest),
        largest=markdown_table(largest.select("best_name", "family_size").head(15)),
    )


@table_asset(GROUP, "corruption_training_set", "unique_voices", "families")
def corruption_training_set(workplace: dg.ResourceParam[Workspace]) -> Result:
    """Choose what the corruption models are taught with, unless what was chosen still stands for the corpus."""
    from deepdx_core.quality.corruption import choose_training_set

    tables = workplace.tables
    families = tables.read("families", ["sound_id", "family_id"])
    before = tables.read_or_empty("corruption_training_set")
    rows = choose_training_set(before, tables.read("unique_voices").join(families, on="sound_id"))
    version = tables.write("corruption_training_set", rows)
    kept = len(before) > 0 and rows.equals(before)
    return materialized("corruption_training_set", rows, version, chosen="kept as they were" if kept else "anew")


@table_asset(
    GROUP,
    "verdicts",
    "decoded_voices",
    "unique_voices",
    "audio_features",
    "families",
    "corruption_training_set",
    "overrides",
)
def verdicts(context: dg.AssetExecutionContext, workplace: dg.ResourceParam[Workspace]) -> Result:
    """Judge every sound by the rules, and by the user's word."""
    from deepdx_core.overrides import read_overrides
    from deepdx_core.quality.measures import measure_sounds
    from deepdx_core.quality.rules import load_rules
    from deepdx_core.quality.verdicts import decide_verdicts
    from deepdx_core.sound.audio_features import summarize_by_sound
    from deepdx_core.tables.schemas import VERDICTS

    context.log_event(overrides_event(workplace))
    home, tables = workplace.home, workplace.tables
    rules = load_rules(home.rules)
    said = read_overrides(home.verdicts, "verdict", VERDICTS)
    sounds = tables.read("unique_voices")
    slots = tables.read("decoded_voices", ["sha256", "offset", "slot", "sound_id"])
    find_families = tables.read("families", ["sound_id", "family_id", "family_size"])
    heard = summarize_by_sound(tables.read("audio_features"))
    measured = measure_sounds(sounds, slots, find_families, heard, tables.read("corruption_training_set"), rules.repair)
    rows = decide_verdicts(measured, rules.rules, said)
    version = tables.write("verdicts", rows)
    findings = rows.select("findings").explode("findings", empty_as_null=False, keep_nulls=False).unnest("findings")
    by_rule = findings.group_by("rule", "severity").len("findings").sort("findings", "rule", descending=[True, False])
    by_verdict = dict(rows["verdict"].value_counts().iter_rows())
    return materialized(
        "verdicts",
        rows,
        version,
        verdicts=bar_chart({verdict: by_verdict.get(verdict, 0) for verdict in VERDICTS}, "Sounds by verdict"),
        findings=markdown_table(by_rule),
        by_the_user=int((rows["decided_by"] == "user").sum()),
    )


@table_asset(GROUP, "training_splits", "unique_voices", "audio_features", "families", "labeled_voices")
def training_splits(workplace: dg.ResourceParam[Workspace]) -> Result:
    """Part the families into those that models train on, are chosen on and are judged on. What was assigned stays."""
    from deepdx_core.dataset.splits import assign_splits, withhold_linked
    from deepdx_core.dedup.audio_similarity import similar_pairs

    tables = workplace.tables
    labels = tables.read("labeled_voices", ["sound_id", "label"])
    families = tables.read("families", ["sound_id", "family_id"])
    assigned = assign_splits(labels.join(families, on="sound_id"), tables.read_or_empty("training_splits"))
    splits = withhold_linked(assigned, tables.read("unique_voices"), similar_pairs(tables.read("audio_features")))
    version = tables.write("training_splits", splits)
    present = labels.join(splits, on="sound_id")
    shares = present.pivot("split", index="label", values="sound_id", aggregate_function="len")
    reasons = present["reason"].value_counts(sort=True, name="sounds")
    return materialized(
        "training_splits", splits, version, shares=markdown_table(shares.sort("label")), reasons=markdown_table(reasons)
    )
