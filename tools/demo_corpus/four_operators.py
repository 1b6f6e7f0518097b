"""A bank of a 4-operator synthesizer: voices of our own, as played on a DX21 or TX81Z, and INIT VOICE in free slots."""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.conversions.from_four_operators import RATIOS
from deepdx_core.synths.four_operators.parameters import VMEM, VMEM_VOICES

_OPERATOR = (
    "output_level",
    "attack_rate",
    "decay_1_rate",
    "decay_1_level",
    "decay_2_rate",
    "release_rate",
    "velocity_sensitivity",
    "rate_scaling",
    "detune",
    "amp_mod",
    "eg_shift",
    "wave",
)
_OPERATOR_DEFAULTS = (0, 31, 0, 15, 0, 15, 0, 0, 0, 0, 0, 0)
_COMMON_DEFAULTS = {
    "transpose": 24,
    "bend_range": 2,
    "lfo_wave": 2,
    "lfo_speed": 35,
    "breath_pitch_bias": 50,
    "aftertouch_pitch_bias": 50,
    "wheel_pitch": 50,
    **dict.fromkeys(("pitch_eg_rate_1", "pitch_eg_rate_2", "pitch_eg_rate_3"), 99),
    **dict.fromkeys(("pitch_eg_level_1", "pitch_eg_level_2", "pitch_eg_level_3"), 50),
}


@dataclass(frozen=True)
class _Sheet:
    """A patch sheet.

    algorithm: 1 to 8. operators: 1 to 4, each as "ratio level AR D1R D1L D2R RR velocity rate-scaling detune
    amp-mod EG-shift wave"; items at the end may be left out. common: other parameters, as "name value, name value".
    """

    name: str
    algorithm: int
    feedback: int
    operators: tuple[str, str, str, str]
    common: str = ""


_VIBRATO = "lfo_delay 40, lfo_pitch_depth 12, pitch_mod_sensitivity 4"
_TREMOLO = "lfo_speed 30, lfo_amp_depth 45, amp_mod_sensitivity 1"
_INIT = _Sheet("INIT VOICE", 1, 0, ("1 90", "1", "1", "1"))

