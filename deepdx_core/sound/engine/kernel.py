"""Notes to samples: blocks of control and of operators, for up to GROUP notes at a time. Compiled on import."""

from typing import Any

import numba
import numpy as np

from deepdx_core.arrays import BoolArray, Float32Array, Int32Array
from deepdx_core.compilation import Int, jit
from deepdx_core.sound.engine.compilation import ENGINE
from deepdx_core.sound.engine.control import control, start_segment
from deepdx_core.sound.engine.notes import NOTE, OPERATOR
from deepdx_core.sound.engine.operators import i32, run_feedback, run_loop, run_operator
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
from deepdx_core.sound.engine.tables import BLOCK, FIRST_ATTENUATION, GROUP

_UNIT = np.float32(1 / 4096)  # of samples: a full carrier swings between -1 and 1


@jit
def _ramp(start: Int, end: Int) -> Int:
    """Return the change of an attenuation with each sample of a block, rounded."""
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
    """Write a block of each note's feedback operator or loop to its row of `samples`, `int32[GROUP, BLOCK]`.

    Operators that modulate themselves are computed together, each in a lane of SIMD.

    fed: `bool[GROUP]`, set to True where there is one. last, before: its last sample and the one before it,
    `int32[GROUP]`, updated. lanes, block: scratch, `int32[8, GROUP]` and `int32[BLOCK, GROUP]`.
    """
    lane_rows, lane_phases, lane_increments, lane_attenuations = lanes[0], lanes[1], lanes[2], lanes[3]
    lane_ramps, lane_shifts, lane_last, lane_before = lanes[4], lanes[5], lanes[6], lanes[7]
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
            lane_rows[used], lane_phases[used], lane_increments[used] = row, phases[row, first], increments[row, first]
            lane_attenuations[used], lane_ramps[used], lane_shifts[used] = starts[row, first], ramp, shift
            lane_last[used], lane_before[used] = last[row], before[row]
            used += 1
        else:
            last[row], before[row] = run_loop(
                samples, row, end, phases, increments, starts[row, first], ends, ramp, shift, last[row], before[row]
            )
    if used == 0:
        return
    run_feedback(
        block, lane_phases, lane_increments, lane_attenuations, lane_ramps, lane_shifts, lane_last, lane_before
    )
    for lane in range(used):
        row = lane_rows[lane]
        last[row], before[row] = lane_last[lane], lane_before[lane]
        for k in range(BLOCK):
            samples[row, k] = block[k, lane]


@jit
def _add_carriers(
    out: Float32Array, row: Int, start: Int, count: Int, samples: Int32Array, carriers: Int32Array, carrier_count: Int
) -> None:
    """Write the sum of the first `carrier_count` carriers, rows of `samples`, to `count` samples of `out`.

    Changes the first carrier's row if there are more than three.
    """
    a, b, c = carriers[0], carriers[1], carriers[2]
    if carrier_count == 0:
        for k in range(count):
            out[row, start + k] = 0
    elif carrier_count == 1:
        for k in range(count):
            out[row, start + k] = np.float32(samples[a, k]) * _UNIT
    elif carrier_count == 2:
        for k in range(count):
            out[row, start + k] = np.float32(i32(samples[a, k] + samples[b, k])) * _UNIT
    else:
        for other in range(3, carrier_count):
            d = carriers[other]
            for k in range(BLOCK):
                samples[a, k] += samples[d, k]
        for k in range(count):
            out[row, start + k] = np.float32(i32(samples[a, k] + samples[b, k] + samples[c, k])) * _UNIT


def _render_group(notes: Any, operators: Any, out: Float32Array) -> None:
    """Render up to GROUP notes from the states of `start_notes` to `out`, `float32[n, samples]`.

    notes, operators: NOTE `[n]` and OPERATOR `[n, 6]`. Both are changed.
    """
    count, length = out.shape
    increments = np.zeros((GROUP, OPERATORS), np.int32)
    starts = np.zeros((GROUP, OPERATORS), np.int32)
    ends = np.full((GROUP, OPERATORS), i32(FIRST_ATTENUATION), np.int32)
    phases = np.zeros((GROUP, OPERATORS), np.int32)
    audible = np.zeros((GROUP, OPERATORS), np.bool_)
    last, before = np.zeros(GROUP, np.int32), np.zeros(GROUP, np.int32)
    lanes, block = np.zeros((8, GROUP), np.int32), np.zeros((BLOCK, GROUP), np.int32)
    fed, fed_samples = np.zeros(GROUP, np.bool_), np.zeros((GROUP, BLOCK), np.int32)
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
            highest, carrier_count = OPERATORS - 1, 0
            if fed[row] and LOOP_END[algorithm] != FEEDBACK_OPERATOR[algorithm]:
                highest = LOOP_END[algorithm]  # the others of the loop are computed
                needed |= 1 << highest  # audible even where its own envelope is silent (measured)
            for o in range(highest, -1, -1):
                if not needed >> o & 1:
                    continue
                if fed[row] and o == LOOP_END[algorithm]:
                    for k in range(BLOCK):
                        samples[o, k] = fed_samples[row, k]
                else:
                    modulator_count = 0
                    for m in range(MODULATOR_COUNTS[algorithm, o]):
                        if audible[row, MODULATORS[algorithm, o, m]]:
                            modulators[modulator_count] = MODULATORS[algorithm, o, m]
                            modulator_count += 1
                    attenuation = starts[row, o]
                    ramp = _ramp(attenuation, ends[row, o])
                    phase, increment = phases[row, o], increments[row, o]
                    run_operator(samples, o, modulators, modulator_count, phase, increment, attenuation, ramp)
                if IS_CARRIER[algorithm, o]:
                    carriers[carrier_count] = o
                    carrier_count += 1
            _add_carriers(out, row, start, min(BLOCK, length - start), samples, carriers, carrier_count)
            for o in range(OPERATORS):
                phases[row, o] = i32(phases[row, o] + increments[row, o] * i32(BLOCK))


render_group = ENGINE.compile(
    _render_group,
    numba.void(numba.from_dtype(NOTE)[::1], numba.from_dtype(OPERATOR)[:, ::1], numba.float32[:, ::1]),
)
