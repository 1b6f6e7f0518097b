"""The parameter tables of SY77, TG77 and SY99 voices, a layout for each of the eleven element modes.

Offsets in this module count from the `L` of `LM  8101VC`; those of the layouts, which leave these ten characters out,
from the byte after them. Fields cover the common part, the mix of elements, and the FM (AFM)
elements; the bytes of sample (AWM) elements and drum sets are kept as they are.
Source: measured on 10,498 messages of public collections, which are reproduced byte for byte.
"""

from dataclasses import dataclass, replace

from deepdx_core.synths.layouts import Field, Layout, in_row, repeat, signed

CLASSIFICATION = b"LM  8101VC"
MODE_AT = 26
"""Offset of the element mode."""

BANK_VOICES = 64
"""Voices in a memory."""
INTERNAL, EDIT_BUFFER = 0, 127
"""Numbers of memories that take voices."""

OPERATORS = (6, 5, 4, 3, 2, 1)
"""Operator numbers in the order of an AFM element."""

AFM_SIZE, AWM_SIZE, DRUM_SIZE = 357, 112, 488
_OPERATOR_SIZE = 45
_MIX_AT, _MIX_SIZE = 92, 9


@dataclass(frozen=True)
class ElementMode:
    """A mode: its name, and its numbers of AFM and AWM elements. A drum set has neither."""

    name: str
    afm: int
    awm: int


ELEMENT_MODES = (
    ElementMode("1 AFM mono", 1, 0),
    ElementMode("2 AFM mono", 2, 0),
    ElementMode("4 AFM mono", 4, 0),
    ElementMode("1 AFM poly", 1, 0),
    ElementMode("2 AFM poly", 2, 0),
    ElementMode("1 AWM", 0, 1),
    ElementMode("2 AWM", 0, 2),
    ElementMode("4 AWM", 0, 4),
    ElementMode("1 AFM and 1 AWM", 1, 1),
    ElementMode("2 AFM and 2 AWM", 2, 2),
    ElementMode("drum set", 0, 0),
)
"""The element modes, by the value of the byte at MODE_AT."""


def _controllers() -> list[Field]:
    targets = ("pitch", "amp", "filter", "pan", "cutoff bias", "pan bias", "EG bias", "volume")
    return [
        Field(f"{target.replace(' ', '_').lower()}_{part}", maximum, 68 + 2 * i + k, f"{target} modulation: {text}")
        for i, target in enumerate(targets)
        for k, (part, maximum, text) in enumerate((("controller", 121, "controller"), ("range", 127, "range")))
    ]


_COMMON = (
    Field("memory", 127, 24, "memory (0 internal, 1 card, 2 and 3 presets, 127 edit buffer)"),
    Field("number", 63, 25, "number in the memory"),
    Field("mode", 10, MODE_AT, "element mode"),
    *in_row(
        37,
        (
            ("effect_mode", 127, "effect mode"),
            *(
                (f"effect_{effect}_{part}", 127, f"effect: {effect.replace('_', ' ')} {part.replace('_', ' ')}")
                for effect, parts in (("modulation_1", 4), ("modulation_2", 4), ("reverb_1", 3), ("reverb_2", 3))
                for part in ("type", "balance", "level", *(f"parameter_{n + 1}" for n in range(parts)))
            ),
            ("effect_mix_1", 127, "effect: stereo mix 1"),
            ("effect_mix_2", 127, "effect: stereo mix 2"),
        ),
    ),
    Field("bend_range", 12, 66, "pitch bend range in semitones"),
    replace(signed("aftertouch_bend", 15, 67, "pitch bias by aftertouch in semitones"), maximum=28),
    *_controllers(),
    *in_row(
        84,
        (
            ("micro_tuning", 65, "micro tuning"),
            ("random_pitch", 7, "random pitch"),
            ("portamento_mode", 1, "portamento mode"),
            ("portamento_time", 127, "portamento time"),
            ("output", 3, "output"),
            ("volume", 127, "volume"),
        ),
    ),
)

_MIX = (
    Field("level", 127, 0, "level"),
    signed("detune", 7, 1, "detune"),
    Field("note_shift", 127, 2, "note shift in semitones (64 is none)"),
    *in_row(
        3,
        (
            ("note_low", 127, "lowest note"),
            ("note_high", 127, "highest note"),
            ("velocity_low", 127, "lowest velocity"),
            ("velocity_high", 127, "highest velocity"),
            ("pan", 95, "pan"),
        ),
    ),
    Field("micro_tuned", 1, 8, "micro tuning in use", 0, 1),
    Field("outputs", 3, 8, "outputs", 1, 2),
)

