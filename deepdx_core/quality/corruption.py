"""The corruption score: log-odds that a voice is damaged or random data, by the judge of corruption.

Damaged data can pass every range check: lost bytes, a stuck bit, random values. `deepdx_core.judging` trains the judge.
"""

import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.judges.judge import Judge
from deepdx_core.voice.parameters import PARAMETER_NAMES

MAX_SCORE = 8.0
"""Bound of every score, and the score of unreadable slots: one voice alone must not decide for its neighbors."""

_NEIGHBORS = 6  # on each side


def corruption_scores(sounds: pl.DataFrame, judge: Judge) -> Float64Array:
    """Return the log-odds that sounds are damaged or random data, `float64[n]`, within -MAX_SCORE and MAX_SCORE.

    sounds: `sound_id` and the parameters; those out of range are clipped to their maxima. The odds assume that half of
    all sounds are damaged.
    """
    parameters = np.minimum(sounds.select(PARAMETER_NAMES).to_numpy(), MAXIMA)
    return judge.score(parameters, sounds["sound_id"])[:, 0].clip(-MAX_SCORE, MAX_SCORE)


def neighbor_mean(scores: pl.Series, dumps: pl.Series) -> pl.Series:
    """Return the mean score of up to six neighbors on each side in the same dump, null if all of them are null.

    scores: of each slot in order, null for blank slots. dumps: an id of the dump of each slot.
    """
    frame = pl.DataFrame({"score": scores, "dump": dumps})
    steps = [step for step in range(-_NEIGHBORS, _NEIGHBORS + 1) if step]
    neighbors = frame.select(pl.col("score").shift(step).over("dump").alias(str(step)) for step in steps)
    # Summed by NumPy in this order: polars sums columns in the order of its threads, which changes the last digit.
    known = neighbors.select(pl.all().is_not_null()).to_numpy().sum(axis=1)
    sums = neighbors.fill_null(0.0).to_numpy().sum(axis=1)
    return pl.Series(sums / np.where(known, known, np.nan)).fill_nan(None)
