"""The parameter table of a reface DX voice: common data and four operators, each a message of its own.

Source: public descriptions of Yamaha's data list; checked on 33 voices.
"""

from deepdx_core.synths.layouts import Layout, in_row

COMMON = Layout(
    38,
    (
        *in_row(
            12,
            (
                ("transpose", 88, "transpose in semitones (64 is none)"),
                ("part_mode", 2, "poly, mono full, mono legato"),
                ("portamento_time", 127, "portamento time"),
                ("bend_range", 88, "pitch bend range in semitones (64 is none)"),
                ("algorithm", 11, "algorithm, counted from 0"),
                ("lfo_wave", 6, "LFO wave (sine, triangle, saw up, saw down, square, two kinds of sample and hold)"),
                ("lfo_speed", 127, "LFO speed"),
                ("lfo_delay", 127, "LFO delay"),
                ("lfo_pitch_depth", 127, "LFO pitch modulation depth"),
                *((f"pitch_eg_rate_{n}", 127, f"pitch envelope rate {n}") for n in range(1, 5)),
                *((f"pitch_eg_level_{n}", 112, f"pitch envelope level {n} (64 is no change)") for n in range(1, 5)),
                *(
                    (f"effect_{n}_{part}", 127, f"effect {n}: {text}")
                    for n in (1, 2)
                    for part, text in (("type", "type"), ("depth", "first parameter"), ("rate", "second parameter"))
                ),
            ),
        ),
    ),
    name=0,
)

OPERATOR = Layout(
    28,
    in_row(
        0,
        (
            ("on", 1, "operator on"),
            *((f"eg_rate_{n}", 127, f"envelope rate {n}") for n in range(1, 5)),
            *((f"eg_level_{n}", 127, f"envelope level {n}") for n in range(1, 5)),
            ("rate_scaling", 127, "keyboard rate scaling"),
            ("left_depth", 127, "keyboard level scaling: depth left of C3"),
            ("right_depth", 127, "keyboard level scaling: depth right of C3"),
            ("left_curve", 3, "keyboard level scaling: left curve (-LIN, -EXP, +EXP, +LIN)"),
            ("right_curve", 3, "keyboard level scaling: right curve (-LIN, -EXP, +EXP, +LIN)"),
            ("lfo_amp_depth", 127, "LFO amplitude modulation depth"),
            ("lfo_pitch", 1, "LFO pitch modulation on"),
            ("pitch_eg", 1, "pitch envelope in use"),
            ("velocity_sensitivity", 127, "sensitivity to key velocity"),
            ("output_level", 127, "output level"),
            ("feedback", 127, "feedback"),
            ("feedback_type", 1, "wave of the feedback (saw, square)"),
            ("mode", 1, "oscillator mode (0 ratio to the key, 1 fixed frequency)"),
            ("coarse", 31, "coarse frequency"),
            ("fine", 99, "fine frequency"),
            ("detune", 127, "detune (64 is none)"),
        ),
    ),
)
