"""Which DX7 voice a converted voice comes from: the nearest one, in the resolution that conversions keep."""

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.conversions import sy77_laws as laws
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.functional import audible_operators, functional_parameters
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING, near_duplicates_across
from deepdx_core.voice.parameters import INDEX, OPERATORS, PARAMETER_NAMES

_TABLES: dict[str, Int64Array] = {
    **{f"pitch_eg_rate_{n}": laws.PITCH_RATES for n in range(1, 5)},
    **{f"pitch_eg_level_{n}": laws.PITCH_LEVELS for n in range(1, 5)},
    **{f"op{op}_eg_rate_{n}": laws.RATES for op in OPERATORS for n in range(1, 5)},
    **{f"op{op}_eg_level_{n}": laws.LEVELS for op in OPERATORS for n in range(1, 5)},
    **{f"op{op}_output_level": laws.TOTAL_LEVELS for op in OPERATORS},
    "lfo_speed": laws.LFO_SPEEDS,
}
_NOT_KEPT = [
    INDEX["lfo_sync"],
    *(
        INDEX[f"op{op}_{name}"]
        for op in OPERATORS
        for name in ("break_point", "left_depth", "right_depth", "left_curve", "right_curve")
    ),
]
"""Parameters that other converters approximate or leave out."""


def _kept(parameters: UInt8Array) -> UInt8Array:
    """Return what is left of voices `uint8[n, 145]`, all in range, on an SY77."""
    kept = parameters.copy()
    for name, table in _TABLES.items():
        kept[:, INDEX[name]] = table[parameters[:, INDEX[name]]]
    kept[:, _NOT_KEPT] = 0
    return kept


def find_parents(sounds: pl.DataFrame, similar: pl.DataFrame) -> pl.DataFrame:
    """Return the DX7 voice that each converted one comes from: `sound_id`, `parent_id`; without those that have none.

    It is the nearest of those that differ in at most 5 parameters, of what an SY77 keeps. If there is none, one that is
    functionally equal or nearly equal by ear. Those without a parent are near-duplicates of no DX7 voice.
    sounds: rows of `unique_voices` in range. similar: pairs from `audio_similarity.similar_pairs`.
    """
    if not sounds["converted"].any():
        return pl.DataFrame(schema={"sound_id": pl.String, "parent_id": pl.String})
    parameters: UInt8Array = np.ascontiguousarray(sounds.select(PARAMETER_NAMES).to_numpy(), dtype=np.uint8)
    kept = _kept(parameters)
    pairs = near_duplicates_across(kept, sounds["converted"].cast(pl.Int64).to_numpy())
    ids = sounds["sound_id"]
    near = pl.DataFrame({"sound_id": ids.gather(pairs[:, 0]), "other_id": ids.gather(pairs[:, 1])}).with_columns(
        differing=pl.Series(np.count_nonzero(kept[pairs[:, 0]] != kept[pairs[:, 1]], axis=1), dtype=pl.Int64)
    )
    audible = sounds.select("sound_id", functional_id=pl.Series(sound_ids(functional_parameters(parameters)))).filter(
        pl.Series(audible_operators(parameters).any(axis=1))
    )
    equal = audible.join(audible.rename({"sound_id": "other_id"}), on="functional_id").drop("functional_id")
    by_ear = pl.concat([equal, similar.select("sound_id", "other_id")]).with_columns(
        differing=pl.lit(MAX_DIFFERING + 1, pl.Int64)
    )
    links = pl.concat([near, by_ear])
    both_ways = pl.concat([links, links.rename({"sound_id": "other_id", "other_id": "sound_id"}).select(links.columns)])
    converted = sounds.filter("converted").select("sound_id")
    return (
        both_ways.join(converted, on="sound_id", how="semi")
        .join(sounds.filter(~pl.col("converted")), left_on="other_id", right_on="sound_id", how="semi")
        .sort("sound_id", "differing", "other_id")
        .unique("sound_id", keep="first", maintain_order=True)
        .select("sound_id", parent_id="other_id")
    )
