"""The routing of an AFM element: the DX7's algorithms in it, and the algorithm that any routing amounts to.

Operators are computed from 6 to 1. Each has two inputs, may write its output to one of three buses, and loads it into
the accumulator, adds it there, or leaves the accumulator as it is. At the end, the accumulator is heard.
Source: measured on 2,409 pairs of DX7 voices and their conversions from the 1990s; US patent 5,076,133.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.voice.algorithms import ALGORITHMS

# DX7 algorithm: SY77 algorithm, the DX7 operators that stand in operators 6 to 1, and the routing of each of these:
# its two inputs (- none, P the previous operator, B a bus, F a bus of the last sample, M the accumulator), then what
# becomes of the accumulator (Load, Add, Hold) and the bus that is written. An input with ! is closed; the level of one
# with * is the feedback.
_CHART = """
 1: 30 654321 F1*-:L1 P-:H2 P-:H0 P-:L0 --:H3 P-:A0
 2: 30 654321 --:L1 P-:H2 P-:H0 P-:L0 F3*-:H3 P-:A0
 3: 34 654321 F1*-:L1 P-:H2 P-:L0 --:H3 P-:H0 P-:A0
 4: 34 654321 F2*-:L1 P-:H0 P-:L2 --:H3 P-:H0 P-:A0
 5: 42 654321 F1*-:H1 P-:L0 --:H2 P-:A0 --:H3 P-:A0
 6: 42 654321 F2*-:H1 P-:L2 --:H0 P-:A0 --:H3 P-:A0
 7: 32 465321 --:L1 F2*-:H2 P-:H0 PM:L0 --:H3 P-:A0
 8: 32 465321 F1*-:L1 --:H2 P-:H0 PM:L0 --:H3 P-:A0
 9: 32 465321 --:L1 --:H2 P-:H0 PM:L0 F3*-:H3 P-:A0
