"""The parameter table of a DX7 voice: names, ranges, defaults, and offsets in both formats.

Codec, schemas, range checks, model encoding, SQL comments and docs all derive from `PARAMETERS`.
Source: Yamaha DX7 Operating Manual (1983), "MIDI data format", tables of the single voice (VCED, 155 bytes) and
of the packed 32 voices (VMEM, 128 bytes per voice).
"""

from dataclasses import dataclass

OPERATORS = (6, 5, 4, 3, 2, 1)
"""Operator numbers in the order of both formats."""

NAME_LENGTH = 10
VCED_NAME = 145
"""Offset of the name in the unpacked format."""
VCED_SIZE = 155
VMEM_NAME = 118
"""Offset of the name in the packed format."""
VMEM_SIZE = 128
VMEM_VOICES = 32
"""Voices per bank."""


@dataclass(frozen=True)
class Parameter:
    """One of the 145 parameters of a voice.

    Legal values are 0 to `maximum`. `vmem` is the offset of the packed byte that holds the value, `bits` wide from bit
    `shift` upward. The offset in the unpacked format is the parameter's index in `PARAMETERS`.
    """

    name: str
    maximum: int
    default: int
    vmem: int
    shift: int
    bits: int
    description: str

    @property
    def categorical(self) -> bool:
        """True for values without an order, such as curves and waves."""
        return self.name.endswith(("_curve", "algorithm", "lfo_wave"))


# (name, maximum, INIT VOICE, packed byte within the operator, shift, bits, description), in VCED order.
_OPERATOR = (
    ("eg_rate_1", 99, 99, 0, 0, 7, "envelope rate 1 (attack)"),
    ("eg_rate_2", 99, 99, 1, 0, 7, "envelope rate 2"),
    ("eg_rate_3", 99, 99, 2, 0, 7, "envelope rate 3"),
    ("eg_rate_4", 99, 99, 3, 0, 7, "envelope rate 4 (release)"),
    ("eg_level_1", 99, 99, 4, 0, 7, "envelope level 1"),
    ("eg_level_2", 99, 99, 5, 0, 7, "envelope level 2"),
    ("eg_level_3", 99, 99, 6, 0, 7, "envelope level 3 (sustain)"),
    ("eg_level_4", 99, 0, 7, 0, 7, "envelope level 4 (at rest, before and after a note)"),
    ("break_point", 99, 39, 8, 0, 7, "keyboard level scaling: break point (39 is C3)"),
    ("left_depth", 99, 0, 9, 0, 7, "keyboard level scaling: depth left of the break point"),
    ("right_depth", 99, 0, 10, 0, 7, "keyboard level scaling: depth right of the break point"),
    ("left_curve", 3, 0, 11, 0, 2, "keyboard level scaling: left curve (-LIN, -EXP, +EXP, +LIN)"),
    ("right_curve", 3, 0, 11, 2, 2, "keyboard level scaling: right curve (-LIN, -EXP, +EXP, +LIN)"),
    ("rate_scaling", 7, 0, 12, 0, 3, "keyboard rate scaling"),
    ("amp_mod_sensitivity", 3, 0, 13, 0, 2, "sensitivity to amplitude modulation"),
    ("velocity_sensitivity", 7, 0, 13, 2, 3, "sensitivity to key velocity"),
    ("output_level", 99, 0, 14, 0, 7, "output level"),
    ("mode", 1, 0, 15, 0, 1, "oscillator mode (0 ratio to the key, 1 fixed frequency)"),
    ("coarse", 31, 1, 15, 1, 5, "coarse frequency"),
    ("fine", 99, 0, 16, 0, 7, "fine frequency"),
    ("detune", 14, 7, 12, 3, 4, "detune (7 is none)"),
)

_COMMON = (
    ("pitch_eg_rate_1", 99, 99, 102, 0, 7, "pitch envelope rate 1"),
    ("pitch_eg_rate_2", 99, 99, 103, 0, 7, "pitch envelope rate 2"),
    ("pitch_eg_rate_3", 99, 99, 104, 0, 7, "pitch envelope rate 3"),
    ("pitch_eg_rate_4", 99, 99, 105, 0, 7, "pitch envelope rate 4"),
    ("pitch_eg_level_1", 99, 50, 106, 0, 7, "pitch envelope level 1 (50 is no change)"),
    ("pitch_eg_level_2", 99, 50, 107, 0, 7, "pitch envelope level 2 (50 is no change)"),
    ("pitch_eg_level_3", 99, 50, 108, 0, 7, "pitch envelope level 3 (50 is no change)"),
    ("pitch_eg_level_4", 99, 50, 109, 0, 7, "pitch envelope level 4 (50 is no change)"),
    ("algorithm", 31, 0, 110, 0, 5, "algorithm, counted from 0: the panel's number is one more"),
    ("feedback", 7, 0, 111, 0, 3, "feedback"),
    ("oscillator_sync", 1, 1, 111, 3, 1, "oscillators restart with each key (oscillator key sync)"),
    ("lfo_speed", 99, 35, 112, 0, 7, "LFO speed"),
    ("lfo_delay", 99, 0, 113, 0, 7, "LFO delay"),
    ("lfo_pitch_depth", 99, 0, 114, 0, 7, "LFO pitch modulation depth"),
    ("lfo_amp_depth", 99, 0, 115, 0, 7, "LFO amplitude modulation depth"),
    ("lfo_sync", 1, 1, 116, 0, 1, "LFO restarts with each key (LFO key sync)"),
    ("lfo_wave", 5, 0, 116, 1, 3, "LFO wave (triangle, saw down, saw up, square, sine, sample and hold)"),
    ("pitch_mod_sensitivity", 7, 3, 116, 4, 3, "sensitivity to pitch modulation"),
    ("transpose", 48, 24, 117, 0, 7, "transpose in semitones (24 is none: middle C sounds C3)"),
)

_OPERATOR_VMEM_SIZE = 17


def _table() -> tuple[Parameter, ...]:
    operators = (
        # In the factory INIT VOICE only operator 1 is audible.
        Parameter(
            f"op{operator}_{name}",
            maximum,
            99 if (name, operator) == ("output_level", 1) else default,
            position * _OPERATOR_VMEM_SIZE + byte,
            shift,
            bits,
            f"operator {operator}: {text}",
        )
        for position, operator in enumerate(OPERATORS)
        for name, maximum, default, byte, shift, bits, text in _OPERATOR
    )
    return (*operators, *(Parameter(*row) for row in _COMMON))


PARAMETERS: tuple[Parameter, ...] = _table()
"""All 145 parameters in VCED order."""

PARAMETER_NAMES: tuple[str, ...] = tuple(p.name for p in PARAMETERS)

INDEX: dict[str, int] = {p.name: i for i, p in enumerate(PARAMETERS)}
"""Index of each parameter in `PARAMETERS`, which is also its column in arrays and its offset in the VCED format."""
