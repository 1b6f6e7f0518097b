"""Precision, recall, density and coverage: whether generated voices lie among real ones, and real ones among them.

Sources: Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019 (precision,
recall); Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020 (density, coverage).
"""

from typing import NamedTuple

import numpy as np

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA

NEIGHBORS = 5

# Scales parameters to 0 to 1, times the least common multiple of their maxima. Squares are then whole numbers, and
# their sums below 2**53 exact in any order of addition.
_SCALES = np.lcm.reduce(MAXIMA.astype(np.int64)) / MAXIMA


class Prdc(NamedTuple):
    """The contribution of each voice; the metrics are the means.

    precision: `float64[generated]`, 1 for a voice within the ball of a real voice.
    density: `float64[generated]`, number of real voices' balls that contain the voice, over `neighbors`.
    recall: `float64[real]`, 1 for a voice within the ball of a generated voice.
    coverage: `float64[real]`, 1 for a voice whose ball contains a generated voice.
    """

    precision: Float64Array
    density: Float64Array
    recall: Float64Array
    coverage: Float64Array


def prdc(generated: UInt8Array, real: UInt8Array, neighbors: int = NEIGHBORS) -> Prdc:
    """Compare generated voices `uint8[n, 145]` with real ones `uint8[m, 145]` by the balls about each voice.

    A ball reaches to the fifth (`neighbors`) nearest other voice of the same set, inclusive. Raises ValueError if a set
    has no more voices than that.
    """
    if min(len(generated), len(real)) <= neighbors:
        raise ValueError(f"more than {neighbors} voices of each kind are needed, got {len(generated)}, {len(real)}")
    of_generated, of_real = _radii(generated, neighbors), _radii(real, neighbors)
    between = squared_distances(generated, real)  # [generated, real]
    in_real = between <= of_real
    in_generated = between <= of_generated[:, None]
    return Prdc(
        precision=np.asarray(in_real.any(axis=1), np.float64),
        density=np.asarray(in_real.sum(axis=1) / neighbors),
        recall=np.asarray(in_generated.any(axis=0), np.float64),
        coverage=np.asarray(in_real.any(axis=0), np.float64),
    )


def squared_distances(left: UInt8Array, right: UInt8Array) -> Float64Array:
    """Return squared distances of voices `uint8[n, 145]` and `uint8[m, 145]`, `float64[n, m]`.

    Parameters are scaled to 0 to 1, then all by one factor, so that distances are exact.
    """
    left_scaled, right_scaled = left * _SCALES, right * _SCALES
    squares = (left_scaled**2).sum(axis=1)[:, None] + (right_scaled**2).sum(axis=1)
    squares -= 2 * (left_scaled @ right_scaled.T)
    return np.asarray(squares)


def _radii(voices: UInt8Array, neighbors: int) -> Float64Array:
    # The nearest voice of all is the voice itself, or its equal.
    return np.asarray(np.partition(squared_distances(voices, voices), neighbors, axis=1)[:, neighbors])
