"""Audio features of rendered voices: whether they are silent, stop sounding, have a pitch."""

from dataclasses import dataclass

import polars as pl

from deepdx_core.arrays import BoolArray, Float32Array, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.audio_features import FEATURES, MAIN, collect_features

NOISY_UNDER = 0.7
"""Harmonicity at middle C below which a voice has no pitch."""

_FEATURES = [pl.col(name).cast(pl.Float32) for name in FEATURES]


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
    main = (pl.col("note") == MAIN.note) & (pl.col("velocity") == MAIN.velocity)
    flags = audio.filter(main).select(
        "sound_id",
        silent="never_heard",
        sounding_after=pl.col("end_db") >= SILENCE_DB,
        noisy=(pl.col("harmonicity") < NOISY_UNDER).fill_null(False),
    )
    ids = pl.DataFrame({"sound_id": sound_ids(parameters)})
    of_voices = ids.join(flags, on="sound_id", how="left", maintain_order="left")
    # Feature by feature, each with its clips: the order of columns decides ties between splits of a tree.
    features = collect_features(parameters, audio, _FEATURES).transpose(0, 2, 1).reshape(len(parameters), -1)
    return AudioSummary(features, *(of_voices[name].to_numpy() for name in ("silent", "sounding_after", "noisy")))
