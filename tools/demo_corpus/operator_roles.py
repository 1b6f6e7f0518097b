"""Roles of the operators in each algorithm, and the columns of their parameters, as arrays."""

import numpy as np

from deepdx_core.arrays import Int64Array
from deepdx_core.voice.algorithms import ALGORITHMS, Algorithm
from deepdx_core.voice.parameters import INDEX

_OPERATORS = range(1, 7)

OPERATOR_COLUMNS: dict[str, list[int]] = {
    name.removeprefix("op1_"): [INDEX[name.replace("op1", f"op{operator}")] for operator in _OPERATORS]
    for name in INDEX
    if name.startswith("op1_")
}
"""Columns of each operator parameter, for operators 1 to 6."""


def _find_roles(algorithm: Algorithm) -> list[tuple[int, int, int]]:
    # (stack, depth, siblings) of each operator. Modulations always run from a higher number to a lower one.
    roles: dict[int, tuple[int, int, int]] = {}
    for operator in _OPERATORS:
        if operator in algorithm.carriers:
            roles[operator] = (algorithm.carriers.index(operator), 0, 0)
            continue
        target = min(low for high, low in algorithm.modulations if high == operator)
        stack, depth, _ = roles[target]
        roles[operator] = (stack, depth + 1, sum(low == target for _, low in algorithm.modulations) - 1)
    return [roles[operator] for operator in _OPERATORS]


_ROLES: Int64Array = np.array([_find_roles(algorithm) for algorithm in ALGORITHMS], dtype=np.int64)

STACK: Int64Array = _ROLES[..., 0]
"""Index of the carrier that each operator reaches, from 0, `int64[32, 6]`; the lowest if there are several."""

DEPTH: Int64Array = _ROLES[..., 1]
"""Steps from each operator to its carrier, `int64[32, 6]`; 0 for a carrier."""

SIBLINGS: Int64Array = _ROLES[..., 2]
"""Number of other operators that modulate the same one, `int64[32, 6]`."""
