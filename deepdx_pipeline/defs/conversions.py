"""Conversions: voices of other Yamahas as DX7 voices, supplements of DX7II voices, and performances."""

import polars as pl

from deepdx_core.versions import CONVERSION_VERSION
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import Result, markdown_table, materialized, table_asset

GROUP = "conversions"


@table_asset("converted_voices", group=GROUP, deps=["synth_messages"], code_version=str(CONVERSION_VERSION))
def converted_voices(home: HomeResource) -> Result:
    """Convert every voice of every new message, and list what is lost."""
    from deepdx_core.conversions.corpus import CONVERTED_BY, convert_messages

    tables = home.tables
    known = tables.read_or_empty("converted_voices") if tables.made_by("converted_voices") == CONVERTED_BY else None
    voices = convert_messages(tables.read("synth_messages"), known)
    version = tables.write("converted_voices", voices, made_by=CONVERTED_BY)
    sounds = voices.group_by("synth").agg(voices=pl.len(), sounds=pl.col("sound_id").drop_nulls().n_unique())
    losses = voices.select("synth", lost="losses").explode("lost").drop_nulls().group_by("synth", "lost").len("voices")
    return materialized(
        home,
        "converted_voices",
        voices,
        version,
        sounds=markdown_table(sounds.sort("synth")),
        losses=markdown_table(losses.sort("voices", "synth", "lost", descending=[True, False, False]).head(40)),
    )


@table_asset(
    "supplements", group=GROUP, deps=["synth_messages", "decoded_voices"], code_version=str(CONVERSION_VERSION)
)
def supplements(home: HomeResource) -> Result:
    """Find the supplement of each DX7II voice."""
    from deepdx_core.conversions.corpus import list_supplements

    tables = home.tables
    rows = list_supplements(tables.read("synth_messages"), tables.read("decoded_voices"))
    return materialized(home, "supplements", rows, tables.write("supplements", rows))


@table_asset("performances", group=GROUP, deps=["synth_messages"], code_version=str(CONVERSION_VERSION))
def performances(home: HomeResource) -> Result:
    """List the performances in all messages."""
    from deepdx_core.conversions.corpus import list_performances

    rows = list_performances(home.tables.read("synth_messages"))
    version = home.tables.write("performances", rows)
    return materialized(home, "performances", rows, version, kinds=markdown_table(rows["kind"].value_counts(sort=True)))
