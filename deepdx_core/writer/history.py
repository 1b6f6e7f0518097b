"""The history of a training run: one row per validation."""

import numpy as np

from deepdx_core.arrays import Float64Array

HISTORY = ("step", "training_loss", "validation_loss", "validation_c2st")
"""Columns of a history: losses in bits per voice, and the C2ST of `deepdx_core.evaluation.metrics.c2st`."""


def best_validation(history: Float64Array) -> int:
    """Return the row of the validation whose weights are kept, the one with the lowest C2ST.

    Ties are decided by the lowest loss. A C2ST of nan, which few voices give, counts as the highest.
    """
    return int(np.lexsort((history[:, 2], history[:, 3]))[0])
