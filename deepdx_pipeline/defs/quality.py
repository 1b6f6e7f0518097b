"""Quality: the verdict on each sound."""

from deepdx_core.versions import CURATION_VERSION
from deepdx_pipeline.inputs import judge_files
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import Result, markdown_table, materialized, table_asset

GROUP = "quality"


@table_asset(
    "verdicts",
    group=GROUP,
    deps=["decoded_voices", "converted_voices", "unique_voices", "audio_features", "families", "rules", "overrides"],
    code_version=str(CURATION_VERSION),
    reads=judge_files,
)
def verdicts(home: HomeResource) -> Result:
    """Decide a verdict on every sound by the rules, with a judge's corruption score, and the user's overrides."""
    from deepdx_core.judges.store import load_judge
    from deepdx_core.overrides import read_overrides
    from deepdx_core.quality.measures import measure_sounds
    from deepdx_core.quality.rules import load_rules
    from deepdx_core.quality.verdicts import decide_verdicts
    from deepdx_core.sound.audio_features import summarize_by_sound
    from deepdx_core.tables.curation import VERDICTS

    tables = home.tables
    rules = load_rules(home.paths.rules)
    overrides = read_overrides(home.paths.verdicts, "verdict", VERDICTS)
    measured = measure_sounds(
        tables.read("unique_voices"),
        tables.read_slots(["sha256", "offset", "slot", "sound_id"]),
        tables.read("families", ["sound_id", "family_id", "family_size"]),
        summarize_by_sound(tables.read("audio_features")),
        load_judge(home.paths, "corruption", rules.judges.corruption),
        rules.repair,
    )
    rows = decide_verdicts(measured, rules.rules, overrides)
    version = tables.write("verdicts", rows)
    findings = rows.select("findings").explode("findings", empty_as_null=False, keep_nulls=False).unnest("findings")
    by_rule = findings.group_by("rule", "severity").len("findings").sort("findings", "rule", descending=[True, False])
    return materialized(
        home,
        "verdicts",
        rows,
        version,
        findings=markdown_table(by_rule),
        by_the_user=int((rows["decided_by"] == "user").sum()),
    )
