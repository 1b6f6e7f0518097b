"""The columns that rules use: one row per sound, one column per measure. `rules.toml` explains each."""

import numpy as np
import polars as pl

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.dedup.functional import functional_parameters
from deepdx_core.dedup.repair import RepairSettings, wild_faults
from deepdx_core.judges.judge import Judge
from deepdx_core.quality.corruption import MAX_SCORE, corruption_scores, neighbor_mean
from deepdx_core.sound.audibility import loudest_db, rest_db
from deepdx_core.voice.parameters import PARAMETER_NAMES

_FULL_BYTES = np.flatnonzero(MAXIMA == 99)
_ALL_BITS = 0x7F
_MIN_FOR_STUCK_BIT = 16
"""Minimum number of different sounds in a dump to find a stuck bit: in so many, each bit is set in some byte and clear
in another unless it is stuck."""


def measure_sounds(
    sounds: pl.DataFrame,
    slots: pl.DataFrame,
    families: pl.DataFrame,
    audio: pl.DataFrame,
    judge: Judge | None,
    settings: RepairSettings,
) -> pl.DataFrame:
    """Return every column that rules may use, one row per sound, sorted by `sound_id`.

    sounds: the table `unique_voices`. slots: `sha256`, `offset`, `slot`, `sound_id` of `decoded_voices`. families:
    `sound_id`, `family_id` and `family_size` of the sounds in range. audio: `sound_id` and features of the rendered
    sounds, from `audio_features.summarize_by_sound`; their columns get the prefix `heard_`. judge: of corruption; None
    for no scores.
    """
    parameters = sounds.select(PARAMETER_NAMES).to_numpy()
    in_order = np.sort(parameters, axis=1)
    faults = np.count_nonzero(parameters > MAXIMA, axis=1)
    base = sounds.select("sound_id", "slots", "files", "repair", *PARAMETER_NAMES).with_columns(
        faults=pl.Series(faults, dtype=pl.UInt8),
        wild_faults=pl.Series(wild_faults(parameters, settings), dtype=pl.UInt8),
        different_values=pl.Series(1 + np.count_nonzero(np.diff(in_order, axis=1), axis=1), dtype=pl.UInt8),
        at_default=pl.Series(np.count_nonzero(parameters == INIT_VOICE, axis=1), dtype=pl.UInt8),
    )
    in_range = sounds.filter("in_range").select("sound_id", *PARAMETER_NAMES)
    frame = (
        base.sort("sound_id")
        .join(_measure_in_range(in_range), on="sound_id", how="left", maintain_order="left")
        .join(families, on="sound_id", how="left", maintain_order="left")
        .pipe(_with_corruption_scores, judge)
        .join(audio.select("sound_id", pl.exclude("sound_id").name.prefix("heard_")), on="sound_id", how="left")
    )
    return frame.join(_measure_places(frame, slots), on="sound_id", how="left").sort("sound_id")


def _measure_in_range(sounds: pl.DataFrame) -> pl.DataFrame:
    parameters = sounds.select(PARAMETER_NAMES).to_numpy()
    from_init = np.count_nonzero(functional_parameters(parameters) != functional_parameters(INIT_VOICE[None]), axis=1)
    return sounds.select(
        "sound_id",
        from_init=pl.Series(from_init, dtype=pl.UInt8),
        loudest_db=pl.Series(loudest_db(parameters), dtype=pl.Float64),
        rest_db=pl.Series(rest_db(parameters), dtype=pl.Float64),
    )


def _with_corruption_scores(sounds: pl.DataFrame, judge: Judge | None) -> pl.DataFrame:
    return sounds.with_columns(
        corruption_score=pl.Series(corruption_scores(sounds, judge)) if judge else pl.lit(None, pl.Float64),
        corruption_model=pl.lit(judge.version if judge else None, pl.String),
    )


def _measure_places(sounds: pl.DataFrame, slots: pl.DataFrame) -> pl.DataFrame:
    """Return the measures from the dumps that contain a sound: neighbor_corruption, neighborhoods, stuck_bit."""
    parameters = sounds.select(PARAMETER_NAMES).to_numpy()[:, _FULL_BYTES]
    known = sounds.select(
        "sound_id",
        ever_set=pl.Series(np.bitwise_or.reduce(parameters, axis=1, initial=0)),
        always_set=pl.Series(np.bitwise_and.reduce(parameters, axis=1, initial=_ALL_BITS)),
        # Blank slots are no evidence about their neighbors; wild values are proof of damage.
        score=pl.when(pl.col("from_init") == 0)
        .then(None)
        .when(pl.col("wild_faults") > 0)
        .then(MAX_SCORE)
        .otherwise("corruption_score"),
    )
    places = (
        slots.sort("sha256", "offset", "slot")
        .join(known, on="sound_id", how="left", maintain_order="left")
        .with_columns(dump=pl.struct("sha256", "offset").rle_id())
        .with_columns(score=pl.when(pl.col("sound_id").is_null()).then(MAX_SCORE).otherwise("score"))
    )
    many = pl.col("sound_id").n_unique().over("dump") >= _MIN_FOR_STUCK_BIT
    stuck_at_0 = _ALL_BITS - pl.col("ever_set").bitwise_or().over("dump")
    stuck_at_1 = pl.col("always_set").bitwise_and().over("dump")
    return (
        places.with_columns(
            neighbor_corruption=neighbor_mean(places["score"], places["dump"]),
            neighbors=pl.struct(
                before=pl.col("sound_id").shift(1).over("dump"), after=pl.col("sound_id").shift(-1).over("dump")
            ),
            stuck=pl.when(many).then(stuck_at_0 | stuck_at_1).otherwise(0),
        )
        .drop_nulls("sound_id")
        .group_by("sound_id")
        .agg(
            # The dump with the best neighbors counts; others may be damaged copies.
            pl.col("neighbor_corruption").min(),
            neighborhoods=pl.col("neighbors").n_unique(),
            stuck_bit=pl.col("stuck").bitwise_and(),
        )
        .with_columns(stuck_bit=pl.when(pl.col("stuck_bit") > 0).then(pl.col("stuck_bit").bitwise_trailing_zeros() + 1))
    )
