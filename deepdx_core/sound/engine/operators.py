"""The sine operators: a block of samples of an operator, from its phase, attenuation and modulators.

All numbers are `int32` and wrap: samples in 2**-12 of a full carrier, phases in 2**-24 cycle (measured), attenuations
in 1/1024 octave. Compiled with the kernel.
"""

import numpy as np

from deepdx_core.arrays import Int32Array
from deepdx_core.compilation import Int, inline, jit
from deepdx_core.sound.engine.tables import BLOCK, EXPONENTIAL, GROUP, LOG_SINE, MODULATION_SHIFT

i32 = np.int32


@inline
def sine(phase: Int, attenuation: Int) -> Int:
    """Return a sample of a sine (ROM). Attenuations add up and are looked up as one amplitude: no multiplication.

    attenuation: -896 (full level at full velocity) to 15781.
    """
    total = i32(LOG_SINE[np.uint32(phase >> i32(12)) & np.uint32(2047)] + attenuation)
    amplitude = i32(EXPONENTIAL[np.uint32(total) & np.uint32(1023)] >> (i32((total >> i32(10)) + i32(1)) & i32(31)))
    # The negative half is the complement: bit 23 of the phase, as a mask.
    return i32(amplitude ^ i32(i32(phase << i32(8)) >> i32(31)))


@jit
def run_operator(
    samples: Int32Array,
    o: Int,
    modulators: Int32Array,
    count: Int,
    phase: Int,
    increment: Int,
    attenuation: Int,
    ramp: Int,
) -> None:
    """Write a block of operator `o` to its row of `samples`, `int32[6, BLOCK]`, modulated by up to three others.

    modulators, count: these rows, `int32[3]`, and their number. ramp: change of the attenuation with each sample.
    """
    a, b, c = modulators[0], modulators[1], modulators[2]
    if count == 0:
        for k in range(BLOCK):
            samples[o, k] = sine(i32(phase + increment * i32(k)), i32(attenuation + ramp * i32(k + 1)))
    elif count == 1:
        for k in range(BLOCK):
            shift = i32(samples[a, k] << i32(MODULATION_SHIFT))
            samples[o, k] = sine(i32(phase + increment * i32(k) + shift), i32(attenuation + ramp * i32(k + 1)))
    elif count == 2:
        for k in range(BLOCK):
            shift = i32(i32(samples[a, k] + samples[b, k]) << i32(MODULATION_SHIFT))
            samples[o, k] = sine(i32(phase + increment * i32(k) + shift), i32(attenuation + ramp * i32(k + 1)))
    else:
        for k in range(BLOCK):
            shift = i32(i32(samples[a, k] + samples[b, k] + samples[c, k]) << i32(MODULATION_SHIFT))
            samples[o, k] = sine(i32(phase + increment * i32(k) + shift), i32(attenuation + ramp * i32(k + 1)))


@jit
def run_feedback(
    samples: Int32Array,
    phases: Int32Array,
    increments: Int32Array,
    attenuations: Int32Array,
    ramps: Int32Array,
    shifts: Int32Array,
    last: Int32Array,
    before: Int32Array,
) -> None:
    """Write a block of GROUP operators that modulate themselves to `samples`, `int32[BLOCK, GROUP]`.

    The other arguments are `int32[GROUP]`. last, before: the last sample of each and the one before it. They are
    updated, as are phases and attenuations.
    """
    for k in range(BLOCK):
        for lane in range(GROUP):
            attenuations[lane] = i32(attenuations[lane] + ramps[lane])
            feedback = i32(i32(last[lane] + before[lane]) << (shifts[lane] & i32(31)))
            sample = sine(i32(phases[lane] + feedback), attenuations[lane])
            phases[lane] = i32(phases[lane] + increments[lane])
            before[lane] = last[lane]
            last[lane] = sample
            samples[k, lane] = sample


@jit
def run_loop(
    samples: Int32Array,
    row: Int,
    end: Int,
    phases: Int32Array,
    increments: Int32Array,
    attenuation: Int,
    attenuations: Int32Array,
    ramp: Int,
    shift: Int,
    last: Int,
    before: Int,
) -> tuple[Int, Int]:
    """Write a block of the loop of algorithm 4 or 6, from operator 6 down to `end`, to a row of `samples`.

    Each operator is modulated by the one before it, and operator 6 by the last two samples of `end`. Only operator 6's
    attenuation moves within a block (measured). phases, increments, attenuations: `int32[n, 6]`. last, before: the last
    sample of `end` and the one before it; returns their new values.
    """
    phase_6, phase_5, phase_4 = phases[row, 5], phases[row, 4], phases[row, 3]
    for k in range(BLOCK):
        attenuation = i32(attenuation + ramp)
        sample = sine(i32(phase_6 + (i32(last + before) << (shift & i32(31)))), attenuation)
        phase_6 = i32(phase_6 + increments[row, 5])
        sample = sine(i32(phase_5 + (sample << i32(MODULATION_SHIFT))), attenuations[row, 4])
        phase_5 = i32(phase_5 + increments[row, 4])
        if end == 3:
            sample = sine(i32(phase_4 + (sample << i32(MODULATION_SHIFT))), attenuations[row, 3])
            phase_4 = i32(phase_4 + increments[row, 3])
        before = last
        last = sample
        samples[row, k] = sample
    return last, before
