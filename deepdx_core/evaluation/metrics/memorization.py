"""Duplicates among generated voices; the distance to the training voices is `deepdx_core.dataset.distances`."""

import numpy as np

from deepdx_core.arrays import UInt8Array


def count_duplicates(voices: UInt8Array) -> int:
    """Return the number of voices, of `uint8[n, 145]`, that are equal to an earlier one."""
    return len(voices) - len(np.unique(voices, axis=0))
