"""Sound: audio features of rendered notes, and the map of sounds."""

import dagster as dg
from pydantic import Field

from deepdx_core.versions import ENGINE_VERSION, FEATURES_VERSION, MAP_VERSION
from deepdx_pipeline.progress import progress_of
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import Result, materialized, table_asset

GROUP = "sound"


class RenderConfig(dg.Config):
    """Configuration of `audio_features`."""

    render: bool = Field(
        True, description="Render new sounds. The features of sounds rendered earlier are kept either way."
    )


@table_asset("audio_features", group=GROUP, deps=["unique_voices"], code_version=f"{ENGINE_VERSION}.{FEATURES_VERSION}")
def audio_features(context: dg.AssetExecutionContext, config: RenderConfig, home: HomeResource) -> Result:
    """Render every sound in range that has no features yet, and measure the clips."""
    import polars as pl

    from deepdx_core.sound.audio_features import compute_audio_features, renderer_version, summarize_by_sound
    from deepdx_core.voice.parameters import PARAMETER_NAMES

    tables = home.tables
    sounds = tables.read("unique_voices", ["sound_id", "in_range", *PARAMETER_NAMES]).filter("in_range")
    known = rows = tables.read_or_empty("audio_features").join(sounds, on="sound_id", how="semi")
    if config.render:
        # Written at intervals, so that an interrupted run loses little work.
        for rows in compute_audio_features(sounds, known, progress_of(context)):
            version = tables.write("audio_features", rows)
    else:
        version = tables.write("audio_features", rows)
    rendered = summarize_by_sound(rows)
    before = (known.filter(pl.col("renderer") == renderer_version()) if config.render else known)["sound_id"].n_unique()
    return materialized(
        home,
        "audio_features",
        rows,
        version,
        renderer=renderer_version(),
        sounds=f"{len(rendered):,} of {len(sounds):,} sounds rendered, {len(rendered) - before:,} of them in this run",
        silent=int(rendered["silent"].sum()),
        never_fall_silent=int(rendered["sounds_at_rest"].sum()),
    )


@table_asset("sound_map", group=GROUP, deps=["audio_features", "verdicts"], code_version=str(MAP_VERSION))
def sound_map(home: HomeResource) -> Result:
    """Place every valid sound on the map."""
    import polars as pl

    from deepdx_core.similarity.sound_map import place_sounds

    tables = home.tables
    valid = tables.read("verdicts", ["sound_id", "verdict"]).filter(pl.col("verdict") == "valid")
    rows = place_sounds(tables.read("audio_features").join(valid, on="sound_id", how="semi"))
    version = tables.write("sound_map", rows)
    return materialized(home, "sound_map", rows, version)
