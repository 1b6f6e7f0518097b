"""Audio features of rendered voices: whether they are silent, stop sounding, have a pitch."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import polars.selectors as cs

from deepdx_core.arrays import BoolArray, Float32Array, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.audio_features import MAIN

NOISY_UNDER = 0.7
"""Harmonicity at middle C below which a voice has no pitch."""

_KEY = ("sound_id", "note", "velocity")
_NOT_FEATURES = (*_KEY, "renderer", "sample_rate", "held_seconds", "after_seconds")


@dataclass(frozen=True)
class AudioSummary:
    """Audio features of n voices.

    features: `float32[n, k]`, every feature of every clip, nan where a feature is undefined.
    silent: `bool[n]`, never audible, however the voice is played.
    sounding_after: `bool[n]`, not below -60 dB 1.5 s after the key is released, at middle C.
    noisy: `bool[n]`, audible at middle C, but without a pitch.
    """

    features: Float32Array
    silent: BoolArray
    sounding_after: BoolArray
    noisy: BoolArray


def summarize_audio(parameters: UInt8Array, audio: pl.DataFrame) -> AudioSummary:
    """Return the audio features of voices `uint8[n, 145]`. audio: a table `audio_features` with all of them."""
    ids = pl.DataFrame({"sound_id": sound_ids(parameters)})
    audio = audio.join(ids, on="sound_id", how="semi")
    clips = audio.select(*_KEY, (cs.numeric() | cs.boolean()).exclude(_NOT_FEATURES).cast(pl.Float32))
    main = (pl.col("note") == MAIN.note) & (pl.col("velocity") == MAIN.velocity)
    flags = clips.filter(main).select(
        "sound_id",
        silent=pl.col("never_heard") > 0,
        sounding_after=pl.col("end_db") >= SILENCE_DB,
        noisy=(pl.col("harmonicity") < NOISY_UNDER).fill_null(False),
    )
    of_voices = ids.join(flags, on="sound_id", how="left", maintain_order="left")
    features = clips.sort(_KEY).group_by("sound_id", maintain_order=True).agg(pl.exclude(_KEY))
    widths = [features[name].list.to_array(int(features[name].list.len()[0])) for name in features.columns[1:]]
    wide = np.concatenate([column.to_numpy().astype(np.float32) for column in widths], axis=1)
    rows = ids.join(features.select("sound_id").with_row_index("row"), on="sound_id", maintain_order="left")["row"]
    return AudioSummary(wide[rows], *(of_voices[name].to_numpy() for name in ("silent", "sounding_after", "noisy")))
