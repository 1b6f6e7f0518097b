"""Whether generated voices are where real ones are, and real ones where generated ones are.

Sources: Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019 (precision,
recall); Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020 (density, coverage).
"""

from typing import NamedTuple

import numpy as np

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA

NEIGHBORS = 5

# Parameters are scaled to 0 to 1, times their maxima's least common multiple: so squares are whole numbers, and their
# sums under 2**53 exact, in whatever order they are added up.
_SCALES = np.lcm.reduce(MAXIMA.astype(np.int64)) / MAXIMA


class Prdc(NamedTuple):
    """What is asked of each voice; the measures are the means.

    precise: `float64[generated]`, whether it is within a ball about a real voice.
    dense: `float64[generated]`, within how many of these, by how many are expected of a real voice.
    recalled: `float64[real]`, whether it is within a ball about a generated voice.
    covered: `float64[real]`, whether a generated voice is within its ball.
    """

    precise: Float64Array
    dense: Float64Array
    recalled: Float64Array
    covered: Float64Array


def prdc(generated: UInt8Array, real: UInt8Array, neighbors: int = NEIGHBORS) -> Prdc:
    """Balls about the voices of each set, `uint8[n, 145]`, and which voices of the other are within.

    A ball reaches to the fifth nearest other voice of the same set, what is at this distance included. Raises
    ValueError where a set has no more voices than that.
    """
    if min(len(generated), len(real)) <= neighbors:
        raise ValueError(f"more than {neighbors} voices of each kind are needed, got {len(generated)}, {len(real)}")
    of_generated, of_real = _radii(generated, neighbors), _radii(real, neighbors)
    between = _distances(generated, real)  # [generated, real]
    in_real = between <= of_real
    in_generated = between <= of_generated[:, None]
    return Prdc(
        np.asarray(in_real.any(axis=1), np.float64),
        np.asarray(in_real.sum(axis=1) / neighbors),
        np.asarray(in_generated.any(axis=0), np.float64),
        np.asarray(in_real.any(axis=0), np.float64),
    )


def _distances(left: UInt8Array, right: UInt8Array) -> Float64Array:
    """Squared distances, exact, in units of the scales."""
    left_scaled, right_scaled = left * _SCALES, right * _SCALES
    squares = (left_scaled**2).sum(axis=1)[:, None] + (right_scaled**2).sum(axis=1)
    squares -= 2 * (left_scaled @ right_scaled.T)
    return np.asarray(squares)


def _radii(voices: UInt8Array, neighbors: int) -> Float64Array:
    # The nearest of all is the voice itself, or its equal.
    return np.asarray(np.partition(_distances(voices, voices), neighbors, axis=1)[:, neighbors])
