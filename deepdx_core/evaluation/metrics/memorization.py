"""Whether a generator repeats what it was taught, or itself."""

import numpy as np

from deepdx_core.arrays import UInt8Array


def count_duplicates(voices: UInt8Array) -> int:
    """How many of these voices, `uint8[n, 145]`, are equal to one before them."""
    return len(voices) - len(np.unique(voices, axis=0))
