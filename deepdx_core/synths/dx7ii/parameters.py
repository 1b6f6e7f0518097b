"""The parameter tables of DX7II, DX7s and TX802 beside their voices, which are DX7 voices.

The supplement of a voice is ACED (one voice, 49 bytes) or AMEM (32 voices, 35 bytes each). It comes before its voices.
Source: Yamaha's formats as independent public programs know them; checked on banks of both. Parameter numbers 64 to 73
of the manual are bytes 39 to 48 of ACED.
"""

from dataclasses import replace

from deepdx_core.synths.layouts import Field, Layout, in_row
from deepdx_core.voice.parameters import OPERATORS

ACED_SIZE, AMEM_SIZE = 49, 35

# name, maximum, byte in ACED, byte in AMEM, shift, bits, description
_SUPPLEMENT = (
    *(
        (f"op{op}_fractional", 1, k, 0, k, 1, f"operator {op}: level scaling is fractional")
        for k, op in enumerate(OPERATORS)
    ),
    *(
        (f"op{op}_amp_mod_sensitivity", 7, 6 + k, 1 + k // 2, 3 * (k % 2), 3, f"operator {op}: sensitivity to AM")
        for k, op in enumerate(OPERATORS)
    ),
    ("pitch_eg_range", 3, 12, 4, 0, 2, "pitch envelope range (8, 2, 1, 1/2 octaves)"),
    ("lfo_key_trigger", 1, 13, 4, 2, 1, "LFO of its own for each key"),
    ("pitch_eg_velocity", 1, 14, 4, 3, 1, "pitch envelope is sensitive to velocity"),
    ("mono", 3, 15, 5, 0, 2, "key mode (poly, mono, unison poly, unison mono)"),
    ("bend_range", 12, 16, 5, 2, 4, "pitch bend range in semitones"),
    ("bend_step", 12, 17, 6, 0, 4, "pitch bend step in semitones"),
    ("bend_mode", 3, 18, 6, 4, 2, "pitch bend mode (normal, low, high, key on)"),
    ("random_pitch", 7, 19, 4, 4, 3, "random pitch"),
    ("portamento_mode", 1, 20, 7, 0, 1, "portamento mode"),
    ("portamento_step", 12, 21, 7, 1, 4, "portamento step in semitones"),
    ("portamento_time", 99, 22, 8, 0, 7, "portamento time"),
    *(
        (f"{name}_{target}", 100 if target == "pitch_bias" else 99, aced + i, amem + i, 0, 7, f"{text}: {words}")
        for name, text, aced, amem, targets in (
            ("wheel", "modulation wheel", 23, 9, ("pitch", "amp", "eg_bias")),
            ("foot", "foot control 1", 26, 12, ("pitch", "amp", "eg_bias", "volume")),
            ("breath", "breath control", 30, 16, ("pitch", "amp", "eg_bias", "pitch_bias")),
            ("aftertouch", "aftertouch", 34, 20, ("pitch", "amp", "eg_bias", "pitch_bias")),
        )
        for i, target in enumerate(targets)
        for words in [target.replace("_", " ").replace("eg", "EG")]
    ),
    ("pitch_eg_rate_scaling", 7, 38, 24, 0, 3, "pitch envelope rate scaling"),
    *(
        (f"{name}_{target}", 99, aced + i, amem + i, 0, 7, f"{text}: {target.replace('_', ' ').replace('eg', 'EG')}")
        for name, text, aced, amem in (("foot_2", "foot control 2", 39, 26), ("midi", "MIDI controller", 43, 30))
        for i, target in enumerate(("pitch", "amp", "eg_bias", "volume"))
    ),
    ("unison_detune", 7, 47, 34, 0, 3, "unison detune"),
    ("foot_slider", 1, 48, 34, 3, 1, "foot control 1 acts as slider 1"),
)

_ACED_FIELDS = [Field(name, maximum, byte, text) for name, maximum, byte, _, _, _, text in _SUPPLEMENT]
ACED = Layout(ACED_SIZE, _ACED_FIELDS)
AMEM = Layout(
    AMEM_SIZE,
    (
        replace(field, byte=row[3], shift=row[4], bits=row[5])
        for field, row in zip(_ACED_FIELDS, _SUPPLEMENT, strict=True)
    ),
)
"""The supplement, unpacked and packed: the same fields in the same order."""

PERFORMANCE = Layout(
    51,
    (
        Field("mode", 2, 0, "play mode (single, dual, split)"),
        *in_row(
            1,
            (
                ("voice_a", 127, "voice A (64 and more: cartridge)"),
                ("voice_b", 127, "voice B (64 and more: cartridge)"),
                ("tuning_table", 74, "microtuning table"),
                ("tuning_key", 11, "microtuning key"),
                ("tuning_switch", 3, "microtuning of A and B in use"),
                ("detune", 7, "detune of dual voices"),
                ("split", 127, "split point, a note"),
                ("eg_damp", 1, "EG forced damp"),
                ("sustain_switch", 3, "sustain pedal of A and B"),
                ("foot_switch", 7, "assignment of the foot switch"),
                ("foot_switch_voices", 3, "foot switch of A and B"),
                ("soft_pedal", 7, "soft pedal range"),
                ("note_shift_a", 48, "note shift of A in semitones (24 is none)"),
                ("note_shift_b", 48, "note shift of B in semitones (24 is none)"),
                ("balance", 100, "volume balance of B to A (50 is even)"),
                ("volume", 99, "total volume"),
                ("slider_1", 127, "continuous slider 1: parameter"),
                ("slider_2", 127, "continuous slider 2: parameter"),
                ("slider_voices", 127, "continuous sliders of A and B"),
                ("pan_mode", 3, "pan mode"),
                ("pan_range", 99, "pan control range"),
                ("pan_assign", 2, "pan control (LFO, velocity, key)"),
                *((f"pan_eg_rate_{n}", 99, f"pan envelope rate {n}") for n in range(1, 5)),
                *((f"pan_eg_level_{n}", 99, f"pan envelope level {n}") for n in range(1, 5)),
            ),
        ),
    ),
    name=31,
    name_length=20,
)
"""A performance of DX7II and DX7s."""

_TX802_PARTS = 8


def _tx802_part(n: int) -> list[Field]:
    k, who = n - 1, f"part {n}: "
    return [
        Field(f"part{n}_channel_offset", 7, k, f"{who}voice channel offset", 5, 3),
        Field(f"part{n}_channel", 16, k, f"{who}receive channel (16 is all)", 0, 5),
        Field(f"part{n}_voice", 255, 8 + k, f"{who}voice", bits=8),
        Field(f"part{n}_tuning", 255, 16 + k, f"{who}microtuning", bits=8),
        Field(f"part{n}_volume", 99, 24 + k, f"{who}volume"),
        Field(f"part{n}_detune", 14, 32 + k, f"{who}detune (7 is none)", 3, 4),
        Field(f"part{n}_assign_group", 1, 32 + k, f"{who}key assign group", 2, 1),
        Field(f"part{n}_output", 3, 32 + k, f"{who}output", 0, 2),
        Field(f"part{n}_note_low", 127, 40 + k, f"{who}lowest note"),
        Field(f"part{n}_note_high", 127, 48 + k, f"{who}highest note"),
        Field(f"part{n}_eg_damp", 1, 56 + k, f"{who}EG forced damp", 6, 1),
        Field(f"part{n}_note_shift", 48, 56 + k, f"{who}note shift in semitones (24 is none)", 0, 6),
    ]


TX802_PERFORMANCE = Layout(84, (f for n in range(1, _TX802_PARTS + 1) for f in _tx802_part(n)), name=64, name_length=20)
"""A performance of the TX802: eight parts."""

MICROTUNING = Layout(
    257,
    (
        Field("memory", 127, 0, "number of the memory, or a space"),
        *(
            f
            for key in range(128)
            for f in (
                Field(f"key{key}_note", 127, 1 + 2 * key, f"key {key}: note"),
                Field(f"key{key}_fine", 127, 2 + 2 * key, f"key {key}: fine tuning"),
            )
        ),
    ),
)
"""A microtuning: a note and a fine tuning for each key."""

_SCALING_POINTS = 41
FRACTIONAL_SCALING = Layout(
    len(OPERATORS) * _SCALING_POINTS,
    (
        Field(f"op{op}_point_{n + 1}", 255, k * _SCALING_POINTS + n, f"operator {op}: level at point {n + 1}", bits=8)
        for k, op in enumerate(OPERATORS)
        for n in range(_SCALING_POINTS)
    ),
)
"""The fractional level scaling of a voice: the levels of each operator by groups of three keys."""


def _function_half(name: str, byte: int) -> list[Field]:
    who = f"{name.upper()}: "
    rows = (
        ("mono", 1, 0, 6, 1, "mono"),
        ("voice", 63, 0, 0, 6, "voice"),
        ("bend_step_low", 7, 1, 4, 3, "pitch bend step, low bits"),
        ("bend_range", 12, 1, 0, 4, "pitch bend range in semitones"),
        ("portamento_time", 99, 2, 0, 7, "portamento time"),
        ("modes", 127, 3, 0, 7, "source, pedal, portamento mode and glissando"),
        *(
            (f"{controller}_{part}", maximum, 4 + i, shift, bits, f"{controller}: {part}")
            for i, controller in enumerate(("wheel", "foot", "aftertouch", "breath"))
            for part, maximum, shift, bits in (("assignment", 7, 4, 3), ("sensitivity", 15, 0, 4))
        ),
        ("key_aftertouch_1", 99, 12, 0, 7, "key aftertouch rate 1"),
        ("key_aftertouch_2", 99, 13, 0, 7, "key aftertouch rate 2"),
        ("attenuation", 7, 14, 0, 3, "attenuation"),
        ("bend_step_high", 1, 15, 6, 1, "pitch bend step, high bit"),
        ("key_shift", 63, 15, 0, 6, "key shift in semitones"),
    )
    return [
        Field(f"{name}_{key}", maximum, byte + at, who + text, shift, bits)
        for key, maximum, at, shift, bits, text in rows
    ]


FUNCTION_DATA = Layout(
    64,
    (
        *_function_half("a", 0),
        *_function_half("b", 16),
        Field("detune", 15, 32, "detune of dual voices", 3, 4),
        Field("mode", 7, 32, "play mode (bits 0 and 1: single, dual, split)", 0, 3),
        Field("split", 127, 33, "split point, a note"),
    ),
    name=34,
    name_length=30,
)
"""Function data of a voice of TX7, or a performance of DX1 and DX5."""
