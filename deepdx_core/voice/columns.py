"""Columns of the operators' parameters in arrays of voices `uint8[n, 145]`, and the carriers of each algorithm."""

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX

_OPERATORS = range(1, 7)

CARRIERS: BoolArray = np.array(
    [[operator in algorithm.carriers for operator in _OPERATORS] for algorithm in ALGORITHMS]
)
"""True where an operator is a carrier, `bool[32, 6]`, by algorithm and by operator 1 to 6."""


def operator_columns(name: str) -> npt.NDArray[np.intp]:
    """Return the columns of a parameter such as `output_level` for operators 1 to 6, `intp[6]`."""
    return np.array([INDEX[f"op{operator}_{name}"] for operator in _OPERATORS], dtype=np.intp)
