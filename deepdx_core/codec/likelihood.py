"""The likelihood of a record's values: how much likelier they are in a real voice than by chance.

The table is measured by `tools.measure_values` on the distinct voices of a public collection.
"""

import io
from functools import cache
from importlib import resources

import numpy as np

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA

STEPS = 8
"""Steps of the table per unit."""

VALUES = 100
"""Columns of the table: values 0 to 99."""

LIKELY_VALUES = 60.0
"""Log-likelihood ratio of a voice. 99.1 % of real ones have more. In 3.4 GB of foreign files, no record with at least
six marks has more than 34."""

VERY_LIKELY_VALUES = 140.0
"""Of a voice by itself that lacks a mark. Alone, 96 % of real voices are found. Noise of the most common values, which
is legal at nearly every offset, has no more than 112."""


@cache
def _table() -> Float32Array:
    data = (resources.files(__package__) / "voice_values.npy").read_bytes()
    table: Float32Array = np.load(io.BytesIO(data), allow_pickle=False).astype(np.float32) / STEPS
    return table


def score_values(parameters: UInt8Array) -> Float32Array:
    """Return the log-likelihood ratio of each voice `uint8[n, 145]` to values by chance, `float32[n]`.

    The ratio of every parameter counts by itself. A value over its maximum counts as the maximum.
    """
    gains = _table()[np.arange(parameters.shape[1]), np.minimum(parameters, MAXIMA)]
    total: Float32Array = gains.sum(axis=1, dtype=np.float32)
    return total
