"""The 32 algorithms as the kernel reads them. Operators and algorithms count from 0, as in a voice's parameters."""

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.columns import CARRIERS

OPERATORS = 6

IS_CARRIER: BoolArray = CARRIERS
"""True where an operator is audible, `bool[32, 6]`."""


def _modulators() -> tuple[Int64Array, Int64Array]:
    operators = np.zeros((len(ALGORITHMS), OPERATORS, 3), np.int64)
    counts = np.zeros((len(ALGORITHMS), OPERATORS), np.int64)
    for row, algorithm in enumerate(ALGORITHMS):
        for modulator, modulated in algorithm.modulations:
            operators[row, modulated - 1, counts[row, modulated - 1]] = modulator - 1
            counts[row, modulated - 1] += 1
    return operators, counts


MODULATORS, MODULATOR_COUNTS = _modulators()
"""Modulators of each operator, `int64[32, 6, 3]`, and their number, `int64[32, 6]`."""

FEEDBACK_OPERATOR: Int64Array = np.array([algorithm.feedback[1] - 1 for algorithm in ALGORITHMS])
"""Operator that receives the feedback, `int64[32]`."""

LOOP_END: Int64Array = np.array([algorithm.feedback[0] - 1 for algorithm in ALGORITHMS])
"""Operator whose output is fed back, `int64[32]`: a lower one in algorithms 4 and 6, else the same."""

FEEDBACK_SHIFT: Int64Array = np.where((LOOP_END != FEEDBACK_OPERATOR) | (np.arange(len(ALGORITHMS)) == 31), 2, 4)
"""Added to the feedback parameter for the left shift of the sum of the last two samples, `int64[32]` (measured)."""


def _needed() -> UInt8Array:
    needed = np.zeros((len(ALGORITHMS), 1 << OPERATORS), np.uint8)
    for row, algorithm in enumerate(ALGORITHMS):
        for audible in range(1 << OPERATORS):
            reaching = 0
            for o in range(1, OPERATORS + 1):  # a modulator has a higher number than the operator it modulates
                targets = [modulated for modulator, modulated in algorithm.modulations if modulator == o]
                if o in algorithm.carriers or any(reaching >> (target - 1) & 1 for target in targets):
                    reaching |= audible & 1 << (o - 1)
            needed[row, audible] = reaching
    return needed


NEEDED: UInt8Array = _needed()
"""Audible operators that reach the output through audible ones: `uint8[32, 64]`, by algorithm and set of audible ones.

A set of operators is a bit mask; operator 1 is the lowest bit.
"""
