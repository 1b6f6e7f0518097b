"""Deduplication: exact duplicates become one sound, near-duplicates one family."""

from deepdx_core.versions import CONVERSION_VERSION, CURATION_VERSION
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import Result, markdown_table, materialized, table_asset

GROUP = "dedup"


@table_asset(
    "unique_voices",
    group=GROUP,
    deps=["decoded_voices", "converted_voices", "rules"],
    code_version=str(CURATION_VERSION),
)
def unique_voices(home: HomeResource) -> Result:
    """Merge exact duplicates into sounds, and repair parameters where the repair is certain."""
    from deepdx_core.dedup.exact import unique_sounds
    from deepdx_core.quality.rules import load_rules

    tables = home.tables
    repair = load_rules(home.paths.rules).repair
    sounds = unique_sounds(tables.read("decoded_voices"), repair, tables.read("converted_voices"))
    version = tables.write("unique_voices", sounds)
    commonest = sounds.sort("files", "sound_id", descending=[True, False]).select("name", "files", "slots").head(15)
    repairs = sounds.drop_nulls("repair")["repair"].value_counts(sort=True, name="sounds")
    return materialized(
        home,
        "unique_voices",
        sounds,
        version,
        in_range=int(sounds["in_range"].sum()),
        converted=int(sounds["converted"].sum()),
        repairs=markdown_table(repairs),
        commonest=markdown_table(commonest),
    )


@table_asset(
    "families",
    group=GROUP,
    deps=["unique_voices", "audio_features"],
    code_version=f"{CURATION_VERSION}.{CONVERSION_VERSION}",
)
def families(home: HomeResource) -> Result:
    """Group near-duplicates, by parameters and by ear; converted voices join the families that they come from."""
    from deepdx_core.conversions.kin import find_parents
    from deepdx_core.dedup.families import find_families

    sounds = home.tables.read("unique_voices").filter("in_range")
    parents = find_parents(sounds, home.similar_pairs())
    rows = find_families(sounds, home.similar_pairs(), parents)
    version = home.tables.write("families", rows)
    largest = rows.filter("family_representative").sort("family_size", "family_id", descending=[True, False])
    return materialized(
        home,
        "families",
        rows,
        version,
        functionally_different=int(rows["functional_representative"].sum()),
        families=len(largest),
        converted_with_a_family=len(parents),
        largest=markdown_table(largest.select("best_name", "family_size").head(15)),
    )
