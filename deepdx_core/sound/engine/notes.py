"""A voice played at a key: the integers with which the kernel starts, as numpy records.

Pitches and levels are in 2**-24 octave: see `tables.OCTAVE`.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.sound.engine.routing import OPERATORS
from deepdx_core.sound.engine.tables import (
    AMP_SENSITIVITIES,
    BLOCK,
    BREAK_POINT_0,
    COARSE_RATIOS,
    DETUNED_KEYS,
    EXPONENTIAL_CURVE,
    FINE_RATIOS,
    FIXED_DETUNE,
    FIXED_STEP,
    FULL_LEVEL,
    LFO_STEPS,
    NEUTRAL_VELOCITY,
    OCTAVE,
    OUTPUT_LEVELS,
    PITCH_EG_LEVELS,
    PITCH_EG_RATES,
    PITCH_SENSITIVITIES,
    SAMPLE_RATE,
    VELOCITIES,
)
from deepdx_core.voice.columns import operator_columns
from deepdx_core.voice.parameters import INDEX, PARAMETERS

NOTE = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("algorithm", "feedback", "key_up_block", "released"),
            *("lfo_phase", "lfo_step", "lfo_wave", "lfo_random", "lfo_in_use"),
            *("delay_phase", "delay_step", "fade_step"),
            *("pitch_depth", "pitch_sensitivity", "amp_depth", "wheel", "aftertouch", "bias", "bend"),
            *("pitch_segment", "pitch_level", "pitch_shift"),
        )
    ]
    + [("pitch_rates", np.int64, 4), ("pitch_levels", np.int64, 4)]
)
"""State of a note: all but its operators.

key_up_block: first block after key-up. released: 1 from then on. lfo_phase, lfo_step, delay_phase, delay_step,
fade_step: in 2**-32 cycle. lfo_in_use: 1 where the LFO can move pitch or levels. pitch_depth, pitch_sensitivity,
amp_depth, wheel, aftertouch, bias: 0 to 255. pitch_segment: 0 to 3, and 4 at the end. pitch_rates: per block.
pitch_shift: sum of pitch envelope, LFO and pitch bend in the last block.
"""

OPERATOR = np.dtype(
    [
        (name, np.int64)
        for name in (
            *("pitch", "fixed", "output_level", "rate_scaling", "amp_sensitivity"),
            *("segment", "level", "target", "rising", "step", "hold"),
            *("modulation", "attenuation"),
        )
    ]
    + [("rates", np.int64, 4), ("levels", np.int64, 4)]
)
"""State of an operator of a note.

fixed: 1 where its frequency does not depend on the key. output_level: in 1/32 of a step of OUTPUT_LEVELS. segment: 0 to
3, and 4 at the end. step: fall per block; a rise is step times the octaves left to CEILING. hold: samples until the
next segment, if this one stays where it is. modulation, attenuation: amplitude modulation in the last block, and the
part of the level that it removes, in 2**-28; kept because the exponential between them is costly.
"""

NEVER = 1 << 40
"""Value before the first block of `modulation` and `pitch_shift`, which keep that of the last block."""

_COLUMNS = {
    name: operator_columns(name)
    for name in (
        *("break_point", "left_depth", "right_depth", "left_curve", "right_curve", "rate_scaling"),
        *("amp_mod_sensitivity", "velocity_sensitivity", "output_level", "mode", "coarse", "fine", "detune"),
    )
}
_RATES = np.stack([operator_columns(f"eg_rate_{n}") for n in range(1, 5)], axis=1)  # [6, 4]
_LEVELS = np.stack([operator_columns(f"eg_level_{n}") for n in range(1, 5)], axis=1)
_PITCH_RATES = [INDEX[f"pitch_eg_rate_{n}"] for n in range(1, 5)]
_PITCH_LEVELS = [INDEX[f"pitch_eg_level_{n}"] for n in range(1, 5)]
_DEPTH = 255  # highest depth of modulation


@dataclass(frozen=True)
class Controllers:
    """Positions of the controllers, held throughout a note.

    Their assignments are not part of a voice. Here they are as on many DX7s: the wheel adds to the LFO's pitch
    modulation, aftertouch to its amplitude modulation, and breath is the envelope bias: the softer the breath,
    the softer the sensitive operators.

    pitch_bend: semitones, -12 to 12. wheel, aftertouch: 0 to 1. breath: 0 to 1, None if not in use.
    """

    pitch_bend: float = 0.0
    wheel: float = 0.0
    aftertouch: float = 0.0
    breath: float | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a position out of range, naming it."""
        for name, low in (("pitch_bend", -12), ("wheel", 0), ("aftertouch", 0), ("breath", 0)):
            position, high = getattr(self, name), 12 if name == "pitch_bend" else 1
            if position is None and name == "breath":
                continue
            if position is None or not low <= position <= high:
                raise ValueError(f"{name} is {position}, its range is {low} to {high}")


