"""Sounds that are nearly equal by ear, found by their audio features."""

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

from deepdx_core.arrays import Float64Array
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.tables.audio import BAND_EDGES, CONTOUR_AFTER, CONTOUR_HELD

RADIUS = 0.5
"""Maximum difference between two similar sounds in decibels, as the root mean square over all features.

Chosen by changing 160 real voices, one parameter at a time. Inaudible parameters make no difference at all. A step of
LFO speed or of an envelope rate nearly always stays within the radius, a step of an output level or of detune in fewer
than half of the voices, a semitone or an octave never. Precision matters more than recall: most pairs missed here are
found by their parameters.
"""

_MASKED_DB = 40.0
_DB_PER_SEMITONE = 4.0
_LOWEST_HZ = 20.0
_CHUNK = 100_000  # pairs
_DIMENSIONS = 8  # of the first search for neighbors: a projection never makes distances longer
_COLUMNS = (
    *(f"level_{n + 1}" for n in range(len(CONTOUR_HELD) + len(CONTOUR_AFTER))),
    *(f"{frame}_band_{n + 1}" for frame in ("early", "late") for n in range(len(BAND_EDGES) - 1)),
)


def similar_pairs(audio: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of sounds nearly equal by ear: `sound_id` and the larger `other_id`, sorted.

    audio: the table `audio_features`. Two sounds are similar if all their clips have the same loudness contour, power
    in each band, pitch and brightness, within `RADIUS`. Levels 40 dB below a clip's loudest hardly count. Exact: all
    such pairs are found. Sounds that are silent at any key press (`never_heard`) are similar to none.
    """
    audio = audio.sort("sound_id", "note", "velocity")
    sounds = audio.unique("sound_id", maintain_order=True)
    audible = np.flatnonzero(~sounds["never_heard"].to_numpy())
    ids = sounds["sound_id"].gather(audible)
    if len(audible) < 2:
        return pl.DataFrame({"sound_id": ids.clear(), "other_id": ids.clear()})
    vectors = _vectors(audio)[audible]
    radius = RADIUS * vectors.shape[1] ** 0.5
    _, axes = np.linalg.eigh(np.cov(vectors, rowvar=False))
    near = cKDTree(vectors @ axes[:, -_DIMENSIONS:]).query_pairs(radius * (1 + 1e-9), output_type="ndarray")
    within = [
        part[((vectors[part[:, 0]] - vectors[part[:, 1]]) ** 2).sum(axis=1) <= radius**2]
        for part in np.array_split(near, len(near) // _CHUNK + 1)
    ]
    pairs = np.sort(np.concatenate(within), axis=1)
    return pl.DataFrame({"sound_id": ids.gather(pairs[:, 0]), "other_id": ids.gather(pairs[:, 1])}).sort(pl.all())


def _vectors(audio: pl.DataFrame) -> Float64Array:
    """Return each sound of the sorted table as a vector in decibels, `float64[sounds, features]`."""
    clips = audio.partition_by("note", "velocity", maintain_order=True)
    return np.concatenate([_clip_vectors(clip) for clip in clips], axis=1)


def _clip_vectors(clip: pl.DataFrame) -> Float64Array:
    levels = clip.select(_COLUMNS).to_numpy().astype(np.float64)
    floor = np.maximum(levels.max(axis=1, keepdims=True), SILENCE_DB) - _MASKED_DB
    masked = 10 * np.log10(10 ** (levels / 10) + 10 ** (floor / 10))
    hertz = clip.select(pl.col("pitch_hz", "brightness_hz").fill_null(_LOWEST_HZ)).to_numpy().astype(np.float64)
    semitones = 12 * np.log2(hertz.clip(_LOWEST_HZ) / _LOWEST_HZ)
    return np.concatenate([masked, _DB_PER_SEMITONE * semitones], axis=1)
