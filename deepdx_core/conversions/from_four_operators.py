"""Voices of DX21, TX81Z and their kin, and of the FB-01, as DX7 voices."""

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.conversions.four_operators import (
    INHARMONIC,
    MULTIPLES,
    ChipVoices,
    convert_chip_voices,
    lfo_hertz,
)
from deepdx_core.conversions.losses import OUT_OF_RANGE, Converted
from deepdx_core.conversions.sy77_laws import nearest
from deepdx_core.sound.engine.tables import OUTPUT_LEVELS
from deepdx_core.synths.four_operators import fb01
from deepdx_core.synths.four_operators.parameters import VMEM
from deepdx_core.synths.layouts import Layout

_OPERATORS = range(1, 5)
_SAMPLE_AND_HOLD = 3
_NEUTRAL_PITCH_EG = np.array([99, 99, 99, 50, 50, 50])

# The 64 ratios of the frequency parameter, as the panel shows them.
# fmt: off
RATIOS: Float64Array = np.array([
    .50, .71, .78, .87, 1.00, 1.41, 1.57, 1.73, 2.00, 2.82, 3.00, 3.14, 3.46, 4.00, 4.24, 4.71, 5.00, 5.19, 5.65, 6.00,
    6.28, 6.92, 7.00, 7.07, 7.85, 8.00, 8.48, 8.65, 9.00, 9.42, 9.89, 10.00, 10.38, 10.99, 11.00, 11.30, 12.00, 12.11,
    12.56, 12.72, 13.00, 13.84, 14.00, 14.10, 14.13, 15.00, 15.55, 15.57, 15.70, 16.96, 17.27, 17.30, 18.37, 18.84,
    19.03, 19.78, 20.41, 20.76, 21.20, 21.98, 22.49, 23.55, 24.22, 25.95,
])
# fmt: on

_PRODUCTS = np.outer(INHARMONIC, MULTIPLES).reshape(-1)
_FACTORS = np.abs(_PRODUCTS - RATIOS[:, None]).argmin(axis=1)
"""For each ratio, the inharmonic factor and the multiple that give it: 16 x factor + multiple."""


def _ratios(frequency: Int64Array, fine: Int64Array) -> Float64Array:
    """Return ratios with the fine frequency, sixteenths of the key's own; below 1 it has eight steps."""
    factor, multiple = _FACTORS[frequency] // 16, _FACTORS[frequency] % 16
    steps = np.where(multiple == 0, fine.clip(max=7), fine)
    return np.asarray(INHARMONIC[factor] * (MULTIPLES[multiple] + steps / 16))


def _fixed_hertz(frequency: Int64Array, fine: Int64Array, octaves: Int64Array) -> Float64Array:
    """Return fixed frequencies in Hz (TX81Z manual)."""
    return np.asarray((np.maximum(0.5, frequency >> 2) * 16 + fine) * 2.0**octaves)


def _lfo_register(speed: Int64Array, wave: Int64Array) -> Int64Array:
    """Return the value of the chip's LFO register by the speed 0 to 99 (the TX81Z's own table)."""
    exponential = (speed * 165) >> 6
    curved = np.ceil(32 * np.log2(np.maximum(exponential, 1)) - 1).clip(0, 255)
    return np.where(wave == _SAMPLE_AND_HOLD, exponential, curved).astype(np.int64)


def _values(values: UInt8Array, layout: Layout) -> tuple[dict[str, Int64Array], dict[str, Int64Array]]:
    """Return fields of operators 1 to 4, `int64[n, 4]`, and of the voice, `int64[n]`, by name."""
    wide = values.astype(np.int64)
    names = [field.name.removeprefix("op1_") for field in layout.fields if field.name.startswith("op1_")]
    operators = {name: wide[:, layout.columns("op{}_" + name, _OPERATORS)] for name in names}
    return operators, {f.name: wide[:, i] for i, f in enumerate(layout.fields)}


