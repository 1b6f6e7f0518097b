"""Notes to samples: blocks of control and of operators, for up to LANES notes at a time. Compiled on import."""

from typing import Any

import numba
import numpy as np

from deepdx_core.arrays import BoolArray, Float32Array, Int32Array
from deepdx_core.sound.engine.compilation import Int, compile_kernel, jit
from deepdx_core.sound.engine.control import GAIN_UNITS, control, start_segment
from deepdx_core.sound.engine.notes import NOTE, OPERATOR
from deepdx_core.sound.engine.operators import LANES, i32, run_feedback, run_loop, run_operator
from deepdx_core.sound.engine.routing import (
    FEEDBACK_OPERATOR,
    FEEDBACK_SHIFT,
    IS_CARRIER,
    LOOP_END,
    MODULATOR_COUNTS,
    MODULATORS,
    NEEDED,
    OPERATORS,
)
from deepdx_core.sound.engine.tables import BLOCK

_FULL_CARRIER = np.float32(1 / 4096)


@jit
def _ramp(start: Int, end: Int) -> Int:
    return i32((end - start + BLOCK // 2) >> 6)


@jit
def _run_feedback(
    notes: Any,
    phases: Int32Array,
    increments: Int32Array,
    starts: Int32Array,
    ends: Int32Array,
    audible: BoolArray,
    last: Int32Array,
    before: Int32Array,
    lanes: Int32Array,
    block: Int32Array,
    fed: BoolArray,
    samples: Int32Array,
) -> None:
    """Write a block of each note's feedback operator or loop to its row of `samples`, `int32[LANES, BLOCK]`.

    fed: `bool[LANES]`, set to True where there is one. last, before: its last two samples, `int32[LANES]`, updated.
    lanes, block: room to work, `int32[8, LANES]` and `int32[BLOCK, LANES]`.
    """
    used = 0
    for row in range(len(notes)):
        algorithm = notes[row].algorithm
        first, end = FEEDBACK_OPERATOR[algorithm], LOOP_END[algorithm]
        fed[row] = notes[row].feedback > 0 and audible[row, first]
        if not fed[row]:
            continue
        ramp = _ramp(starts[row, first], ends[row, first])
        shift = i32(notes[row].feedback + FEEDBACK_SHIFT[algorithm])
        if first == end:
            lanes[0, used], lanes[1, used] = phases[row, first], increments[row, first]
            lanes[2, used], lanes[3, used], lanes[4, used] = starts[row, first], ramp, shift
            lanes[5, used], lanes[6, used], lanes[7, used] = last[row], before[row], row
            used += 1
        else:
            last[row], before[row] = run_loop(
                samples, row, end, phases, increments, starts[row, first], ends, ramp, shift, last[row], before[row]
            )
    if used == 0:
        return
    run_feedback(block, lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5], lanes[6])
    for lane in range(used):
        row = lanes[7, lane]
        last[row], before[row] = lanes[5, lane], lanes[6, lane]
        for k in range(BLOCK):
            samples[row, k] = block[k, lane]


@jit
def _add_carriers(
    out: Float32Array, row: Int, start: Int, count: Int, samples: Int32Array, carriers: Int32Array, number: Int
) -> None:
    """Write the sum of the first `number` carriers, rows of `samples`, to `count` samples of `out`."""
    a, b, c = carriers[0], carriers[1], carriers[2]
    if number == 0:
        for k in range(count):
            out[row, start + k] = 0
    elif number == 1:
        for k in range(count):
            out[row, start + k] = np.float32(samples[a, k]) * _FULL_CARRIER
    elif number == 2:
        for k in range(count):
            out[row, start + k] = np.float32(i32(samples[a, k] + samples[b, k])) * _FULL_CARRIER
    else:
        for other in range(3, number):
            d = carriers[other]
            for k in range(BLOCK):
                samples[a, k] += samples[d, k]
        for k in range(count):
            out[row, start + k] = np.float32(i32(samples[a, k] + samples[b, k] + samples[c, k])) * _FULL_CARRIER


def _render_group(notes: Any, operators: Any, out: Float32Array) -> None:
    """Render up to LANES notes, NOTE `[n]` and OPERATOR `[n, 6]`, which it changes, to `out`, `float32[n, samples]`."""
    count, length = out.shape
    increments = np.zeros((LANES, OPERATORS), np.int32)
    starts = np.zeros((LANES, OPERATORS), np.int32)
    ends = np.full((LANES, OPERATORS), i32(GAIN_UNITS - 1), np.int32)
    phases = np.zeros((LANES, OPERATORS), np.int32)
    audible = np.zeros((LANES, OPERATORS), np.bool_)
    last, before = np.zeros(LANES, np.int32), np.zeros(LANES, np.int32)
    lanes, block = np.zeros((8, LANES), np.int32), np.zeros((BLOCK, LANES), np.int32)
    fed, fed_samples = np.zeros(LANES, np.bool_), np.zeros((LANES, BLOCK), np.int32)
    samples = np.zeros((OPERATORS, BLOCK), np.int32)
    carriers, modulators = np.zeros(OPERATORS, np.int32), np.zeros(3, np.int32)

    for row in range(count):
        for o in range(OPERATORS):
            start_segment(operators[row, o])
    for start in range(0, length, BLOCK):
        for row in range(count):
            control(notes[row], operators, row, start // BLOCK, increments, starts, ends, audible)
        _run_feedback(notes, phases, increments, starts, ends, audible, last, before, lanes, block, fed, fed_samples)
        for row in range(count):
            algorithm = notes[row].algorithm
            audible_bits: Int = 0
            for o in range(OPERATORS):
                audible_bits |= np.int64(audible[row, o]) << o
            needed = NEEDED[algorithm, audible_bits]
            highest, number = OPERATORS - 1, 0  # number: of carriers
            if fed[row] and LOOP_END[algorithm] != FEEDBACK_OPERATOR[algorithm]:
                highest = LOOP_END[algorithm]
                needed |= 1 << highest  # heard even where its own envelope is silent (measured)
            for o in range(highest, -1, -1):
                if not needed >> o & 1:
                    continue
                if fed[row] and o == LOOP_END[algorithm]:
                    for k in range(BLOCK):
                        samples[o, k] = fed_samples[row, k]
                else:
                    modulating = 0
                    for m in range(MODULATOR_COUNTS[algorithm, o]):
                        if audible[row, MODULATORS[algorithm, o, m]]:
                            modulators[modulating] = MODULATORS[algorithm, o, m]
                            modulating += 1
                    ramp = _ramp(starts[row, o], ends[row, o])
                    run_operator(
                        samples, o, modulators, modulating, phases[row, o], increments[row, o], starts[row, o], ramp
                    )
                if IS_CARRIER[algorithm, o]:
                    carriers[number] = o
                    number += 1
            _add_carriers(out, row, start, min(BLOCK, length - start), samples, carriers, number)
            for o in range(OPERATORS):
                phases[row, o] = i32(phases[row, o] + increments[row, o] * i32(BLOCK))


render_group = compile_kernel(
    _render_group,
    numba.void(numba.from_dtype(NOTE)[::1], numba.from_dtype(OPERATOR)[:, ::1], numba.float32[:, ::1]),
)