_SHEETS = (
    # Keys
    _Sheet("TINE PIANO", 5, 2, (
        "1 99 31 9 11 7 7 3 1 1", "14 64 31 16 9 8 8 5 1", "1 97 31 8 12 7 7 2 1 -1", "1 70 31 10 8 9 8 5 1")),
    _Sheet("REED PIANO", 5, 5, (
        "1 99 31 8 12 7 8 2 1", "1 72 31 9 10 8 8 6 1", "1 92 31 9 11 8 8 2 1 1", "5 58 31 14 8 10 8 5 1"), _TREMOLO),
    _Sheet("GLASS KEYS", 5, 0, (
        "1 99 31 8 12 7 5 2 1", "8 60 31 11 8 8 6 5 1 1", "1 95 31 8 12 8 5 2 1 -2", "3 63 31 10 9 9 6 4 1")),
    _Sheet("UPRIGHT", 3, 3, (
        "1 99 31 9 12 8 8 2 1", "3 66 31 10 10 9 8 5 2", "2 58 31 12 8 10 8 4 2", "1 74 31 8 11 8 8 4 2")),
    _Sheet("CLAVINO", 1, 6, (
        "1 99 31 8 12 9 12 2 1", "3 78 31 9 10 10 12 5 1", "1 66 31 11 9 10 12 4 1", "5 66 31 13 7 12 12 4 2")),
    _Sheet("HARPSI 4", 4, 4, (
        "1 99 31 9 12 9 10 0 1", "4 74 31 9 12 8 10 1 1", "3 76 31 9 12 9 10 0 1", "5 70 31 10 10 9 10 0 1")),
    # Organs
    _Sheet("DRAWBAR 4", 8, 3, (
        "0.5 92 31 0 15 0 13", "1 95 31 0 15 0 13", "2 88 31 0 15 0 13 0 0 1", "3 84 31 18 4 14 13"), _VIBRATO),
    _Sheet("CHAPEL", 7, 2, (
        "1 92 22 0 15 0 8 0 0 1", "2 88 20 0 15 0 8 0 0 -1", "4 80 22 0 15 0 8", "2 66 24 0 15 0 8"), "chorus 1"),
    # Basses
    _Sheet("ROUND BASS", 1, 3, (
        "0.5 99 31 7 13 6 11 2 1", "0.5 72 31 10 10 8 11 5 1", "1 58 31 13 8 10 11 4 1", "0.5 60 31 10 9 9 11 3 1")),
    _Sheet("SLAP BASS", 3, 5, (
        "0.5 99 31 8 13 7 12 3 1", "1 78 31 12 10 9 12 6 1", "3 70 31 16 5 14 12 6 1", "0.5 75 31 11 10 8 12 5 1")),
    _Sheet("RUBBER BAS", 2, 6, (
        "0.5 99 31 0 15 0 12 1", "0.5 80 31 11 6 0 12 5", "1 62 31 12 4 0 12 4", "0.5 68 31 9 8 0 12 2"), "mono 1"),
    _Sheet("FRETLESS", 1, 2, (
        "0.5 99 24 5 13 5 10 2", "0.5 68 20 8 12 6 10 4", "1 52 22 9 9 8 10 3", "1 46 24 8 10 7 10"), _VIBRATO),
    # Brass and reeds
    _Sheet("BRASS SECT", 2, 6, (
        "1 99 20 8 13 0 10 2 0 1", "1 78 17 9 12 0 10 3", "1 60 18 10 11 0 9 2 0 -1", "1 64 19 9 12 0 9 2"),
        f"chorus 1, {_VIBRATO}"),
    _Sheet("MUTE TRUMP", 1, 6, (
        "1 99 21 9 13 0 11 2", "3 74 20 10 12 0 11 3", "1 66 19 9 12 0 11 2", "1 72 20 9 12 0 11"), _VIBRATO),
    _Sheet("REED SOLO", 5, 0, (
        "1 99 19 7 14 0 11 1", "2 72 18 8 13 0 11 2", "1 78 20 8 13 0 11 1 0 1", "4 58 19 9 12 0 11 2"), _VIBRATO),
    _Sheet("WOOD FLUTE", 3, 7, (
        "1 99 17 9 14 0 10 1", "1 52 18 10 12 0 10 2", "2 44 19 10 11 0 10", "4.24 38 24 16 4 10 11"), _VIBRATO),
    # Strings and pads
    _Sheet("SLOW STRNG", 5, 6, (
        "1 95 13 0 15 0 6 0 0 2", "1 74 12 0 15 0 6", "1 95 12 0 15 0 6 0 0 -2", "2 68 13 0 15 0 6"),
        f"chorus 1, {_VIBRATO}"),
    _Sheet("DUSK PAD", 6, 4, (
        "0.5 93 11 5 13 0 5 0 0 1", "1 93 10 5 13 0 5 0 0 -1", "2 84 10 6 12 0 5", "1 70 9 5 13 0 5"), "chorus 1"),
    _Sheet("VOICES 4", 5, 3, (
        "1 96 14 6 14 0 7 0 0 1", "1 60 13 6 14 0 7", "2 84 14 6 13 0 7 0 0 -1", "1 62 12 6 14 0 7"), _VIBRATO),
    # Bells and mallets
    _Sheet("TOWER BELL", 5, 3, (
        "1 99 31 6 13 6 5", "3.46 78 31 6 12 6 5", "2 93 31 7 12 6 5 0 0 2", "7.07 70 31 8 11 7 5")),
    _Sheet("SMALL BELL", 5, 0, (
        "4 95 31 9 11 8 6 2", "14.1 66 31 10 10 8 6 3", "4 90 31 9 11 8 6 2 0 3", "11.3 62 31 11 9 9 6 3")),
    _Sheet("VIBES 4", 7, 0, (
        "1 97 31 7 12 7 6 2 1 0 1", "4 88 31 11 8 10 7 2 1 0 1", "1 93 31 8 12 7 6 2 1 1 1", "10 60 31 16 6 14 9 5 2"),
        _TREMOLO),
    _Sheet("MARIMBA 4", 5, 0, (
        "1 99 31 12 9 11 9 2 2", "4 66 31 17 4 15 10 4 2", "1 92 31 13 8 12 9 2 2", "10 60 31 20 2 18 12 4 2")),
    # What a DX7 lacks: shifted envelopes, and other waves.
    _Sheet("NYLON", 1, 4, (
        "1 99 31 9 12 9 9 2 1", "3 73 31 10 11 10 9 4 2 0 0 1", "1 68 31 10 10 9 9 3 1 0 0 2", "1 66 31 12 8 10 9 3")),
    _Sheet("ODD WAVES", 8, 0, (
        "1 92 24 6 13 0 8 0 0 1 0 0 4", "1 92 24 6 13 0 8 0 0 -1 0 0 6", "2 84 22 6 13 0 8", "0.5 88 23 6 13 0 8")),
)  # fmt: skip


def make_four_operator_bank() -> bytes:
    """Return the data of a 4-operator bank, 4096 bytes."""
    sheets = [*_SHEETS, *[_INIT] * (VMEM_VOICES - len(_SHEETS))]
    values = np.stack([_parse(sheet) for sheet in sheets])
    if VMEM.out_of_range(values).any():
        raise ValueError("a patch sheet has a value out of range")
    names = np.frombuffer("".join(sheet.name.ljust(10) for sheet in sheets).encode(), np.uint8).reshape(-1, 10)
    return VMEM.pack(values, names).tobytes()


def _parse(sheet: _Sheet) -> UInt8Array:
    fields = _COMMON_DEFAULTS | {"algorithm": sheet.algorithm - 1, "feedback": sheet.feedback}
    fields |= {name: int(value) for name, value in (item.split() for item in sheet.common.split(",") if item)}
    for number, operator in enumerate(sheet.operators, 1):
        ratio, *given = operator.split()
        row = dict(zip(_OPERATOR, (*map(int, given), *_OPERATOR_DEFAULTS[len(given) :]), strict=True))
        row |= {"detune": 3 + row["detune"], "frequency": int(np.abs(RATIOS - float(ratio)).argmin())}
        fields |= {f"op{number}_{name}": value for name, value in row.items()}
    values = np.zeros(len(VMEM.fields), np.uint8)
    values[[VMEM.index[name] for name in fields]] = list(fields.values())
    return values
