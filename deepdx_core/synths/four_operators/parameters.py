"""The parameter table of the DX21's kin: DX21, DX27, DX100, TX81Z, DX11, V50, YS and DS55.

A voice is spread over messages: VCED, and before it ACED, ACED2, ACED3 and effects, as far as a synth has them. A bank
(VMEM) packs all of them into 128 bytes. Each parameter is named once here, with its place in both.
Source: Yamaha's formats as independent public programs know them; checked on banks and a single of TX81Z and DX21.
"""

from dataclasses import replace
from typing import Any

from deepdx_core.synths.layouts import Field, Layout

OPERATORS = (4, 2, 3, 1)
"""Operator numbers in the order of all formats."""

VCED_SIZE, VMEM_SIZE, VMEM_VOICES = 93, 128, 32
SUPPLEMENT_SIZES = {"aced": 23, "aced2": 10, "aced3": 20, "efeds": 3}
"""Bytes of each supplement of a single voice."""

# name, maximum, part, byte in it, byte in VMEM, shift, bits, description, [minimum]; those of an operator
_OPERATOR = (
    ("attack_rate", 31, "vced", 0, 0, 0, 5, "attack rate"),
    ("decay_1_rate", 31, "vced", 1, 1, 0, 5, "decay 1 rate"),
    ("decay_2_rate", 31, "vced", 2, 2, 0, 5, "decay 2 rate"),
    ("release_rate", 15, "vced", 3, 3, 0, 4, "release rate", 1),
    ("decay_1_level", 15, "vced", 4, 4, 0, 4, "decay 1 level"),
    ("level_scaling", 99, "vced", 5, 5, 0, 7, "keyboard level scaling"),
    ("rate_scaling", 3, "vced", 6, 9, 3, 2, "keyboard rate scaling"),
    ("eg_bias", 7, "vced", 7, 6, 3, 3, "sensitivity to EG bias"),
    ("amp_mod", 1, "vced", 8, 6, 6, 1, "amplitude modulation on"),
    ("velocity_sensitivity", 7, "vced", 9, 6, 0, 3, "sensitivity to key velocity"),
    ("output_level", 99, "vced", 10, 7, 0, 7, "output level"),
    ("frequency", 63, "vced", 11, 8, 0, 6, "frequency, one of 64 ratios"),
    ("detune", 6, "vced", 12, 9, 0, 3, "detune (3 is none)"),
    ("fixed", 1, "aced", 0, 73, 3, 1, "fixed frequency"),
    ("fixed_range", 7, "aced", 1, 73, 0, 3, "range of the fixed frequency"),
    ("fine", 15, "aced", 2, 74, 0, 4, "fine frequency"),
    ("wave", 7, "aced", 3, 74, 4, 3, "waveform (0 is a sine)"),
    ("eg_shift", 3, "aced", 4, 73, 4, 2, "EG shift (off, 48, 24, 12 dB)"),
    ("fixed_low", 1, "aced2", 0, 73, 6, 1, "fixed frequency in a low range"),
    ("velocity_negative", 1, "vmem", 0, 9, 5, 1, "sensitivity to key velocity is negative (V50)"),
)
_STRIDES = {"vced": (13, 10), "aced": (5, 2), "aced2": (1, 2), "aced3": (0, 0), "efeds": (0, 0), "vmem": (0, 10)}
"""Bytes from one operator to the next, in the part and in VMEM. Some bits are in VMEM alone."""

