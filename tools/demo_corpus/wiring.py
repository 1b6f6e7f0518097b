"""The algorithms and operators as arrays: which operator plays which role, and where its parameters stand."""

import numpy as np

from deepdx_core.voice.algorithms import ALGORITHMS, Algorithm
from deepdx_core.voice.parameters import INDEX
from tools.demo_corpus.draws import Ints

_OPERATORS = range(1, 7)

OPERATOR_COLUMNS: dict[str, list[int]] = {
    name.removeprefix("op1_"): [INDEX[name.replace("op1", f"op{operator}")] for operator in _OPERATORS]
    for name in INDEX
    if name.startswith("op1_")
}
"""Columns of each operator parameter for operators 1 to 6."""


def _roles(algorithm: Algorithm) -> list[tuple[int, int, int]]:
    # (stack, depth, crowd) of each operator; a modulation always runs from the higher number to the lower.
    roles: dict[int, tuple[int, int, int]] = {}
    for operator in _OPERATORS:
        if operator in algorithm.carriers:
            roles[operator] = (algorithm.carriers.index(operator), 0, 0)
            continue
        target = min(low for high, low in algorithm.modulations if high == operator)
        stack, depth, _ = roles[target]
        roles[operator] = (stack, depth + 1, sum(low == target for _, low in algorithm.modulations) - 1)
    return [roles[operator] for operator in _OPERATORS]


_ROLES: Ints = np.array([_roles(algorithm) for algorithm in ALGORITHMS], dtype=np.int64)

STACK: Ints = _ROLES[..., 0]
"""The carrier each operator is heard through, counted from 0, `int64[32, 6]`; the lowest where there are several."""

DEPTH: Ints = _ROLES[..., 1]
"""Steps from each operator to its carrier, `int64[32, 6]`; 0 is a carrier."""

CROWD: Ints = _ROLES[..., 2]
"""How many others modulate the same operator, `int64[32, 6]`."""
