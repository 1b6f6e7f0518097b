"""In which order a voice is written, and what is known of each place in it beforehand.

The algorithm comes first, since it says what the operators are for, then what they share, then operators 1 to 6. Within
an operator, what belongs together stands together: mode, coarse, fine and detune are its frequency.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.voice.algorithms import ALGORITHMS, Algorithm
from deepdx_core.voice.parameters import INDEX, PARAMETERS

VALUES = 100
"""The values that a parameter can have at most."""

_SHARED = (
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
    [INDEX[name] for name in _SHARED] + [INDEX[f"op{number}_{name}"] for number in _OPERATORS for name in _OF_OPERATOR]
)
_BACK = np.argsort(_ORDER)

PLACES = len(_ORDER)

KINDS = len(_SHARED) + len(_OF_OPERATOR)
"""Kinds of parameters: an operator's parameter is of one kind for all six."""

KIND: Int64Array = np.array([*range(len(_SHARED)), *(list(range(len(_SHARED), KINDS)) * 6)])
"""The kind of parameter at each place, `int64[145]`."""

OPERATOR: Int64Array = np.repeat(np.arange(7), [len(_SHARED), *[len(_OF_OPERATOR)] * 6])
"""The operator, 1 to 6, that each place belongs to, `int64[145]`; 0 is none."""

SIZES: Int64Array = np.array([PARAMETERS[i].maximum + 1 for i in _ORDER])
"""How many values the parameter at each place can have, `int64[145]`."""


def written(parameters: UInt8Array) -> Int64Array:
    """Voices, `uint8[n, 145]` in the order of the parameter table, as they are written, `int64[n, 145]`."""
    return parameters[:, _ORDER].astype(np.int64)


def unwritten(places: Int64Array) -> UInt8Array:
    """What `written` made, as voices again, `uint8[n, 145]`."""
    return places[:, _BACK].astype(np.uint8)


def _same_of(operator: int, place: int) -> int:
    """Where an operator has what another has at a place."""
    return len(_SHARED) + (operator - 1) * len(_OF_OPERATOR) + (place - len(_SHARED)) % len(_OF_OPERATOR)


def _parent_sources() -> Iterator[list[int]]:
    for place, operator in enumerate(OPERATOR):
        own_first = [(operator - 1 + step) % 6 + 1 for step in range(6)]
        yield [_same_of(number, place) for number in own_first] if operator else [place] + [-1] * 5


def _earlier_sources() -> Iterator[list[int]]:
    for place, operator in enumerate(OPERATOR):
        yield [_same_of(operator - step, place) if operator > step else -1 for step in range(1, 6)]


PARENT_SOURCES: Int64Array = np.array(list(_parent_sources()))
"""Places whose value in the parent may be taken over, `int64[145, 6]`, the same place first; -1 is none."""

EARLIER_SOURCES: Int64Array = np.array(list(_earlier_sources()))
"""Places of earlier operators of the same voice whose value may be repeated, `int64[145, 5]`; -1 is none."""


def _part(algorithm: Algorithm, operator: int) -> tuple[object, ...]:
    return (
        operator in algorithm.carriers,
        sum(modulator == operator for modulator, _ in algorithm.modulations),
        sum(modulated == operator for _, modulated in algorithm.modulations),
        algorithm.feedback[0] == operator,
        algorithm.feedback[1] == operator,
    )


_PARTS = sorted({_part(algorithm, operator) for algorithm in ALGORITHMS for operator in _OPERATORS}, key=repr)

ROLES = len(_PARTS) + 1
ROLE: Int64Array = np.array(
    [[0, *(1 + _PARTS.index(_part(algorithm, operator)) for operator in _OPERATORS)] for algorithm in ALGORITHMS]
)
"""What an operator does in an algorithm, `int64[32, 7]`, by algorithm and operator: heard or not, how many it
modulates and is modulated by, whether feedback leaves or reaches it. Operators that do the same have the same number;
0 is for what all operators share."""


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


def _moved(order: tuple[int, ...]) -> list[int]:
    """Where each place takes its value from when operator n takes over from operator order[n - 1]."""
    return [
        _same_of(order[operator - 1], place) if operator else place for place, operator in enumerate(OPERATOR.tolist())
    ]


SYMMETRIES: tuple[Int64Array, ...] = tuple(
    np.array([_moved(order) for order in _symmetries(algorithm)]) for algorithm in ALGORITHMS
)
"""For each algorithm the exchanges of operators that leave a voice as it sounds, as places to take values from,
`int64[exchanges, 145]`; none is among them."""