_COMMON = (
    ("algorithm", 7, "vced", 52, 40, 0, 3, "algorithm, counted from 0"),
    ("feedback", 7, "vced", 53, 40, 3, 3, "feedback of operator 4"),
    ("lfo_speed", 99, "vced", 54, 41, 0, 7, "LFO speed"),
    ("lfo_delay", 99, "vced", 55, 42, 0, 7, "LFO delay"),
    ("lfo_pitch_depth", 99, "vced", 56, 43, 0, 7, "LFO pitch modulation depth"),
    ("lfo_amp_depth", 99, "vced", 57, 44, 0, 7, "LFO amplitude modulation depth"),
    ("lfo_sync", 1, "vced", 58, 40, 6, 1, "LFO restarts with each key"),
    ("lfo_wave", 3, "vced", 59, 45, 0, 2, "LFO wave (saw up, square, triangle, sample and hold)"),
    ("pitch_mod_sensitivity", 7, "vced", 60, 45, 4, 3, "sensitivity to pitch modulation"),
    ("amp_mod_sensitivity", 3, "vced", 61, 45, 2, 2, "sensitivity to amplitude modulation"),
    ("transpose", 48, "vced", 62, 46, 0, 6, "transpose in semitones (24 is none)"),
    ("mono", 1, "vced", 63, 48, 3, 1, "mono"),
    ("bend_range", 12, "vced", 64, 47, 0, 4, "pitch bend range in semitones"),
    ("portamento_mode", 1, "vced", 65, 48, 0, 1, "portamento mode"),
    ("portamento_time", 99, "vced", 66, 49, 0, 7, "portamento time"),
    ("foot_volume", 99, "vced", 67, 50, 0, 7, "foot control: volume"),
    ("sustain", 1, "vced", 68, 48, 2, 1, "sustain pedal on"),
    ("portamento", 1, "vced", 69, 48, 1, 1, "portamento pedal on"),
    ("chorus", 1, "vced", 70, 48, 4, 1, "chorus"),
    ("wheel_pitch", 99, "vced", 71, 51, 0, 7, "modulation wheel: pitch"),
    ("wheel_amp", 99, "vced", 72, 52, 0, 7, "modulation wheel: amplitude"),
    ("breath_pitch", 99, "vced", 73, 53, 0, 7, "breath control: pitch"),
    ("breath_amp", 99, "vced", 74, 54, 0, 7, "breath control: amplitude"),
    ("breath_pitch_bias", 99, "vced", 75, 55, 0, 7, "breath control: pitch bias (50 is none)"),
    ("breath_eg_bias", 99, "vced", 76, 56, 0, 7, "breath control: EG bias"),
    ("pitch_eg_rate_1", 99, "vced", 87, 67, 0, 7, "pitch envelope rate 1"),
    ("pitch_eg_rate_2", 99, "vced", 88, 68, 0, 7, "pitch envelope rate 2"),
    ("pitch_eg_rate_3", 99, "vced", 89, 69, 0, 7, "pitch envelope rate 3"),
    ("pitch_eg_level_1", 99, "vced", 90, 70, 0, 7, "pitch envelope level 1 (50 is no change)"),
    ("pitch_eg_level_2", 99, "vced", 91, 71, 0, 7, "pitch envelope level 2 (50 is no change)"),
    ("pitch_eg_level_3", 99, "vced", 92, 72, 0, 7, "pitch envelope level 3 (50 is no change)"),
    ("reverb", 7, "aced", 20, 81, 0, 3, "reverb rate"),
    ("foot_pitch", 99, "aced", 21, 82, 0, 7, "foot control: pitch"),
    ("foot_amp", 99, "aced", 22, 83, 0, 7, "foot control: amplitude"),
    ("aftertouch_pitch", 99, "aced2", 4, 84, 0, 7, "aftertouch: pitch"),
    ("aftertouch_amp", 99, "aced2", 5, 85, 0, 7, "aftertouch: amplitude"),
    ("aftertouch_pitch_bias", 100, "aced2", 6, 86, 0, 7, "aftertouch: pitch bias"),
    ("aftertouch_eg_bias", 99, "aced2", 7, 87, 0, 7, "aftertouch: EG bias"),
    ("effect_preset", 127, "efeds", 0, 91, 0, 7, "effect of YS: preset (0 is off)"),
    ("effect_time", 127, "efeds", 1, 92, 0, 7, "effect of YS: time"),
    ("effect_balance", 127, "efeds", 2, 93, 0, 7, "effect of YS: balance"),
    ("v50_effect_type", 127, "aced3", 0, 94, 0, 7, "effect of V50: type (0 is off)"),
    *((f"v50_effect_byte_{n}", 127, "aced3", n, 94 + n, 0, 7, f"effect of V50: byte {n + 1}") for n in range(1, 7)),
)


def _build() -> tuple[Layout, dict[str, Layout]]:
    packed: list[Field] = []
    parts: dict[str, list[Field]] = {part: [] for part in _STRIDES}

    def add(prefix: str, who: str, place: int, rows: tuple[tuple[Any, ...], ...]) -> None:
        for name, maximum, part, byte, vmem, shift, bits, text, *minimum in rows:
            step, packed_step = _STRIDES[part]
            lowest = minimum[0] if minimum else 0
            field = Field(prefix + name, maximum, byte + place * step, who + text, minimum=lowest)
            parts[part].append(field)
            packed.append(replace(field, byte=vmem + place * packed_step, shift=shift, bits=bits))

    for place, operator in enumerate(OPERATORS):
        add(f"op{operator}_", f"operator {operator}: ", place, _OPERATOR)
    add("", "", 0, _COMMON)
    single = {part: Layout(SUPPLEMENT_SIZES[part], parts[part]) for part in SUPPLEMENT_SIZES}
    return Layout(VMEM_SIZE, packed, name=57), {"vced": Layout(VCED_SIZE, parts["vced"], name=77), **single}


VMEM, PARTS = _build()
"""The layout of a packed voice, which has all parameters; and those of VCED and its supplements, by part."""
