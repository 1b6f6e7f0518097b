"""Patch sheets of families of voices, and how to parse them.

Numbers are written as on paper: "20-35" is a range to draw from, both ends included, "24" one value. Spaces separate
items of a list.
"""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Int64Array

Range = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """Settings of an operator in its stack.

    tuning: choices of frequency. "1" or "3.5" is a ratio to the key; "F170-190" is fixed, in hundredths of a decade
        of Hz (F100 is 10 Hz, F185 is 71 Hz, F300 is 1 kHz).
    rates, levels: of the envelope, four each.
    detune: largest distance from 7, to either side.
    scaling: break point, left depth, right depth, left curve, right curve.
    """

    tuning: str
    rates: str
    levels: str
    output: str = "94-99"
    detune: int = 1
    velocity: str = "1-3"
    rate_scaling: str = "0-2"
    scaling: str = "39 0 0 0 0"
    tremolo: str = "0"

    def ranges(self) -> dict[str, Range]:
        """Return the range of each operator parameter except the frequency, by its name without `op1_`."""
        envelope = {f"eg_rate_{i}": value for i, value in enumerate(parse_ranges(self.rates), 1)}
        envelope |= {f"eg_level_{i}": value for i, value in enumerate(parse_ranges(self.levels), 1)}
        scaling = ("break_point", "left_depth", "right_depth", "left_curve", "right_curve")
        return envelope | {
            **dict(zip(scaling, parse_ranges(self.scaling), strict=True)),
            "rate_scaling": parse_range(self.rate_scaling),
            "amp_mod_sensitivity": parse_range(self.tremolo),
            "velocity_sensitivity": parse_range(self.velocity),
            "output_level": parse_range(self.output),
            "detune": (7 - self.detune, 7 + self.detune),
        }

    def tunings(self) -> Int64Array:
        """Return the choices of frequency, `int64[k, 3]`: mode, coarse, fine."""
        choices: list[tuple[int, int, int]] = []
        for token in self.tuning.split():
            if token.startswith("F"):
                low, high = parse_range(token[1:])
                choices += [(1, hundredths // 100, hundredths % 100) for hundredths in range(low, high + 1)]
            else:
                choices.append((0, *_find_nearest_ratio(round(float(token) * 100))))
        return np.array(choices, dtype=np.int64)


@dataclass(frozen=True)
class Stack:
    """A carrier and its modulators."""

    carrier: Part
    modulator: Part


@dataclass(frozen=True)
class Family:
    """A family of voices.

    label: training label that its names should get.
    bank: folder and name of its banks.
    count: number of voices.
    names: as players write them, ten characters at most.
    algorithms: choices, as numbered on the panel.
    stacks: assigned to an algorithm's carriers in turn; modulators belong to the stack of the carrier they reach.
    lfo: speed, delay, pitch depth, amplitude depth.
    waves: choices of the LFO's wave.
    vibrato: pitch modulation sensitivity.
    sync: oscillator key sync.
    pitch_rates, pitch_levels: the pitch envelope.
    """

    label: str
    bank: str
    count: int
    names: tuple[str, ...]
    algorithms: str
    stacks: tuple[Stack, ...]
    feedback: str = "0-6"
    transpose: str = "24"
    lfo: str = "28-40 0 0 0"
    waves: str = "0 0 4"
    vibrato: str = "1-3"
    sync: str = "0-1"
    pitch_rates: str = "94-99 94-99 94-99 94-99"
    pitch_levels: str = "50 50 50 50"

    def ranges(self) -> dict[str, list[Range]]:
        """Return the choices of ranges for each common parameter, by its name in `PARAMETERS`."""
        pitch = {f"pitch_eg_rate_{i}": [value] for i, value in enumerate(parse_ranges(self.pitch_rates), 1)}
        pitch |= {f"pitch_eg_level_{i}": [value] for i, value in enumerate(parse_ranges(self.pitch_levels), 1)}
        lfo = ("lfo_speed", "lfo_delay", "lfo_pitch_depth", "lfo_amp_depth")
        return pitch | {
            "algorithm": [(number - 1, number - 1) for number, _ in parse_ranges(self.algorithms)],
            "feedback": parse_ranges(self.feedback),
            "oscillator_sync": parse_ranges(self.sync),
            **{name: [value] for name, value in zip(lfo, parse_ranges(self.lfo), strict=True)},
            "lfo_sync": [(0, 1)],
            "lfo_wave": parse_ranges(self.waves),
            "pitch_mod_sensitivity": parse_ranges(self.vibrato),
            "transpose": parse_ranges(self.transpose),
        }


def parse_range(text: str) -> Range:
    """Parse a range: "20-35" is (20, 35), "24" is (24, 24)."""
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def parse_ranges(text: str) -> list[Range]:
    """Parse ranges separated by spaces."""
    return [parse_range(token) for token in text.split()]


def _find_nearest_ratio(hundredths: int) -> tuple[int, int]:
    # Coarse 0 is a half; fine adds hundredths of the coarse ratio. Integers only: rounding cannot differ by machine.
    best: list[tuple[int, int, int]] = []
    for coarse in range(32):
        base = 100 * coarse or 50
        fine = (100 * hundredths + base // 2) // base - 100
        if 0 <= fine <= 99:
            best.append((abs(base * (100 + fine) - 100 * hundredths), fine, coarse))
    _, fine, coarse = min(best)
    return coarse, fine