_OPERATOR = (
    *(Field(f"eg_rate_{n}", 63, n - 1, f"envelope rate {n}") for n in range(1, 5)),
    *(Field(f"eg_release_rate_{n}", 63, 3 + n, f"envelope release rate {n}") for n in (1, 2)),
    *(Field(f"eg_level_{n}", 63, 5 + n, f"envelope level {n}") for n in range(1, 5)),
    *(Field(f"eg_release_level_{n}", 63, 9 + n, f"envelope release level {n}") for n in (1, 2)),
    Field("eg_loop", 3, 12, "envelope loop point"),
    Field("eg_hold", 63, 13, "envelope hold time (63 is none)"),
    Field("eg_level_0", 63, 14, "envelope level 0 (at key-on)"),
    signed("rate_scaling", 7, 15, "keyboard rate scaling"),
    Field("amp_mod_sensitivity", 7, 16, "sensitivity to amplitude modulation"),
    signed("velocity_sensitivity", 7, 17, "sensitivity to key velocity"),
    Field("inputs", 170, 19, "inputs: source 0 in the low four bits, source 1 in the high ones", wide=True),
    Field("bus", 3, 21, "bus that the output is written to (0 is none)", 0, 2),
    Field("accumulator", 7, 21, "accumulator (1 load, 5 add, 4 hold)", 2, 3),
    Field("input_level_0", 7, 22, "level of source 0, or feedback (0 is closed, 7 full)", 0, 3),
    Field("input_level_1", 7, 22, "level of source 1, or feedback (0 is closed, 7 full)", 3, 3),
    Field("output_correction", 7, 23, "output correction by the number of carriers"),
    Field("wave", 15, 24, "waveform (0 is a sine)"),
    Field("fixed", 1, 25, "oscillator mode (0 ratio to the key, 1 fixed frequency)", 0, 1),
    Field("pitch_eg", 1, 25, "pitch envelope in use", 1, 1),
    Field("pitch_mod_sensitivity", 7, 25, "sensitivity to pitch modulation", 2, 3),
    Field("phase_reset", 1, 26, "phase restarts with each key"),
    Field("phase", 127, 27, "phase"),
    signed("detune", 15, 28, "detune"),
    Field("output_level", 127, 29, "output level"),
    *(Field(f"break_point_{n}", 127, 29 + n, f"level scaling: break point {n}, a note") for n in range(1, 5)),
    *(
        Field(f"offset_{n}", 255, 32 + 2 * n, f"level scaling: offset {n} (128 is none)", minimum=1, wide=True)
        for n in range(1, 5)
    ),
    Field("velocity_rate", 1, 42, "velocity acts on envelope rates"),
    Field("coarse", 31, 43, "coarse frequency"),
    Field("fine", 99, 44, "fine frequency"),
)

_ELEMENT = (
    Field("algorithm", 127, 270, "algorithm, counted from 0; 127 is one of one's own"),
    *(Field(f"pitch_eg_rate_{n}", 63, 270 + n, f"pitch envelope rate {n}") for n in (1, 2, 3)),
    Field("pitch_eg_release_rate", 63, 274, "pitch envelope release rate"),
    *(Field(f"pitch_eg_level_{n}", 127, 275 + n, f"pitch envelope level {n} (64 is no change)") for n in range(4)),
    Field("pitch_eg_release_level", 127, 279, "pitch envelope release level"),
    Field("pitch_eg_range", 3, 280, "pitch envelope range (8, 2, 1, 1/2 octaves)"),
    signed("pitch_eg_rate_scaling", 7, 281, "pitch envelope rate scaling"),
    Field("pitch_eg_velocity", 7, 282, "pitch envelope sensitivity to velocity"),
    *in_row(
        283,
        (
            ("lfo_speed", 99, "LFO speed"),
            ("lfo_delay", 99, "LFO delay"),
            ("lfo_pitch_depth", 127, "LFO pitch modulation depth"),
            ("lfo_amp_depth", 127, "LFO amplitude modulation depth"),
            ("lfo_filter_depth", 127, "LFO filter modulation depth"),
            ("lfo_wave", 5, "LFO wave (triangle, saw down, saw up, square, sine, sample and hold)"),
            ("lfo_phase", 99, "LFO initial phase"),
        ),
    ),
    *in_row(
        291,
        (
            ("sub_lfo_wave", 127, "sub LFO wave"),
            ("sub_lfo_speed", 127, "sub LFO speed"),
            ("sub_lfo_mode", 127, "sub LFO mode"),
            ("sub_lfo_time", 127, "sub LFO delay or decay time"),
            ("sub_lfo_depth", 127, "sub LFO pitch modulation depth"),
        ),
    ),
    *(
        f
        for n in (1, 2)
        for f in in_row(
            296 + 29 * (n - 1),
            [(f"filter_{n}_byte_{i}", 127, f"filter {n}: byte {i + 1} of 29") for i in range(29)],
        )
    ),
    *in_row(
        354,
        (
            ("filter_resonance", 127, "filter resonance"),
            ("filter_velocity", 127, "filter sensitivity to velocity"),
            ("filter_modulation", 127, "filter cutoff modulation"),
        ),
    ),
)

AFM: tuple[Field, ...] = (
    *(
        f
        for place, operator in enumerate(OPERATORS)
        for f in repeat(_OPERATOR, f"op{operator}_", f"operator {operator}: ", place * _OPERATOR_SIZE)
    ),
    *_ELEMENT,
)
"""The fields of an AFM element."""


def _layout(mode: ElementMode) -> Layout:
    elements = mode.afm + mode.awm
    start = _MIX_AT + _MIX_SIZE * elements
    fields = list(_COMMON)
    for n in range(1, elements + 1):
        fields += repeat(_MIX, f"element{n}_", f"element {n}: ", _MIX_AT + _MIX_SIZE * (n - 1))
    for n in range(1, mode.afm + 1):
        fields += repeat(AFM, f"element{n}_", f"element {n}, ", start + AFM_SIZE * (n - 1))
    rest = AFM_SIZE * mode.afm + AWM_SIZE * mode.awm if elements else DRUM_SIZE
    before = len(CLASSIFICATION)
    return Layout(start + rest - before, (replace(f, byte=f.byte - before) for f in fields), name=27 - before)


LAYOUTS: tuple[Layout, ...] = tuple(map(_layout, ELEMENT_MODES))
"""Layout of a voice, by element mode: its data between the classification and the checksum."""
