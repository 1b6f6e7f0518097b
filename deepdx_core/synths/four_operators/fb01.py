"""The parameter table of an FB-01 voice: 64 bytes, sent as nibbles, the low one first. Names have seven characters.

Levels are attenuations. The LFO speed takes a whole byte; a set sync bit leaves the LFO running.
Source: public descriptions of the format; checked on three banks of 48 voices.
"""

from deepdx_core.synths.layouts import Field, Layout, repeat

VOICE_SIZE, BANK_VOICES = 64, 48
_OPERATOR_SIZE = 8

_OPERATOR = (
    Field("total_level", 127, 0, "attenuation"),
    Field("scaling_type_low", 1, 1, "keyboard level scaling type, low bit", 7, 1),
    Field("velocity_sensitivity", 7, 1, "sensitivity of the level to velocity", 4, 3),
    Field("scaling_depth", 15, 2, "keyboard level scaling depth", 4, 4),
    Field("level_adjust", 15, 2, "adjustment of the level", 0, 4),
    Field("scaling_type_high", 1, 3, "keyboard level scaling type, high bit", 7, 1),
    Field("detune", 7, 3, "detune (bit 2 is the sign)", 4, 3),
    Field("multiple", 15, 3, "frequency multiple (0 is 1/2)", 0, 4),
    Field("rate_scaling", 3, 4, "keyboard rate scaling", 6, 2),
    Field("attack_rate", 31, 4, "attack rate", 0, 5),
    Field("carrier", 1, 5, "carrier", 7, 1),
    Field("attack_velocity", 3, 5, "sensitivity of the attack to velocity", 5, 2),
    Field("decay_1_rate", 31, 5, "decay 1 rate", 0, 5),
    Field("inharmonic", 3, 6, "inharmonic frequency (1, sqrt 2, pi/2, sqrt 3)", 6, 2),
    Field("decay_2_rate", 31, 6, "decay 2 rate", 0, 5),
    Field("sustain_level", 15, 7, "sustain level, an attenuation", 4, 4),
    Field("release_rate", 15, 7, "release rate", 0, 4),
)

OPERATORS = (4, 3, 2, 1)
"""Operator numbers in the order of the format."""

LAYOUT = Layout(
    VOICE_SIZE,
    (
        Field("user_code", 255, 7, "user code", bits=8),
        Field("lfo_speed", 255, 8, "LFO speed", bits=8),
        Field("lfo_load", 1, 9, "LFO is loaded with the voice", 7, 1),
        Field("lfo_amp_depth", 127, 9, "LFO amplitude modulation depth"),
        Field("lfo_free", 1, 10, "LFO runs on at each key", 7, 1),
        Field("lfo_pitch_depth", 127, 10, "LFO pitch modulation depth"),
        Field("operators_on", 15, 11, "operators in use", 3, 4),
        Field("outputs", 3, 12, "left and right outputs", 6, 2),
        Field("feedback", 7, 12, "feedback", 3, 3),
        Field("algorithm", 7, 12, "algorithm, counted from 0", 0, 3),
        Field("pitch_mod_sensitivity", 7, 13, "sensitivity to pitch modulation", 4, 3),
        Field("amp_mod_sensitivity", 3, 13, "sensitivity to amplitude modulation", 0, 2),
        Field("lfo_wave", 3, 14, "LFO wave (saw, square, triangle, sample and hold)", 5, 2),
        Field("transpose", 255, 15, "transpose in semitones, a two's complement", bits=8),
        *(
            f
            for place, n in enumerate(OPERATORS)
            for f in repeat(_OPERATOR, f"op{n}_", f"operator {n}: ", 16 + _OPERATOR_SIZE * place)
        ),
        Field("mono", 1, 58, "mono", 7, 1),
        Field("portamento_time", 127, 58, "portamento time"),
        Field("pitch_controller", 7, 59, "controller of pitch modulation", 4, 3),
        Field("bend_range", 15, 59, "pitch bend range in semitones", 0, 4),
    ),
    name=0,
    name_length=7,
)
