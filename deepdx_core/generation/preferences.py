"""Preferences among candidates beside the critic's: the user's taste, and likeness to a recording."""

from typing import NamedTuple

import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.errors import DeepDXError
from deepdx_core.generation.request import Preference
from deepdx_core.progress import Report, silent
from deepdx_core.similarity.index import SoundIndex
from deepdx_core.similarity.matching import distances_to_recording
from deepdx_core.similarity.recordings import Recording
from deepdx_core.tables.storage import Tables
from deepdx_core.taste.model import Taste

STRENGTH_LIKE_RECORDING = 0.05
"""Strength of variations like a recording, unless the user names one: they stay nearer to it than with 0.15."""

_NEAREST = 8  # sounds of the corpus that voices like a recording derive from, at most
_SEARCHED = 128
_TIMES = 2  # the distance of the nearest, within which the others are
_LIKENESS = 0.25  # distance from a recording that makes a candidate less likely by a factor of e


class UnknownTasteError(DeepDXError):
    """There are not enough ratings to learn a taste from."""


class Heard(NamedTuple):
    """The sounds of a corpus most like a recording, the nearest first, and a preference for candidates like it.

    voices: `uint8[n, 145]`.
    """

    voices: UInt8Array
    names: list[str]
    preference: Preference


def prefer_taste(taste: Taste) -> Preference:
    """Return the preference of a taste: log-odds that the user would like a voice. Raises UnknownTasteError."""
    if taste.agreement is None:
        raise UnknownTasteError(
            f"{taste.ratings} ratings of sounds in the corpus tell no taste: it takes 8, and not all the same; "
            "`deepdx pick --next-to-rate 10` names sounds to rate"
        )
    return lambda parameters, audio: taste.log_odds(taste.features.of_voices(parameters, audio))


def hear(index: SoundIndex, recording: Recording, report: Report = silent) -> Heard:
    """Look up the sounds most like a recording: the nearest, and those at the same note and at most twice as far."""
    found = index.by_recording(recording, _SEARCHED, report=report)
    note, nearest = found["note"][0], found["distance"][0]
    found = found.filter(pl.col("note") == note, pl.col("distance") <= _TIMES * nearest).head(_NEAREST)
    named = found.join(
        Tables(index.home).read("unique_voices", ["sound_id", "name"]), on="sound_id", maintain_order="left"
    )

    def prefer(parameters: UInt8Array, audio: pl.DataFrame | None) -> Float64Array:
        distances = distances_to_recording(recording, parameters, np.full(len(parameters), note))
        return -distances.astype(np.float64) / _LIKENESS

    rows = index.sound_ids.search_sorted(found["sound_id"]).to_numpy()
    return Heard(index.parameters[rows], named["name"].to_list(), prefer)