NO_CONTROLLERS = Controllers()


def start_notes(
    parameters: UInt8Array, notes: Int64Array, velocities: Int64Array, key_up: int, controllers: Controllers
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void]]:
    """Return the states before the first block of legal voices, `uint8[n, 145]`: NOTE `[n]` and OPERATOR `[n, 6]`.

    notes, velocities: MIDI notes and velocities, `int64[n]`. key_up: samples until key-up.
    """
    values = parameters.astype(np.int64)
    transposition = values[:, INDEX["transpose"]] - PARAMETERS[INDEX["transpose"]].default
    keys = (notes + transposition).clip(0, 127)[:, None]
    operator = {name: values[:, columns] for name, columns in _COLUMNS.items()}  # each [n, 6]

    operators = np.zeros((len(values), OPERATORS), OPERATOR)
    operators["rates"] = values[:, _RATES]
    operators["levels"] = values[:, _LEVELS]
    operators["output_level"] = _output_level(operator, keys, velocities[:, None])
    # Rate scaling (msfa, dx7note): by groups of three keys.
    operators["rate_scaling"] = (operator["rate_scaling"] * (keys // 3 - 7).clip(0, 31)) >> 3
    operators["amp_sensitivity"] = AMP_SENSITIVITIES[operator["amp_mod_sensitivity"]]
    operators["fixed"] = operator["mode"]
    operators["pitch"] = np.where(operator["mode"] == 1, _fixed_pitch(operator), _pitch(operator, keys))
    operators["modulation"] = NEVER

    states = np.zeros(len(values), NOTE)
    for name in ("algorithm", "feedback", "lfo_wave"):
        states[name] = values[:, INDEX[name]]
    states["key_up_block"] = -(-key_up // BLOCK)  # rounded up (measured)
    states["pitch_rates"] = PITCH_EG_RATES[values[:, _PITCH_RATES]] * _per_block(OCTAVE / 21.3)
    states["pitch_levels"] = PITCH_EG_LEVELS[values[:, _PITCH_LEVELS]] * (OCTAVE // 32)
    states["pitch_level"] = states["pitch_levels"][:, 3]
    states["pitch_shift"] = NEVER
    sensitive: BoolArray = np.any(operators["amp_sensitivity"] > 0, axis=1)
    _start_lfo(states, values, sensitive, controllers)
    return states, operators


def _output_level(operator: dict[str, Int64Array], keys: Int64Array, velocities: Int64Array) -> Int64Array:
    """Return output levels with keyboard scaling and velocity, in 1/32 of a step of OUTPUT_LEVELS (msfa, dx7note)."""
    distance = keys - operator["break_point"] - BREAK_POINT_0
    right = distance >= 0
    depth = np.where(right, operator["right_depth"], operator["left_depth"])
    curve = np.where(right, operator["right_curve"], operator["left_curve"])  # -LIN, -EXP, +EXP, +LIN
    groups = (np.abs(distance) + 1) // 3  # of three keys (measured; msfa: distance / 3)
    # 329 / 2**15 is 1 / 99.6, for a depth of up to 99. The linear curve has 8 steps a group.
    linear = (groups * depth * 329) >> 12
    exponential = (EXPONENTIAL_CURVE[groups.clip(0, len(EXPONENTIAL_CURVE) - 1)] * depth * 329) >> 15
    scaling = np.where((curve == 0) | (curve == 3), linear, exponential) * np.where(curve < 2, -1, 1)
    level = np.minimum(OUTPUT_LEVELS[operator["output_level"]] + scaling, FULL_LEVEL) << 5
    velocity = (operator["velocity_sensitivity"] * (VELOCITIES[velocities >> 1] - NEUTRAL_VELOCITY) + 7) >> 3
    return np.asarray(np.maximum(level + (velocity << 4), 0))


def _pitch(operator: dict[str, Int64Array], keys: Int64Array) -> Int64Array:
    """Return the pitch of frequencies with a ratio to the key's (msfa, dx7note)."""
    return DETUNED_KEYS[keys, operator["detune"]] + COARSE_RATIOS[operator["coarse"]] + FINE_RATIOS[operator["fine"]]


def _fixed_pitch(operator: dict[str, Int64Array]) -> Int64Array:
    """Return the pitch of fixed frequencies: four decades from 1 Hz (msfa); detune only raises them (measured)."""
    pitch = (FIXED_STEP * ((operator["coarse"] & 3) * 100 + operator["fine"])) >> 3
    return np.asarray(pitch + FIXED_DETUNE * (operator["detune"] - 7).clip(0, None))


def _start_lfo(
    states: npt.NDArray[np.void], values: Int64Array, sensitive: BoolArray, controllers: Controllers
) -> None:
    states["lfo_step"] = LFO_STEPS[values[:, INDEX["lfo_speed"]]]
    # Sync starts at half a cycle (msfa, lfo); without it, every note starts at 0 (measured).
    states["lfo_phase"] = np.where(values[:, INDEX["lfo_sync"]] == 1, (1 << 31) - 1, 0)
    # Depths of 0 to 99 become 0 to 255 (msfa, dx7note).
    states["pitch_depth"] = (values[:, INDEX["lfo_pitch_depth"]] * 165) >> 6
    states["amp_depth"] = (values[:, INDEX["lfo_amp_depth"]] * 165) >> 6
    states["pitch_sensitivity"] = PITCH_SENSITIVITIES[values[:, INDEX["pitch_mod_sensitivity"]]]
    states["wheel"] = _round(controllers.wheel * _DEPTH)
    states["aftertouch"] = _round(controllers.aftertouch * _DEPTH)
    states["bias"] = 0 if controllers.breath is None else _round((1 - controllers.breath) * _DEPTH)
    states["bend"] = _round(controllers.pitch_bend * OCTAVE / 12)
    modulates_pitch = (states["pitch_depth"] + states["wheel"]) * states["pitch_sensitivity"] > 0
    modulates_level = sensitive & (states["amp_depth"] + states["aftertouch"] > 0)
    states["lfo_in_use"] = modulates_pitch | modulates_level
    # Delay (msfa, lfo): silent for the first half of its phase, faded in during the second, with a step of its own.
    fastness = 99 - values[:, INDEX["lfo_delay"]]
    step = (16 + (fastness & 15)) << (1 + (fastness >> 4))
    unit = _per_block(25_190_424)
    at_once = fastness == 99
    states["delay_step"] = np.where(at_once, (1 << 32) - 1, unit * step)
    states["fade_step"] = np.where(at_once, (1 << 32) - 1, unit * np.maximum(step & 0xFF80, 0x80))


def _per_block(per_second: float) -> int:
    return _round(BLOCK * per_second / SAMPLE_RATE)


def _round(value: float) -> int:
    return math.floor(value + 0.5)  # as in the browser's engine: Python's round() rounds halves to even