def convert_four_operators(values: UInt8Array, names: UInt8Array) -> Converted:
    """Convert values of the packed layout of DX21, TX81Z and their kin, `uint8[n, fields]`."""
    legal = values.clip(max=np.array([field.maximum for field in VMEM.fields], np.uint8))
    op, voice = _values(legal, VMEM)
    pitch_eg = np.stack([voice[f"pitch_eg_{what}_{n}"] for what in ("rate", "level") for n in (1, 2, 3)], axis=1)
    # Synths without a pitch envelope leave its bytes 0.
    pitch_eg = np.where(pitch_eg.any(axis=1, keepdims=True), pitch_eg, _NEUTRAL_PITCH_EG)
    chip = ChipVoices(
        attack=op["attack_rate"],
        decay_1=op["decay_1_rate"],
        decay_2=op["decay_2_rate"],
        release=op["release_rate"],
        sustain=15 - op["decay_1_level"],
        eg_shift=op["eg_shift"],
        level=op["output_level"],
        rate_scaling=op["rate_scaling"],
        velocity=op["velocity_sensitivity"],
        amp_mod=op["amp_mod"],
        ratio=_ratios(op["frequency"], op["fine"]),
        hertz=np.where(op["fixed"] == 1, _fixed_hertz(op["frequency"], op["fine"], op["fixed_range"]), 0.0),
        detune=op["detune"] - 3,
        algorithm=voice["algorithm"],
        feedback=voice["feedback"],
        lfo_hertz=lfo_hertz(_lfo_register(voice["lfo_speed"], voice["lfo_wave"])),
        lfo_delay=voice["lfo_delay"],
        lfo_pitch_depth=voice["lfo_pitch_depth"],
        lfo_amp_depth=voice["lfo_amp_depth"],
        lfo_sync=voice["lfo_sync"],
        lfo_wave=voice["lfo_wave"],
        pitch_mod_sensitivity=voice["pitch_mod_sensitivity"],
        amp_mod_sensitivity=voice["amp_mod_sensitivity"],
        transpose=voice["transpose"] - 24,
        pitch_eg=pitch_eg,
    )
    heard = op["output_level"] > 0
    controllers = np.stack(
        [voice[name] for name in voice if name.startswith(("wheel", "breath_pitch", "breath_amp", "foot_p", "foot_a"))]
        + [voice["aftertouch_pitch"], voice["aftertouch_amp"]]
    )
    lost = {
        OUT_OF_RANGE: (values > legal).any(axis=1),
        "waves other than sines": ((op["wave"] > 0) & heard).any(axis=1),
        "negative velocity": ((op["velocity_negative"] > 0) & heard).any(axis=1),
        "low range of fixed frequencies": ((op["fixed_low"] * op["fixed"] > 0) & heard).any(axis=1),
        "keyboard level scaling": ((op["level_scaling"] > 0) & heard).any(axis=1),
        "EG bias": ((op["eg_bias"] > 0) & heard).any(axis=1)
        & (voice["breath_eg_bias"] + voice["aftertouch_eg_bias"] > 0),
        "controllers": (controllers % 50 > 0).any(axis=0),
        "pitch bend range": voice["bend_range"] != 2,
        "mono": voice["mono"] > 0,
        "portamento": voice["portamento_time"] > 0,
        "chorus": voice["chorus"] > 0,
        "reverb": voice["reverb"] > 0,
        "effects": voice["effect_preset"] + voice["v50_effect_type"] > 0,
    }
    return convert_chip_voices(chip, names, lost)


def convert_fb01(values: UInt8Array, names: UInt8Array) -> Converted:
    """Convert values of FB-01 voices, `uint8[n, fields]`; names have seven characters."""
    op, voice = _values(values, fb01.LAYOUT)
    n = len(values)
    on = (voice["operators_on"][:, None] >> np.arange(4)) & 1
    level = nearest(OUTPUT_LEVELS, 127 - op["total_level"]) * on
    detune = op["detune"] & 3
    transpose = voice["transpose"]
    chip = ChipVoices(
        attack=op["attack_rate"],
        decay_1=op["decay_1_rate"],
        decay_2=op["decay_2_rate"],
        release=op["release_rate"],
        sustain=op["sustain_level"],
        eg_shift=np.zeros_like(op["sustain_level"]),
        level=level,
        rate_scaling=op["rate_scaling"],
        velocity=op["velocity_sensitivity"],
        amp_mod=op["carrier"],
        ratio=INHARMONIC[op["inharmonic"]] * MULTIPLES[op["multiple"]],
        hertz=np.zeros((n, 4)),
        detune=np.where(op["detune"] >= 4, -detune, detune),
        algorithm=voice["algorithm"],
        feedback=voice["feedback"],
        lfo_hertz=lfo_hertz(voice["lfo_speed"]),
        lfo_delay=np.zeros(n, np.int64),
        lfo_pitch_depth=voice["lfo_pitch_depth"] * voice["lfo_load"] * 99 // 127,
        lfo_amp_depth=voice["lfo_amp_depth"] * voice["lfo_load"] * 99 // 127,
        lfo_sync=1 - voice["lfo_free"],
        lfo_wave=voice["lfo_wave"],
        pitch_mod_sensitivity=voice["pitch_mod_sensitivity"],
        amp_mod_sensitivity=voice["amp_mod_sensitivity"],
        transpose=np.where(transpose > 127, transpose - 256, transpose),
        pitch_eg=np.tile(_NEUTRAL_PITCH_EG, (n, 1)),
    )
    heard = level > 0
    lost = {
        "keyboard level scaling": ((op["scaling_depth"] > 0) & heard).any(axis=1),
        "adjustment of levels": ((op["level_adjust"] > 0) & heard).any(axis=1),
        "velocity to attack": ((op["attack_velocity"] > 0) & heard).any(axis=1),
        "pitch bend range": voice["bend_range"] != 2,
        "mono": voice["mono"] > 0,
        "portamento": voice["portamento_time"] > 0,
        "controllers": voice["pitch_controller"] > 0,
        "one output": voice["outputs"] != 3,
    }
    padded = np.full((n, 10), ord(" "), np.uint8)
    padded[:, : names.shape[1]] = names
    return convert_chip_voices(chip, padded, lost)
