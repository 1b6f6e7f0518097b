"""Memorization: duplicates and variants. The distance to the training voices is `deepdx_core.dataset.distances`."""

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.dataset.distances import find_closest


def count_duplicates(voices: UInt8Array) -> int:
    """Return the number of voices, of `uint8[n, 145]`, that are equal to an earlier one."""
    return len(voices) - len(np.unique(voices, axis=0))


def authentic(closest: Int64Array, distances: Int64Array, train: UInt8Array) -> BoolArray:
    """Return True for voices that are no mere variants of their closest training voice, `bool[n]`.

    These are farther from it than it is from its own closest training voice. closest, distances: `int64[n]` each, from
    `find_closest`. train: `uint8[m, 145]`. Source: Alaa et al., "How faithful is your synthetic data? Sample-level
    metrics for evaluating and auditing generative models", 2022.
    """
    originals, place = np.unique(closest, return_inverse=True)
    _, between = find_closest(train[originals], train, originals)
    return np.asarray(distances > between[place])
