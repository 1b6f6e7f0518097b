"""The history of a training run: one row per validation."""

from deepdx_core.arrays import Float64Array

HISTORY = ("step", "training_loss", "validation_loss", "validation_c2st")
"""Columns of a history: losses in bits per voice, and the C2ST of `deepdx_core.evaluation.metrics.c2st`."""


def best_validation(history: Float64Array) -> int:
    """Return the row of the validation whose weights are kept, the first one with the lowest loss.

    The C2ST only informs: between validations, its noise is larger than its changes.
    """
    return int(history[:, 2].argmin())