10: 35 654321 --:L1 --:H2 PM:L0 F3*-:H3 P-:H0 P-:A0
11: 35 654321 F1*-:L1 --:H2 PM:L0 --:H3 P-:H0 P-:A0
12: 33 654321 --:L1 --:A0 --:H2 PM:L0 F3*-:H3 P-:A0
13: 33 654321 F1*-:L1 --:A0 --:H2 PM:L0 --:H3 P-:A0
14: 31 654321 F1*-:L1 --:H2 PM:H0 P-:L0 --:H3 P-:A0
15: 31 654321 --:L1 --:H2 PM:H0 P-:L0 F3*-:H3 P-:A0
16: 16 265431 --:L1 F2*-:H2 P-:A0 --:H3 P-:H0 PM:L0
17: 16 265431 F1*-:L1 --:H2 P-:A0 --:H3 P-:H0 PM:L0
18: 11 326541 F1*-:L1 --:A2 --:H3 P-:H0 P-:H0 PM:L0
19: 40 321645 --:L2 P-:H3 P-:L0 -F1*:H1 P-:A0 B1-:A0
20: 41 654321 --:L2 --:H3 PM:L0 -F1*:H1 P-:A0 B1-:A0
21: 43 635421 F1!F2!:L1 P!F2*:H2 P!B1:L0 B2!B1:A0 B2B1!:A0 B2B1!:A0
22: 43 625431 F1*F2!:L1 P!F2!:H2 P!B1:L0 B2!B1:A0 B2!B1:A0 B2B1!:A0
23: 43 635421 F1*F2!:L1 P!F2!:H2 P!B1:L0 B2!B1:A0 B2B1!:A0 B2!B1!:A0
24: 44 654321 -F1*:H1 P-:L2 B1-:A3 B1-:A0 B1!-:A0 B1!-:A0
25: 44 654321 -F1*:H1 P-:L2 B1-:A3 B1!-:A0 B1!-:A0 B1!-:A0
26: 41 654321 F2*-:L2 --:H3 PM:L0 -F1!:H1 P-:A0 B1!-:A0
27: 41 654321 --:L2 --:H3 PM:L0 -F1*:H1 P-:A0 B1!-:A0
28: 40 543216 F2*-:L2 P-:H3 P-:L0 -F1!:H1 P-:A0 B1!-:A0
29: 43 645321 F1*F2!:L1 P!F2!:H2 P!B1:L0 B2B1!:A0 B2!B1!:A0 B2!B1!:A0
30: 43 546321 F1*F2!:L1 PF2!:H2 P!B1!:L0 B2B1!:A0 B2!B1!:A0 B2!B1!:A0
31: 44 654321 -F1*:H1 P-:L2 B1!-:A3 B1!-:A0 B1!-:A0 B1!-:A0
32: 45 654321 F1*-:L1 --:A2 --:A3 --:A0 --:A0 --:A0
"""

_SOURCES = ("-", "P", "W", "B1", "B2", "B3", "F1", "F2", "F3", "M", "N")
_PREVIOUS, _FIRST_BUS, _FIRST_FEEDBACK, _ACCUMULATOR = 1, 3, 6, 9
_FOREIGN = (2, 10)  # an AWM element, noise
_LOAD, _ADD, _HOLD = 1, 5, 4  # by the field `accumulator`
_FULL = 7
_BUSES = 3


@dataclass(frozen=True)
class Routings:
    """Fields that route operators 6 to 1.

    inputs, accumulator, bus: `uint8[n, 6]`. levels: of both inputs, `uint8[n, 6, 2]`.
    """

    inputs: UInt8Array
    levels: UInt8Array
    accumulator: UInt8Array
    bus: UInt8Array


def _parse() -> tuple[UInt8Array, UInt8Array, Routings, BoolArray]:
    numbers, standing, rows = [], [], []
    for line in _CHART.strip().splitlines():
        sy77, operators, *tokens = line.partition(":")[2].split()
        numbers.append(int(sy77))
        standing.append([int(operator) for operator in operators])
        rows.append([_parse_operator(token) for token in tokens])
    fields = np.array(rows, dtype=np.uint8)  # [32, 6, 8]
    inputs = (fields[..., 0] | fields[..., 1] << 4).astype(np.uint8)
    routings = Routings(inputs, fields[..., 2:4], fields[..., 4], fields[..., 5])
    return np.array(numbers, np.uint8), np.array(standing, np.uint8), routings, fields[..., 6:] > 0


def _parse_operator(token: str) -> list[int]:
    """Return sources, levels, accumulator, bus, and which source is the feedback."""
    inputs, _, output = token.partition(":")
    found = re.findall(r"(-|P|M|[BF]\d)([!*]?)", inputs)
    sources = [_SOURCES.index(source) for source, _ in found]
    levels = [0 if source == "-" or mark else _FULL for source, mark in found]
    feedback = [int(mark == "*") for _, mark in found]
    return [*sources, *levels, {"L": _LOAD, "A": _ADD, "H": _HOLD}[output[0]], int(output[1]), *feedback]


SY77_NUMBERS, STANDING, DX7_ROUTINGS, FEEDBACK_INPUTS = _parse()
"""By DX7 algorithm: the SY77's number, `uint8[32]`; the DX7 operators in operators 6 to 1, `uint8[32, 6]`; their
routing; and which inputs have the feedback for a level, `bool[32, 6, 2]`."""


@dataclass(frozen=True)
class Matches:
    """The DX7's algorithms that routings amount to.

    algorithm: 0 to 31, -1 for none, `int64[n]`. standing: the DX7 operators in operators 6 to 1, `int64[n, 6]`.
    feedback: 0 to 7, `int64[n]`. attenuated: an input other than the feedback is open, but not fully, `bool[n]`.
    """

    algorithm: Int64Array
    standing: Int64Array
    feedback: Int64Array
    attenuated: BoolArray


def match_algorithms(routings: Routings) -> Matches:
    """Find the DX7's algorithm, and the order of its operators, that each routing amounts to.

    A routing with an AWM element, noise or several feedbacks amounts to none.
    """
    n = len(routings.bus)
    one = np.ones(n, dtype=np.int64)
    graph, accumulator = np.zeros(n, np.int64), np.zeros(n, np.int64)
    outputs: list[Int64Array] = []
    buses = np.zeros((n, 1 + _BUSES), np.int64)  # operators as bits; bus 0 is none
    foreign, attenuated = np.zeros(n, bool), np.zeros(n, bool)
    loops = np.zeros((n, 6, 1 + _BUSES), np.int64)  # level of the feedback from a bus into an operator
    rows = np.arange(n)
    for place in range(6):
        before = outputs[-1] if outputs else 0 * one
        # Operators heard by each source: none, the previous one, AWM, buses, feedback, accumulator, noise.
        heard = np.stack([0 * one, before, 0 * one, *buses[:, 1:].T, *[0 * one] * 3, accumulator, 0 * one], axis=1)
        modulators = 0 * one
        for k in range(2):
            source = ((routings.inputs[:, place] >> (4 * k)) & 15).astype(np.int64)
            level = routings.levels[:, place, k].astype(np.int64)
            foreign |= (source >= heard.shape[1]) | (np.isin(source, _FOREIGN) & (level > 0))
            source = np.where(source < heard.shape[1], source, 0)
            is_loop = (source >= _FIRST_FEEDBACK) & (source < _ACCUMULATOR)
            loops[rows, place, np.where(is_loop, source - _FIRST_FEEDBACK + 1, 0)] = np.where(is_loop, level, 0)
            operators = np.where(level > 0, heard[rows, source], 0)
            modulators |= operators
            attenuated |= (operators > 0) & (level < _FULL)
        graph |= modulators << (6 * place)
        output = one << place
        outputs.append(output)
        code = routings.accumulator[:, place]
        accumulator = np.where(code == _LOAD, output, np.where(code == _ADD, accumulator | output, accumulator))
        buses[rows, routings.bus[:, place]] = output
    graph |= accumulator << 36
    levels = loops[:, :, 1:].reshape(n, 6 * _BUSES)
    several = (levels > 0).sum(axis=1) > 1
    loudest = levels.argmax(axis=1)
    feedback = levels.max(axis=1)
    # The loop: the operator that wrote the bus last, and the one that listens to it.
    writer = np.log2(np.maximum(buses[rows, 1 + loudest % _BUSES], 1)).astype(np.int64)
    loop = np.where(feedback > 0, 1 + 6 * writer + loudest // _BUSES, 0)
    loop = np.where((feedback > 0) & (buses[rows, 1 + loudest % _BUSES] == 0), -1, loop)
    keys, algorithms, standings = _known_graphs()
    wanted = graph << 6 | loop
    found = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    known = (keys[found] == wanted) & ~foreign & ~several & (loop >= 0)
    return Matches(
        np.where(known, algorithms[found], -1), standings[found], np.where(known, feedback, 0), attenuated & known
    )


@cache
def _known_graphs() -> tuple[Int64Array, Int64Array, Int64Array]:
    """Return a key for each graph, sorted: its algorithm, and the DX7 operator in each place.

    Each order of operators is another graph. A graph without feedback is of several algorithms: the first is kept, and
    first of all come the orders of the table.
    """
    own = [(number, tuple(map(int, order))) for number, order in enumerate(STANDING)]
    every = [(number, order) for number in range(len(ALGORITHMS)) for order in permutations(range(1, 7))]
    known: dict[int, tuple[int, tuple[int, ...]]] = {}
    for number, order in own + every:
        algorithm = ALGORITHMS[number]
        place = {operator: k for k, operator in enumerate(order)}
        graph = sum(1 << (36 + place[carrier]) for carrier in algorithm.carriers)
        graph += sum(1 << (6 * place[to] + place[of]) for of, to in algorithm.modulations)
        loop = 1 + 6 * place[algorithm.feedback[0]] + place[algorithm.feedback[1]]
        for key in (graph << 6 | loop, graph << 6):
            known.setdefault(key, (number, order))
    keys = np.array(sorted(known), np.int64)
    found = [known[key] for key in keys.tolist()]
    return keys, np.array([n for n, _ in found], np.int64), np.array([order for _, order in found], np.int64)
