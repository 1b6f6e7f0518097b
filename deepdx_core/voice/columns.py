"""Where the parameters of operators stand in arrays of voices, and who is heard: what rooms that reckon share."""

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX

_OPERATORS = range(1, 7)

CARRIERS: BoolArray = np.array(
    [[operator in algorithm.carriers for operator in _OPERATORS] for algorithm in ALGORITHMS]
)
"""Whether an operator is a carrier, `bool[32, 6]`, by algorithm and by operator 1 to 6."""


def of_operators(name: str) -> npt.NDArray[np.intp]:
    """The columns that a parameter has for operators 1 to 6, such as `output_level`, in `uint8[n, 145]`, `intp[6]`."""
    return np.array([INDEX[f"op{operator}_{name}"] for operator in _OPERATORS], dtype=np.intp)
