"""Levels of a voice predicted from its parameters alone, without rendering."""

from collections.abc import Iterable

import numpy as np

from deepdx_core.arrays import BoolArray, Float64Array, UInt8Array
from deepdx_core.sound.engine.tables import BREAK_POINT_0, EXPONENTIAL_CURVE, FULL_LEVEL, OUTPUT_LEVELS
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX, PARAMETERS

_DB_PER_STEP = 0.7526  # a step of OUTPUT_LEVELS, 1/8 octave

SILENCE_DB = -60.0
"""Level below which a sound is inaudible, relative to a single carrier at full level."""

MIDDLE_C = 60
"""MIDI note number."""
_KEYBOARD = range(36, 97, 12)  # every C of the DX7's 61 keys
_LINEAR = 8  # the linear curve, for each group of three keys; the other is EXPONENTIAL_CURVE
_STEPS_PER_DEPTH = 329 / 32768  # for a depth of 1, as in `engine.notes`

_LEVELS = np.stack([operator_columns(f"eg_level_{n}") for n in (1, 2, 3, 4)], axis=1)  # [6, 4]
_SCALING = {
    name: operator_columns(name) for name in ("break_point", "left_depth", "right_depth", "left_curve", "right_curve")
}
_OUTPUT_LEVEL = operator_columns("output_level")


def _key_scaling(parameters: UInt8Array, key: int) -> Float64Array:
    """Return the steps by which keyboard scaling raises each operator's output level at a key, `float64[n, 6]`."""
    scaling = {name: parameters[:, columns].astype(np.int64) for name, columns in _SCALING.items()}  # each [n, 6]
    sounding_key = key + parameters[:, [INDEX["transpose"]]].astype(np.int64) - PARAMETERS[INDEX["transpose"]].default
    distance = sounding_key - scaling["break_point"] - BREAK_POINT_0  # [n, 6]
    right = distance >= 0
    depth = np.where(right, scaling["right_depth"], scaling["left_depth"])
    curve = np.where(right, scaling["right_curve"], scaling["left_curve"])
    groups = (np.abs(distance) + 1) // 3  # scaling works by groups of three keys
    linear = (curve == 0) | (curve == 3)  # the curves are -LIN, -EXP, +EXP, +LIN
    shape = np.where(linear, _LINEAR * groups, EXPONENTIAL_CURVE[np.minimum(groups, len(EXPONENTIAL_CURVE) - 1)])
    sign = np.where(curve < 2, -1.0, 1.0)
    return np.asarray(sign * shape * depth * _STEPS_PER_DEPTH)


def _level_db(parameters: UInt8Array, envelope_levels: UInt8Array, key: int) -> Float64Array:
    """Return the level of all carriers together, in dB, `float64[n]`, at envelope levels `uint8[n, 6]` by operator."""
    envelopes = OUTPUT_LEVELS[envelope_levels]  # [n, 6]
    outputs = (OUTPUT_LEVELS[parameters[:, _OUTPUT_LEVEL]] + _key_scaling(parameters, key)).clip(0, FULL_LEVEL)
    decibels = -_DB_PER_STEP * ((FULL_LEVEL - envelopes) + (FULL_LEVEL - outputs))
    amplitudes = 10 ** (decibels / 20) * CARRIERS[parameters[:, INDEX["algorithm"]]]
    return np.asarray(20 * np.log10(amplitudes.sum(axis=1)))


def loudest_db(parameters: UInt8Array, keys: Iterable[int] = _KEYBOARD) -> Float64Array:
    """Return an upper bound of the level of legal voices, `uint8[n, 145]`, at the loudest key, `float64[n]`.

    In dB, 0 for one carrier at full level. Only carriers are audible. A carrier is at most as loud as its output level,
    scaled for the key, with the highest of its envelope's four levels; carriers of the algorithm add up. Ignores
    whether an envelope reaches its highest level before key-up (a slow voice is not silent), velocity and the LFO.

    keys: MIDI notes, by default every C of the DX7's keyboard.
    """
    peaks = parameters[:, _LEVELS].max(axis=2)  # [n, 6]
    return np.asarray(np.max([_level_db(parameters, peaks, key) for key in keys], axis=0))


def rest_db(parameters: UInt8Array) -> Float64Array:
    """Return the level at which legal voices, `uint8[n, 145]`, rest after key-up, `float64[n]`.

    In dB as in `loudest_db`: envelope level 4 with the output level, added up over the carriers, at middle C. A voice
    that rests above silence never stops sounding. Level 4 alone does not show that: a carrier may be turned down.
    """
    return _level_db(parameters, parameters[:, _LEVELS[:, 3]], MIDDLE_C)


def is_inaudible(parameters: UInt8Array) -> BoolArray:
    """Return True where a legal voice, `uint8[n, 145]`, is silent at middle C, however long it is held, `bool[n]`."""
    return loudest_db(parameters, [MIDDLE_C]) < SILENCE_DB
