"""Exact duplicates: voices with equal parameters become one sound, which keeps all names and counts its sources."""

import numpy as np
import polars as pl

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.repair import RepairSettings, repair
from deepdx_core.tables.curation import UniqueVoices
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import PARAMETER_NAMES


def unique_sounds(
    decoded: pl.DataFrame, settings: RepairSettings, converted: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the distinct sounds of `decoded_voices` and `converted_voices` as rows of `unique_voices`, sorted by key.

    Voices with a byte over 127 have no parameters and are left out, like those without a counterpart. A sound that can
    be repaired keeps its row; the repaired sound gets one too, with the names of both. Converted voices are no evidence
    for repairs: they have lost something.
    """
    columns = ["sound_id", "name", "sha256", *PARAMETER_NAMES]
    parts = [decoded.select(*columns, converted=False)]
    if converted is not None:
        parts.append(converted.select(*columns, converted=True))
    voices = pl.concat(parts).filter(pl.col("sound_id").is_not_null())
    found = (
        voices.group_by("sound_id")
        .agg(
            pl.col(PARAMETER_NAMES).first(),
            pl.col("converted").all(),
            slots=pl.len(),
            files=pl.col("sha256").n_unique(),
        )
        .sort("sound_id")
    )
    repairs, repaired = _repair(found.filter(~pl.col("converted")), settings)
    sounds = pl.concat([found, repaired.join(found, on="sound_id", how="anti")], how="diagonal_relaxed").with_columns(
        pl.col("slots", "files").fill_null(0),
        converted=pl.col("converted").fill_null(False) & ~pl.col("sound_id").is_in(repaired["sound_id"].implode()),
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


def _repair(found: pl.DataFrame, settings: RepairSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the repairs (`sound_id`, `repaired_id`, `repair`) and the distinct repaired sounds."""
    result = repair(found.select(PARAMETER_NAMES).to_numpy(), settings)
    ids = pl.Series("repaired_id", sound_ids(result.parameters), dtype=pl.String)
    repairs = found[result.rows].select("sound_id").with_columns(ids, repair=pl.Series(result.how, dtype=pl.String))
    repaired = pl.DataFrame(result.parameters, schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8)).with_columns(
        ids.alias("sound_id")
    )
    return repairs, repaired.unique("sound_id", maintain_order=True)


def _names(voices: pl.DataFrame) -> pl.DataFrame:
    """Return every name of each sound, the most common first (by files), then in alphabetical order."""
    counts = voices.group_by("sound_id", "name").agg(count=pl.col("sha256").n_unique())
    # A blank name represents a sound only if there is no other.
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
