"""DX7 voices as voices of the SY77 with one FM (AFM) element."""

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.conversions import sy77_laws as laws
from deepdx_core.conversions.level_scaling import fit_points
from deepdx_core.conversions.losses import Losses, collect_losses
from deepdx_core.conversions.sy77_routing import DX7_ROUTINGS, FEEDBACK_INPUTS, STANDING, SY77_NUMBERS
from deepdx_core.synths.kinds import SY77_VOICES
from deepdx_core.synths.messages import write_messages
from deepdx_core.synths.sy77.layouts import BANK_VOICES, INTERNAL, LAYOUTS, OPERATORS
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX

MODE = 3
"""Element mode of the voices: one AFM element, polyphonic."""

_LAYOUT = LAYOUTS[MODE]
_CORRECTIONS = np.array([0, 0, 1, 3, 4, 5, 6])
"""Output correction of carriers by their number."""
_SCALING = ("break_point", "left_depth", "right_depth", "left_curve", "right_curve")
_TOLERANCE = 4
"""Steps of 0.75 dB by which level scaling may be wrong at a key without being listed."""


def convert_to_sy77(parameters: UInt8Array) -> tuple[UInt8Array, Losses]:
    """Convert DX7 voices `uint8[n, 145]` to values of the SY77's layout, `uint8[n, fields]`, and their losses.

    Raises ValueError if a parameter is out of its range.
    """
    require_legal(parameters)
    dx7 = parameters.astype(np.int64)
    n = len(dx7)
    sy77 = np.zeros((n, len(_LAYOUT.fields)), np.int64)
    for name, value in laws.TEMPLATE.items():
        sy77[:, _LAYOUT.index[name]] = value
    algorithm = dx7[:, INDEX["algorithm"]]
    standing = STANDING[algorithm].astype(np.intp) - 1  # of operators 6 to 1, [n, 6]

    def of(name: str) -> Int64Array:
        """Return a DX7 parameter of the operators that stand in operators 6 to 1, `int64[n, 6]`."""
        return np.take_along_axis(dx7[:, operator_columns(name)], standing, axis=1)

    def put(name: str, values: Int64Array | UInt8Array | int) -> None:
        sy77[:, _LAYOUT.columns("element1_op{}_" + name, OPERATORS)] = values

    def put_element(name: str, values: Int64Array) -> None:
        sy77[:, _LAYOUT.index["element1_" + name]] = values

    for k in (1, 2, 3):
        put(f"eg_rate_{k}", laws.RATES[of(f"eg_rate_{k}")])
        put(f"eg_level_{k}", laws.LEVELS[of(f"eg_level_{k}")])
    put("eg_release_rate_1", laws.RATES[of("eg_rate_4")])
    # The fourth stage stays at level 3. Both release levels, and the level at key-on, are the DX7's level 4.
    put("eg_level_4", laws.LEVELS[of("eg_level_3")])
    for name in ("eg_release_level_1", "eg_release_level_2", "eg_level_0"):
        put(name, laws.LEVELS[of("eg_level_4")])
    for name in ("eg_rate_4", "eg_release_rate_2", "eg_hold"):
        put(name, 63)
    put("eg_loop", 3)
    put("output_level", laws.TOTAL_LEVELS[of("output_level")])
    for name in ("rate_scaling", "velocity_sensitivity", "amp_mod_sensitivity", "fine"):
        put(name, of(name))
    fixed = of("mode")
    put("fixed", fixed)
    put("coarse", np.where(fixed == 1, (of("coarse") & 3) + laws.FIXED_COARSE, of("coarse")))
    put("detune", laws.to_signed(of("detune") - laws.DETUNE_CENTER, 15))
    put("pitch_eg", 1)
    put("phase_reset", dx7[:, [INDEX["oscillator_sync"]]])
    put("pitch_mod_sensitivity", dx7[:, [INDEX["pitch_mod_sensitivity"]]])
    carriers = np.take_along_axis(CARRIERS[algorithm], standing, axis=1)
    put("output_correction", np.where(carriers, _CORRECTIONS[carriers.sum(axis=1)][:, None], 0))

    scaling = np.stack([of(name) for name in _SCALING], axis=2).reshape(-1, len(_SCALING))
    points, offsets, errors = fit_points(scaling)
    for k in range(4):
        put(f"break_point_{k + 1}", points[:, k].reshape(n, len(OPERATORS)))
        put(f"offset_{k + 1}", offsets[:, k].reshape(n, len(OPERATORS)) + 128)

    feedback = dx7[:, INDEX["feedback"]]
    put("inputs", DX7_ROUTINGS.inputs[algorithm])
    put("accumulator", DX7_ROUTINGS.accumulator[algorithm])
    put("bus", DX7_ROUTINGS.bus[algorithm])
    levels = np.where(FEEDBACK_INPUTS[algorithm], feedback[:, None, None], DX7_ROUTINGS.levels[algorithm])
    for k in (0, 1):
        put(f"input_level_{k}", levels[..., k])

    put_element("algorithm", SY77_NUMBERS[algorithm].astype(np.int64) - 1)
    for k in (1, 2, 3):
        put_element(f"pitch_eg_rate_{k}", laws.PITCH_RATES[dx7[:, INDEX[f"pitch_eg_rate_{k}"]]])
        put_element(f"pitch_eg_level_{k}", laws.PITCH_LEVELS[dx7[:, INDEX[f"pitch_eg_level_{k}"]]])
    put_element("pitch_eg_release_rate", laws.PITCH_RATES[dx7[:, INDEX["pitch_eg_rate_4"]]])
    for name in ("pitch_eg_level_0", "pitch_eg_release_level"):
        put_element(name, laws.PITCH_LEVELS[dx7[:, INDEX["pitch_eg_level_4"]]])
    put_element("lfo_speed", laws.LFO_SPEEDS[dx7[:, INDEX["lfo_speed"]]])
    for name in ("lfo_delay", "lfo_pitch_depth", "lfo_amp_depth", "lfo_wave"):
        put_element(name, dx7[:, INDEX[name]])
    put_element("lfo_phase", dx7[:, INDEX["lfo_sync"]])
    put_element("note_shift", dx7[:, INDEX["transpose"]] + laws.NOTE_SHIFT)

    audible: BoolArray = np.any(of("output_level") > 0, axis=1)
    moved = (dx7[:, INDEX["lfo_pitch_depth"]] * dx7[:, INDEX["pitch_mod_sensitivity"]] > 0) | (
        (dx7[:, INDEX["lfo_amp_depth"]] > 0) & (of("amp_mod_sensitivity") > 0).any(axis=1)
    )
    off = ((errors > _TOLERANCE) & (of("output_level").reshape(-1) > 0)).reshape(n, len(OPERATORS))
    losses = collect_losses(
        {
            "LFO key sync": audible & moved & (dx7[:, INDEX["lfo_sync"]] == 1),
            "LFO faster than the SY77's": audible & moved & (dx7[:, INDEX["lfo_speed"]] > 53),
            "level scaling, by over 3 dB at some key": np.asarray(off.any(axis=1)),
        }
    )
    return sy77.astype(np.uint8), losses


def write_sy77_voices(
    parameters: UInt8Array, names: UInt8Array, channel: int = 0, memory: int = INTERNAL
) -> tuple[list[bytes], Losses]:
    """Write DX7 voices as messages of the SY77, 466 bytes each, numbered from 0 in banks of 64; and their losses.

    channel: the device number, 0 to 15. memory: which the voices are for, INTERNAL or EDIT_BUFFER. Raises ValueError if
    a parameter is out of its range or the channel is not within 0 to 15.
    """
    if not 0 <= channel <= 15:
        raise ValueError(f"channel {channel} is not within 0 to 15")
    values, losses = convert_to_sy77(parameters)
    values[:, _LAYOUT.index["memory"]] = memory
    values[:, _LAYOUT.index["number"]] = np.arange(len(values)) % BANK_VOICES
    return write_messages(SY77_VOICES[MODE], _LAYOUT.pack(values, names), bytes([0x43, channel, 0x7A])), losses
