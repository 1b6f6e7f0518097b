"""Which sounds are nearly equal by ear, told from what they measure."""

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

from deepdx_core.arrays import Float64Array
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.tables.audio import BAND_EDGES, CONTOUR_AFTER, CONTOUR_HELD

RADIUS = 0.5
"""Decibels by which two sounds may differ, as the root mean square over all measures.

Found by changing 160 real voices, one parameter at a time. What cannot be heard makes no difference at all; a step of
LFO speed or of an envelope's rate stays within the radius nearly always, a step of an output level or of detune in
fewer than half of the voices, a semitone or an octave never did. Precision before recall: what is missed here is mostly
found by its parameters.
"""

_MASKED_DB = 40.0
_DB_A_SEMITONE = 4.0
_LOWEST_HZ = 20.0
_CHUNK = 100_000  # pairs
_DIMENSIONS = 8  # in which neighbors are sought first: distances in fewer dimensions are never longer
_COLUMNS = (
    *(f"level_{n + 1}" for n in range(len(CONTOUR_HELD) + len(CONTOUR_AFTER))),
    *(f"{frame}_band_{n + 1}" for frame in ("early", "late") for n in range(len(BAND_EDGES) - 1)),
)


def similar_pairs(audio: pl.DataFrame) -> pl.DataFrame:
    """Pairs of sounds nearly equal by ear: `sound_id` and the larger `other_id`, sorted.

    `audio` is the table `audio_features`. Two sounds are alike where all their clips go equally loud, with equal power
    in each band, and at the same pitch and brightness, within `RADIUS`. What is 40 dB under a clip's loudest hardly
    counts. All such pairs are found; sounds that are never heard are like none.
    """
    audio = audio.sort("sound_id", "note", "velocity")
    sounds = audio.unique("sound_id", maintain_order=True)
    heard = np.flatnonzero(~sounds["never_heard"].to_numpy())
    ids = sounds["sound_id"].gather(heard)
    if len(heard) < 2:
        return pl.DataFrame({"sound_id": ids.clear(), "other_id": ids.clear()})
    measured = _vectors(audio)[heard]
    radius = RADIUS * measured.shape[1] ** 0.5
    _, axes = np.linalg.eigh(np.cov(measured, rowvar=False))
    near = cKDTree(measured @ axes[:, -_DIMENSIONS:]).query_pairs(radius * (1 + 1e-9), output_type="ndarray")
    within = [
        part[((measured[part[:, 0]] - measured[part[:, 1]]) ** 2).sum(axis=1) <= radius**2]
        for part in np.array_split(near, len(near) // _CHUNK + 1)
    ]
    pairs = np.sort(np.concatenate(within), axis=1)
    return pl.DataFrame({"sound_id": ids.gather(pairs[:, 0]), "other_id": ids.gather(pairs[:, 1])}).sort(pl.all())


def _vectors(audio: pl.DataFrame) -> Float64Array:
    """Each sound of the sorted table as a vector in decibels, `float64[sounds, measures]`."""
    clips = audio.partition_by("note", "velocity", maintain_order=True)
    return np.concatenate([_of_clip(clip) for clip in clips], axis=1)


def _of_clip(clip: pl.DataFrame) -> Float64Array:
    levels = clip.select(_COLUMNS).to_numpy().astype(np.float64)
    floor = np.maximum(levels.max(axis=1, keepdims=True), SILENCE_DB) - _MASKED_DB
    heard = 10 * np.log10(10 ** (levels / 10) + 10 ** (floor / 10))
    hertz = clip.select(pl.col("pitch_hz", "brightness_hz").fill_null(_LOWEST_HZ)).to_numpy().astype(np.float64)
    semitones = 12 * np.log2(hertz.clip(_LOWEST_HZ) / _LOWEST_HZ)
    return np.concatenate([heard, _DB_A_SEMITONE * semitones], axis=1)
