"""Voices of the reface DX as DX7 voices, for ten of its twelve algorithms.

Its parameters are the DX7's own in other ranges, 0 to 127 for most, and are scaled to the DX7's; that is not measured.
LFO speeds are published measurements.
"""

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.conversions.four_operators import nearest_lfo_speed
from deepdx_core.conversions.losses import OUT_OF_RANGE, Converted, collect_losses
from deepdx_core.conversions.sy77_laws import nearest
from deepdx_core.sound.engine.tables import PITCH_EG_LEVELS
from deepdx_core.synths.four_operators.reface_dx import COMMON, OPERATOR
from deepdx_core.voice.parameters import INDEX

OPERATORS = 4

# DX7 algorithm, and the DX7 operators that stand for operators 1 to 4; all others are silent. Feedback is the DX7's
# where it is operator 4's. Algorithms 4 and 7 have no counterpart.
_ALGORITHMS = np.array([1, 14, 8, 0, 13, 3, 0, 5, 22, 25, 31, 32]) - 1
_STANDING = np.array([[3, 4, 5, 6]] * 12)
_STANDING[2] = [3, 5, 6, 4]
_STANDING[5] = [1, 4, 5, 6]

_LFO_WAVES = np.array([4, 0, 2, 1, 3, 5, 5])
_SAMPLE_AND_HOLD_8 = 5
_LFO_POINTS = np.array([0, 1, 16, 32, 64, 80, 96, 112, 127])
_LFO_HERTZ = np.array([0.0263, 0.0421, 0.6728, 1.3455, 2.6914, 4.3725, 8.409, 17.48, 39.68])
_CENTER = 64


def _scaled(values: Int64Array, maximum: int = 99) -> Int64Array:
    return np.rint(values * maximum / 127).astype(np.int64)


def convert_reface_dx(common: UInt8Array, operators: UInt8Array, names: UInt8Array) -> Converted:
    """Convert values of common data `uint8[n, fields]` and operators 1 to 4 `uint8[n, 4, fields]`."""
    n = len(common)
    voice = {field.name: common[:, i].astype(np.int64) for i, field in enumerate(COMMON.fields)}
    op = {field.name: operators[:, :, i].astype(np.int64) for i, field in enumerate(OPERATOR.fields)}
    number = voice["algorithm"].clip(max=len(_ALGORITHMS) - 1)
    possible = _ALGORITHMS[number] >= 0
    standing = _STANDING[number]
    dx7 = np.tile(INIT_VOICE.astype(np.int64), (n, 1))
    for operator in range(1, 7):
        dx7[:, INDEX[f"op{operator}_output_level"]] = 0
    rows = np.arange(n)[:, None]

    def put(name: str, values: Int64Array) -> None:
        columns = np.array([INDEX[f"op{operator}_{name}"] for operator in range(1, 7)])
        dx7[rows, columns[standing - 1]] = values

    for k in range(1, 5):
        put(f"eg_rate_{k}", _scaled(op[f"eg_rate_{k}"]))
        put(f"eg_level_{k}", _scaled(op[f"eg_level_{k}"]))
    for name in ("left_depth", "right_depth"):
        put(name, _scaled(op[name]))
    for name in ("left_curve", "right_curve", "mode", "coarse", "fine"):
        put(name, op[name])
    put("rate_scaling", _scaled(op["rate_scaling"], 7))
    put("velocity_sensitivity", _scaled(op["velocity_sensitivity"], 7))
    put("output_level", _scaled(op["output_level"]) * op["on"].clip(max=1))
    put("detune", 7 + np.rint((op["detune"] - _CENTER) * 7 / _CENTER).astype(np.int64))
    depth = op["lfo_amp_depth"].max(axis=1)
    put("amp_mod_sensitivity", np.rint(3 * op["lfo_amp_depth"] / np.maximum(depth, 1)[:, None]).astype(np.int64))

    heard = (op["output_level"] > 0) & (op["on"] > 0)
    pitch_on = (op["lfo_pitch"] > 0) & heard
    hertz = np.exp(np.interp(voice["lfo_speed"], _LFO_POINTS, np.log(_LFO_HERTZ)))
    values = {
        "algorithm": _ALGORITHMS[number].clip(0),
        "feedback": _scaled(op["feedback"][:, -1], 7),
        "lfo_speed": nearest_lfo_speed(hertz),
        "lfo_delay": _scaled(voice["lfo_delay"]),
        "lfo_pitch_depth": _scaled(voice["lfo_pitch_depth"]) * pitch_on.any(axis=1),
        "lfo_amp_depth": _scaled(depth),
        "lfo_wave": _LFO_WAVES[voice["lfo_wave"].clip(max=len(_LFO_WAVES) - 1)],
        "pitch_mod_sensitivity": 7,
        "transpose": 24 + voice["transpose"] - _CENTER,
    }
    for k in range(1, 5):
        values[f"pitch_eg_rate_{k}"] = _scaled(voice[f"pitch_eg_rate_{k}"])
        semitones = voice[f"pitch_eg_level_{k}"] - _CENTER
        level = nearest(PITCH_EG_LEVELS, np.rint(semitones * 32 / 12).astype(np.int64))
        values[f"pitch_eg_level_{k}"] = np.where(semitones == 0, 50, level)
    for name, value in values.items():
        dx7[:, INDEX[name]] = value
    moves: BoolArray = np.any([voice[f"pitch_eg_level_{k}"] != _CENTER for k in range(1, 5)], axis=0)

    def any_heard(found: BoolArray) -> BoolArray:
        return np.asarray((found & heard).any(axis=1))

    of_operators = OPERATOR.out_of_range(operators.reshape(-1, operators.shape[2])).reshape(
        n, OPERATORS * operators.shape[2]
    )
    out_of_range: BoolArray = np.any(np.concatenate([COMMON.out_of_range(common), of_operators], axis=1), axis=1)
    losses = collect_losses(
        {
            OUT_OF_RANGE: out_of_range,
            "algorithm that no DX7 has": ~possible,
            "feedback of operators 1 to 3": any_heard((op["feedback"] > 0) & (np.arange(OPERATORS) < OPERATORS - 1)),
            "feedback as a square": any_heard((op["feedback"] > 0) & (op["feedback_type"] > 0)),
            "pitch modulation by operator": any_heard(op["lfo_pitch"] == 0)
            & np.any(pitch_on, axis=1)
            & (voice["lfo_pitch_depth"] > 0),
            "pitch envelope by operator": any_heard(op["pitch_eg"] == 0) & moves,
            "sample and hold in eight steps": voice["lfo_wave"] == _SAMPLE_AND_HOLD_8,
            "transposition beyond the DX7's": np.abs(voice["transpose"] - _CENTER) > 24,
            "effects": np.asarray(voice["effect_1_type"] + voice["effect_2_type"] > 0),
            "mono": voice["part_mode"] > 0,
            "portamento": voice["portamento_time"] > 0,
            "pitch bend range": voice["bend_range"] != _CENTER + 2,
        }
    )
    legal = np.where(possible[:, None], dx7.clip(0, MAXIMA), INIT_VOICE)
    return Converted(legal.astype(np.uint8), names, possible, losses)
