"""The order in which the writer writes parameters, and constant tables about each position.

The algorithm comes first, since it determines what the operators do, then the other common parameters, then operators 1
to 6. Related parameters of an operator are neighbors: mode, coarse, fine and detune are its frequency.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.voice.algorithms import ALGORITHMS, Algorithm
from deepdx_core.voice.parameters import INDEX, PARAMETERS

VALUES = 100
"""Largest number of values of a parameter."""

_COMMON = (
    *("algorithm", "feedback", "oscillator_sync", "transpose", "pitch_mod_sensitivity"),
    *("lfo_wave", "lfo_speed", "lfo_delay", "lfo_pitch_depth", "lfo_amp_depth", "lfo_sync"),
    *(f"pitch_eg_level_{number}" for number in range(1, 5)),
    *(f"pitch_eg_rate_{number}" for number in range(1, 5)),
)
_OF_OPERATOR = (
    *("mode", "coarse", "fine", "detune"),
    *("output_level", "velocity_sensitivity", "amp_mod_sensitivity", "rate_scaling"),
    *(f"eg_level_{number}" for number in range(1, 5)),
    *(f"eg_rate_{number}" for number in range(1, 5)),
    *("break_point", "left_depth", "right_depth", "left_curve", "right_curve"),
)
_OPERATORS = range(1, 7)

_ORDER = np.array(
    [INDEX[name] for name in _COMMON] + [INDEX[f"op{number}_{name}"] for number in _OPERATORS for name in _OF_OPERATOR]
)
_INVERSE = np.argsort(_ORDER)

LENGTH = len(_ORDER)
"""Length of the sequence: 145, one position per parameter."""

KINDS = len(_COMMON) + len(_OF_OPERATOR)
"""Number of kinds of parameters. A parameter is of the same kind in all six operators."""

KIND: Int64Array = np.array([*range(len(_COMMON)), *(list(range(len(_COMMON), KINDS)) * 6)])
"""Kind of the parameter at each position, `int64[145]`."""

OPERATOR: Int64Array = np.repeat(np.arange(7), [len(_COMMON), *[len(_OF_OPERATOR)] * 6])
"""Operator of each position, `int64[145]`: 1 to 6, or 0 for a common parameter."""

SIZES: Int64Array = np.array([PARAMETERS[i].maximum + 1 for i in _ORDER])
"""Number of values of the parameter at each position, `int64[145]`."""


def to_sequence(parameters: UInt8Array) -> Int64Array:
    """Reorder voices `uint8[n, 145]` from the parameter table's order to the writer's, `int64[n, 145]`."""
    return parameters[:, _ORDER].astype(np.int64)


def from_sequence(sequences: Int64Array) -> UInt8Array:
    """Reorder sequences `int64[n, 145]` back to voices `uint8[n, 145]`, the inverse of `to_sequence`."""
    return sequences[:, _INVERSE].astype(np.uint8)


def _counterpart(operator: int, position: int) -> int:
    """Return the position of the same kind of parameter in another operator."""
    return len(_COMMON) + (operator - 1) * len(_OF_OPERATOR) + (position - len(_COMMON)) % len(_OF_OPERATOR)


def _parent_sources() -> Iterator[list[int]]:
    for position, operator in enumerate(OPERATOR):
        own_first = [(operator - 1 + step) % 6 + 1 for step in range(6)]
        yield [_counterpart(number, position) for number in own_first] if operator else [position] + [-1] * 5


def _earlier_sources() -> Iterator[list[int]]:
    for position, operator in enumerate(OPERATOR):
        yield [_counterpart(operator - step, position) if operator > step else -1 for step in range(1, 6)]


PARENT_SOURCES: Int64Array = np.array(list(_parent_sources()))
"""Positions of the parent whose value may be copied, `int64[145, 6]`, the same position first; -1 is none."""

EARLIER_SOURCES: Int64Array = np.array(list(_earlier_sources()))
"""Positions of earlier operators of the same voice whose value may be copied, `int64[145, 5]`; -1 is none."""


def _function(algorithm: Algorithm, operator: int) -> tuple[object, ...]:
    return (
        operator in algorithm.carriers,
        sum(modulator == operator for modulator, _ in algorithm.modulations),
        sum(modulated == operator for _, modulated in algorithm.modulations),
        algorithm.feedback[0] == operator,
        algorithm.feedback[1] == operator,
    )


_FUNCTIONS = sorted({_function(algorithm, operator) for algorithm in ALGORITHMS for operator in _OPERATORS}, key=repr)

ROLES = len(_FUNCTIONS) + 1
ROLE: Int64Array = np.array(
    [
        [0, *(1 + _FUNCTIONS.index(_function(algorithm, operator)) for operator in _OPERATORS)]
        for algorithm in ALGORITHMS
    ]
)
"""Role of an operator in an algorithm, `int64[32, 7]`, by algorithm and operator; 0 is the common parameters.

Operators have the same role if they agree in: carrier or not, the numbers of operators they modulate and are modulated
by, and whether feedback leaves or reaches them.
"""


def _symmetries(algorithm: Algorithm) -> Iterator[tuple[int, ...]]:
    modulations = set(algorithm.modulations)
    for order in permutations(_OPERATORS):
        to = dict(zip(_OPERATORS, order, strict=True))
        if (
            {to[carrier] for carrier in algorithm.carriers} == set(algorithm.carriers)
            and {(to[one], to[other]) for one, other in modulations} == modulations
            and (to[algorithm.feedback[0]], to[algorithm.feedback[1]]) == algorithm.feedback
        ):
            yield order


def _permuted_positions(order: tuple[int, ...]) -> list[int]:
    """Return the position that each position takes its value from if operator n becomes operator order[n - 1]."""
    return [
        _counterpart(order[operator - 1], position) if operator else position
        for position, operator in enumerate(OPERATOR.tolist())
    ]


SYMMETRIES: tuple[Int64Array, ...] = tuple(
    np.array([_permuted_positions(order) for order in _symmetries(algorithm)]) for algorithm in ALGORITHMS
)
"""Permutations of operators that leave the sound of a voice unchanged, for each algorithm.

As positions to take values from, `int64[permutations, 145]`. The identity is among them.
"""
