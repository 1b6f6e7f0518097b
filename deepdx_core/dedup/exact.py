"""Which voices are the same sound: exact duplicates become one row that keeps all names and counts its sources."""

import numpy as np
import polars as pl

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.repair import RepairSettings, repair
from deepdx_core.tables.curation import UniqueVoices
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import PARAMETER_NAMES


def unique_sounds(decoded: pl.DataFrame, settings: RepairSettings) -> pl.DataFrame:
    """The sounds among `decoded` voices (the table of that name), as rows of `unique_voices`, sorted by key.

    Voices with a byte over 127 have no parameters and so are no sounds. A sound out of range that can be put right
    keeps its row, and what the repair makes of it is a sound too; that one has all names of both.
    """
    voices = decoded.filter(pl.col("sound_id").is_not_null())
    found = (
        voices.group_by("sound_id")
        .agg(pl.col(PARAMETER_NAMES).first(), slots=pl.len(), files=pl.col("sha256").n_unique())
        .sort("sound_id")
    )
    repairs, made = _repaired(found, settings)
    sounds = pl.concat([found, made.join(found, on="sound_id", how="anti")], how="diagonal_relaxed").with_columns(
        pl.col("slots", "files").fill_null(0)
    )
    parameters = sounds.select(PARAMETER_NAMES).to_numpy()
    named = pl.concat(
        [
            voices.select("sound_id", "name", "sha256"),
            voices.join(repairs, on="sound_id").select("name", "sha256", sound_id="repaired_id"),
        ],
        how="diagonal",
    )
    return (
        sounds.with_columns(in_range=pl.Series(np.all(parameters <= MAXIMA, axis=1)))
        .join(_names(named), on="sound_id")
        .join(repairs, on="sound_id", how="left")
        .join(_carriers(), on="algorithm", how="left")
        .with_columns(carrier_levels_4=_levels_4())
        .with_columns(pl.col("carriers", "carrier_levels_4").fill_null([]))
        .sort("sound_id")
        .select(pl.col(name).cast(dtype) for name, dtype in UniqueVoices.create_empty().schema.items())
    )


def _repaired(found: pl.DataFrame, settings: RepairSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Which sounds were put right and how (`sound_id`, `repaired_id`, `repair`), and the sounds that made."""
    mended = repair(found.select(PARAMETER_NAMES).to_numpy(), settings)
    ids = pl.Series("repaired_id", sound_ids(mended.parameters), dtype=pl.String)
    repairs = found[mended.rows].select("sound_id").with_columns(ids, repair=pl.Series(mended.how, dtype=pl.String))
    made = pl.DataFrame(mended.parameters, schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8)).with_columns(
        ids.alias("sound_id")
    )
    return repairs, made.unique("sound_id", maintain_order=True)


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
