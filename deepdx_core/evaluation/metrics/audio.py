"""What generated voices sound like, beside real ones: features of rendered clips, where Dexed's engine is there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.audio_features import MAIN

NOISY_UNDER = 0.7
"""Harmonicity at middle C under which no pitch is found."""

_KEY = ("sound_id", "note", "velocity")
_NOT_HEARD = (*_KEY, "renderer", "sample_rate", "held_seconds", "after_seconds")


@dataclass(frozen=True)
class AudioSummary:
    """What was heard of n voices.

    features: `float32[n, k]`, every measure of every clip, nan where there is none.
    silent: `bool[n]`, never heard, whatever was tried.
    sounding_after: `bool[n]`, not yet under -60 dB 1.5 s after the key was let go, at middle C.
    noisy: `bool[n]`, heard at middle C, and without a pitch.
    """

    features: npt.NDArray[np.float32]
    silent: BoolArray
    sounding_after: BoolArray
    noisy: BoolArray


def summarize_audio(parameters: UInt8Array, audio: pl.DataFrame) -> AudioSummary:
    """What was heard of voices, `uint8[n, 145]`, all of which stand in the table `audio`."""
    ids = pl.DataFrame({"sound_id": sound_ids(parameters)})
    audio = audio.join(ids, on="sound_id", how="semi")
    clips = audio.select(*_KEY, (cs.numeric() | cs.boolean()).exclude(_NOT_HEARD).cast(pl.Float32))
    main = (pl.col("note") == MAIN.note) & (pl.col("velocity") == MAIN.velocity)
    shares = clips.filter(main).select(
        "sound_id",
        silent=pl.col("never_heard") > 0,
        after=pl.col("end_db") >= SILENCE_DB,
        noisy=(pl.col("harmonicity") < NOISY_UNDER).fill_null(False),
    )
    told = ids.join(shares, on="sound_id", how="left", maintain_order="left")
    features = clips.sort(_KEY).group_by("sound_id", maintain_order=True).agg(pl.exclude(_KEY))
    widths = [features[name].list.to_array(int(features[name].list.len()[0])) for name in features.columns[1:]]
    wide = np.concatenate([column.to_numpy().astype(np.float32) for column in widths], axis=1)
    rows = ids.join(features.select("sound_id").with_row_index("row"), on="sound_id", maintain_order="left")["row"]
    return AudioSummary(wide[rows], *(told[name].to_numpy() for name in ("silent", "after", "noisy")))
