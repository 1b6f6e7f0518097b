"""Which voices are the same sound: exact duplicates become one row that keeps all names and sources."""

import polars as pl

from deepdx_core.tables.schemas import UniqueVoices
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import PARAMETER_NAMES


def unique_sounds(decoded: pl.DataFrame) -> pl.DataFrame:
    """The sounds among `decoded` voices (the table of that name), as rows of `unique_voices`, sorted by key.

    Voices with a byte over 127 have no parameters and so are no sounds.
    """
    voices = decoded.filter(pl.col("sound_id").is_not_null())
    sounds = voices.group_by("sound_id").agg(
        pl.col("valid", "findings", *PARAMETER_NAMES).first(),
        slots=pl.len(),
        files=pl.col("sha256").n_unique(),
    )
    return (
        sounds.join(_names(voices), on="sound_id")
        .join(_carriers(), on="algorithm", how="left")
        .with_columns(carrier_levels_4=_levels_4())
        .with_columns(pl.col("carriers", "carrier_levels_4").fill_null([]))
        .sort("sound_id")
        .select(pl.col(name).cast(dtype) for name, dtype in UniqueVoices.create_empty().schema.items())
    )


def _names(voices: pl.DataFrame) -> pl.DataFrame:
    """Every name of each sound, the one that most files give it first, then by the alphabet."""
    counts = voices.group_by("sound_id", "name").agg(count=pl.col("sha256").n_unique())
    # A blank name is the last to stand for a sound.
    ordered = counts.sort(pl.col("name") == "", -pl.col("count").cast(pl.Int64), "name")
    return ordered.group_by("sound_id", maintain_order=True).agg(
        name=pl.col("name").first(), names=pl.col("name"), name_counts=pl.col("count")
    )


def _carriers() -> pl.DataFrame:
    return pl.DataFrame(
        {"algorithm": range(len(ALGORITHMS)), "carriers": [list(a.carriers) for a in ALGORITHMS]},
        schema={"algorithm": pl.UInt8, "carriers": pl.List(pl.UInt8)},
    )


def _levels_4() -> pl.Expr:
    levels = pl.concat_list(f"op{operator}_eg_level_4" for operator in range(1, 7))
    return levels.list.gather(pl.col("carriers") - 1)
