"""Breeding: children that take whole operators from two parents, and the algorithm from one of them.

An operator of the other parent goes where the algorithm has one of the same role, if it has any: a modulator of a
carrier, an operator with feedback. So a child keeps the parts that make its parents' sounds, rather than single values.
"""

import numpy as np

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX, OPERATORS
from deepdx_core.voice.parts import PARTS
from deepdx_core.writer.layout import ROLE

_OPERATOR_COLUMNS = {
    operator: np.array([INDEX[name] for name in PARTS[f"op{operator}"]]) for operator in sorted(OPERATORS)
}
_SHARED = [np.array([INDEX[name] for name in PARTS[part]]) for part in ("pitch-envelope", "lfo")]
_ALGORITHM = INDEX["algorithm"]


def breed(parents: UInt8Array, count: int, random: np.random.Generator, first_leads: bool = False) -> UInt8Array:
    """Return children of some voices, `uint8[m, 145]` with m of at least 2: `uint8[count, 145]`.

    Each has two parents, drawn at random: algorithm, feedback and tuning come from the one, one to five operators from
    the other, and pitch envelope and LFO from either. first_leads: the one is always the first of the parents.
    """
    children = np.empty((count, parents.shape[1]), dtype=np.uint8)
    for child in children:
        one = 0 if first_leads else int(random.integers(len(parents)))
        other = (one + 1 + int(random.integers(len(parents) - 1))) % len(parents)
        child[:] = _cross(parents[one], parents[other], random)
    return children


def _cross(one: UInt8Array, other: UInt8Array, random: np.random.Generator) -> UInt8Array:
    child = one.copy()
    places = 1 + random.permutation(len(OPERATORS))[: random.integers(1, len(OPERATORS))]
    for place, operator in zip(places.tolist(), _match(one, other, places, random), strict=True):
        child[_OPERATOR_COLUMNS[place]] = other[_OPERATOR_COLUMNS[operator]]
    for columns in _SHARED:
        if random.random() < 0.5:
            child[columns] = other[columns]
    return child


def _match(one: UInt8Array, other: UInt8Array, places: Int64Array, random: np.random.Generator) -> list[int]:
    """Match operators of one voice with distinct operators of the other, as `int` from 1 to 6.

    Of the same role if there is one left, else a carrier for a carrier, else any; of these, the same number if it is
    among them.
    """
    roles, others = ROLE[one[_ALGORITHM]], ROLE[other[_ALGORITHM]]
    carriers, other_carriers = (set(ALGORITHMS[voice[_ALGORITHM]].carriers) for voice in (one, other))
    left = sorted(OPERATORS)
    found = []
    for place in places.tolist():
        fits = [
            (others[operator] == roles[place])
            + ((operator in other_carriers) == (place in carriers))
            + 0.5 * (operator == place)
            + 0.25 * random.random()
            for operator in left
        ]
        found.append(left.pop(int(np.argmax(fits))))
    return found
