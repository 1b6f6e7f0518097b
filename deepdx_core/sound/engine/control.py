"""Once a block: envelopes, pitch envelope and LFO of a note, to phase increments and attenuations of its operators.

Compiled with the kernel. Shifts to the right round down, as in the integer arithmetic of the sources.
"""

import math
from typing import Any

import numpy as np

from deepdx_core.arrays import BoolArray, Int32Array
from deepdx_core.compilation import Int, inline, jit
from deepdx_core.sound.engine.notes import NEVER
from deepdx_core.sound.engine.routing import OPERATORS
from deepdx_core.sound.engine.tables import (
    BLOCK,
    CEILING,
    FULL_HOLD_RATE,
    FULL_TARGET,
    HOLDS,
    INAUDIBLE,
    INCREMENTS,
    JUMP,
    LFO_SINE,
    LOWEST_TARGET,
    OCTAVE,
    OUTPUT_LEVELS,
    SHORT_HOLD,
    SILENT,
)

_RELEASE = 3  # segment of an envelope from key-up on
_END = 4  # after the last segment
_UINT32 = (1 << 32) - 1
_HALF = 1 << 31  # half a cycle of the LFO, and the end of its delay
_HIGHEST_OCTAVE = 20  # that of INCREMENTS


@jit
def start_segment(operator: Any) -> None:
    """Begin an envelope's segment: set its target, step and hold (msfa, env; holds measured)."""
    segment = operator.segment
    if segment == _END:
        return
    level, rate = operator.levels[segment], operator.rates[segment]
    operator.target = max(LOWEST_TARGET, ((OUTPUT_LEVELS[level] >> 1) << 6) + operator.output_level - FULL_TARGET) << 16
    operator.rising = operator.target > operator.level
    scaled = min(63, ((rate * 41) >> 6) + operator.rate_scaling)
    operator.step = (4 + (scaled & 3)) << (8 + (scaled >> 2))
    operator.hold = 0
    from_silence = segment == 0 and level == 0
    if operator.target == operator.level or from_silence:
        scaled = min(99, rate + operator.rate_scaling)
        operator.hold = HOLDS[scaled]
        if from_silence and scaled < FULL_HOLD_RATE:
            operator.hold //= SHORT_HOLD


@jit
def _next_level(operator: Any, released: bool) -> Int:
    """Return the level of an envelope at the end of this block (msfa, env)."""
    if operator.hold > 0:
        operator.hold -= BLOCK
        if operator.hold > 0:
            return operator.level
        operator.segment += 1
        start_segment(operator)
    if operator.hold > 0 or operator.segment == _END or (operator.segment == _RELEASE and not released):
        return operator.level
    level = operator.level
    if operator.rising:
        level = max(level, JUMP)
        level += ((CEILING - level) >> 24) * operator.step
        arrived = level >= operator.target
    else:
        level -= operator.step
        arrived = level <= operator.target
    if arrived:
        level = operator.target
    operator.level = level
    if arrived:
        operator.segment += 1
        start_segment(operator)
    return level


@jit
def _next_pitch_level(note: Any) -> Int:
    """Return the shift of the pitch by its envelope, after this block (msfa, pitchenv)."""
    segment = note.pitch_segment
    if segment < _RELEASE or (segment == _RELEASE and note.released):
        target, step = note.pitch_levels[segment], note.pitch_rates[segment]
        if target > note.pitch_level:
            note.pitch_level = min(note.pitch_level + step, target)
        else:
            note.pitch_level = max(note.pitch_level - step, target)
        if note.pitch_level == target:
            note.pitch_segment += 1
    return note.pitch_level


@jit
def _next_lfo(note: Any) -> Int:
    """Return the LFO's wave, 0 to 2**24 (msfa, lfo)."""
    phase = (note.lfo_phase + note.lfo_step) & _UINT32
    wrapped = phase < note.lfo_step
    note.lfo_phase = phase
    if note.lfo_wave == 0:  # triangle
        return ((_UINT32 - phase if phase >= _HALF else phase) >> 7) & (OCTAVE - 1)
    if note.lfo_wave == 1:  # saw down
        return ((_HALF - 1 - phase) & _UINT32) >> 8
    if note.lfo_wave == 2:  # saw up
        return ((phase + _HALF) & _UINT32) >> 8
    if note.lfo_wave == 3:  # square
        return OCTAVE if phase < _HALF else 0
    if note.lfo_wave == 4:  # sine
        place, between = phase >> 22, (phase >> 8) & 0x3FFF
        sine = LFO_SINE[place] + (((LFO_SINE[place + 1] - LFO_SINE[place]) * between) >> 14)
        return (OCTAVE >> 1) + (sine >> 1)
    if wrapped:  # sample and hold
        note.lfo_random = (note.lfo_random * 179 + 17) & 0xFF
    return ((note.lfo_random ^ 0x80) + 1) << 16


