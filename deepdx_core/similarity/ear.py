"""Audio feature vectors, scaled so that the root mean square of a difference is a distance in decibels."""

import numpy as np
import polars as pl

from deepdx_core.arrays import Float32Array
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.audio_features import CLIPS, MAIN
from deepdx_core.tables.audio import BAND_EDGES, CONTOUR_AFTER, CONTOUR_HELD

_KEY = ["sound_id", "note", "velocity"]
_MASKED_DB = 40.0  # below the loudest of a clip: hardly audible beside it
_LEVELS = (
    *(f"level_{n + 1}" for n in range(len(CONTOUR_HELD) + len(CONTOUR_AFTER))),
    *(f"{frame}_band_{n + 1}" for frame in ("early", "late") for n in range(len(BAND_EDGES) - 1)),
)
_LOWEST_HZ = 20.0


def _octaves(name: str, lowest: float, missing: float) -> pl.Expr:
    return (pl.col(name).fill_null(missing).clip(lowest) / lowest).log(2)


# Decibels by unit: each makes about as much difference between two sounds as a level does. Half as much or twice as
# much hardly changes how often the neighbors of a sound have its category.
_FEATURES = (
    6 * _octaves("pitch_hz", _LOWEST_HZ, _LOWEST_HZ),  # low: octave errors are common, and no voice is its register
    9 * _octaves("brightness_hz", _LOWEST_HZ, _LOWEST_HZ),
    6 * _octaves("attack_seconds", 0.02, 0.02),
    6 * _octaves("decay_seconds", 0.02, 4.0),  # null: not within the clip
    4 * _octaves("release_seconds", 0.02, 3.0),  # null: not within the clip
    0.5 * pl.col("sustain_db").fill_null(0).clip(-_MASKED_DB, 0),
    40 * pl.col("harshness").fill_null(0),
    100 * pl.col("flatness").fill_null(0),
    50 * pl.col("harmonicity").fill_null(0),
)

DIMENSIONS = len(CLIPS) * (len(_LEVELS) + len(_FEATURES) + 1) - 1
"""Length of a vector."""


def ear_vectors(audio: pl.DataFrame) -> tuple[pl.Series, Float32Array]:
    """Return the ids of sounds, sorted, and a vector of each, `float32[n, DIMENSIONS]`.

    audio: a table `audio_features` with all clips of each sound. A vector has the loudness contour, the power in each
    band, pitch, brightness and times of each clip, and how much softer than middle C the other clips are. How loud the
    sound is as a whole does not count.
    """
    clips = audio.sort(_KEY)
    ids = clips["sound_id"].unique(maintain_order=True)
    loudest, parts = [], []
    for clip in sorted(CLIPS, key=lambda clip: (clip.note, clip.velocity)):
        rows = clips.filter((pl.col("note") == clip.note) & (pl.col("velocity") == clip.velocity))
        levels = rows.select(_LEVELS).to_numpy().astype(np.float64)
        top = np.maximum(levels.max(axis=1, keepdims=True), SILENCE_DB)
        masked = 10 * np.log10(10 ** ((levels - top) / 10) + 10 ** (-_MASKED_DB / 10))
        features = rows.select(feature.alias(str(n)) for n, feature in enumerate(_FEATURES)).to_numpy()
        parts += [masked, features]
        if clip is MAIN:
            main = top
        else:
            loudest.append(top)
    parts += [other - main for other in loudest]
    # Rounded so that a sound has the same vector on every machine.
    return ids, np.round(np.concatenate(parts, axis=1), 2).astype(np.float32)