@jit
def _next_fade(note: Any) -> Int:
    """Return the share of the LFO's depth that its delay lets through, 0 to 2**24 (msfa, lfo)."""
    phase = note.delay_phase + (note.delay_step if note.delay_phase < _HALF else note.fade_step)
    if phase > _UINT32:
        return OCTAVE
    note.delay_phase = phase
    return (phase >> 7) & (OCTAVE - 1) if phase >= _HALF else 0


@jit
def _modulations(note: Any) -> tuple[Int, Int]:
    """Return the LFO's shift of the pitch, and the modulation of levels, 0 to 255 * 2**16 (msfa, lfo, dx7note)."""
    if not note.lfo_in_use:
        return 0, note.bias << 16
    lfo, fade = _next_lfo(note), _next_fade(note)
    pitch_depth = min(note.pitch_depth * fade + (note.wheel << 24), 255 << 24)
    amp_depth = min(note.amp_depth * fade + (note.aftertouch << 24), 255 << 24)
    shift = (pitch_depth * (note.pitch_sensitivity * (lfo - (OCTAVE >> 1)))) >> 39
    modulation = ((amp_depth >> 8) * (OCTAVE - lfo)) >> 24
    return shift, min(modulation + (note.bias << 16), 255 << 16)


@inline
def _modulate_level(operator: Any, level: Int, modulation: Int) -> Int:
    """Return a level under amplitude modulation (Plaits; constants measured)."""
    modulation = (modulation * operator.amp_sensitivity) >> 24
    if modulation != operator.modulation:
        operator.modulation = modulation
        operator.attenuation = np.int64(math.exp(modulation * (0.07 / 262_144) + 12.2)) << 4
    return level - ((level * operator.attenuation) >> 28)


@inline
def _increment(pitch: Int) -> Int:
    """Return the phase increment of a pitch (msfa, freqlut).

    A shift takes only its lowest five bits (measured): from 2**21 Hz on, an operator all but stands still.
    """
    place = (pitch & (OCTAVE - 1)) >> 14
    low, high = INCREMENTS[place], INCREMENTS[place + 1]
    return (low + (((high - low) * (pitch & 0x3FFF)) >> 14)) >> ((_HIGHEST_OCTAVE - (pitch >> 24)) & 31)


@jit
def control(
    note: Any,
    operators: Any,
    row: Int,
    block: Int,
    increments: Int32Array,
    starts: Int32Array,
    ends: Int32Array,
    audible: BoolArray,
) -> None:
    """Advance a note by a block. `block` counts from 0.

    Sets the note's row of increments (of phases), starts and ends (attenuations at both ends of the block, in 1/1024
    octave) and audible (True where an operator is), each `[n, 6]`.
    """
    if block >= note.key_up_block and not note.released:
        note.released = 1
        note.pitch_segment = _RELEASE
        for o in range(OPERATORS):
            operators[row, o].segment = _RELEASE
            start_segment(operators[row, o])
    shift, modulation = _modulations(note)
    shift += _next_pitch_level(note) + note.bend
    first, moved = note.pitch_shift == NEVER, note.pitch_shift != shift
    note.pitch_shift = shift
    for o in range(OPERATORS):
        operator = operators[row, o]
        level = _next_level(operator, note.released)
        if operator.amp_sensitivity:
            level = _modulate_level(operator, level, modulation)
        starts[row, o] = ends[row, o]
        ends[row, o] = SILENT - (level >> 14)
        audible[row, o] = starts[row, o] <= INAUDIBLE or ends[row, o] <= INAUDIBLE
        if operator.fixed:
            if first:
                increments[row, o] = _increment(operator.pitch)
        elif moved:
            increments[row, o] = _increment(operator.pitch + shift)
