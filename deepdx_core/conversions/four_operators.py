"""Voices of four-operator chips (YM2151 and its kin) as DX7 voices, by the laws of both chips.

Source: ymfm (BSD-3) and msfa (Apache-2.0) for envelopes, levels and LFO; Yamaha's DX9 manual for the algorithms; the
TX81Z's own table of LFO speeds, which is 32 steps per octave of an exponential.
"""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import BoolArray, Float64Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.conversions.losses import Converted, collect_losses
from deepdx_core.sound.engine.tables import BLOCK, LFO_STEPS, SAMPLE_RATE
from deepdx_core.voice.columns import CARRIERS
from deepdx_core.voice.parameters import INDEX

# DX7 algorithm, and the DX7 operators that stand for operators 1 to 4, by the algorithm of four operators.
_ALGORITHMS = np.array([1, 14, 8, 7, 5, 22, 31, 32]) - 1
_STANDING = np.array([[3, 4, 5, 6]] * 8)
_STANDING[2] = [3, 5, 6, 4]
SILENT_OPERATORS = (1, 2)
"""DX7 operators that no operator stands for."""

_WAVES = np.array([2, 3, 0, 5])
"""The DX7's LFO waves by the chip's: saw up, square, triangle, sample and hold."""

_MODULATOR_STEPS = 8
"""Output levels by which a chip's modulator moves the phase more than a DX7's: 8 pi against 13.1 rad, 5.6 dB."""

_PITCH_DEPTHS = np.array([1, 0.10, 0.12, 0.155, 0.19, 0.23, 0.57, 0.66])
"""Share of the DX7's pitch modulation that the chip reaches, by sensitivity (published measurements of a TX81Z)."""

_EG_RANGE = 128
_LOWEST_SUSTAIN = 124
"""Attenuation at the end of the chip's envelope, 96 dB, and at its lowest sustain level, 93 dB, in steps of 0.75 dB."""

_DETUNES = np.array([0, 1, 1, 2])
"""Detune in steps of the DX7, by that of the chip: 0.7, 1.8 and 2.8 cents at middle C against 1.2 a step."""

_RATE_SCALINGS = np.array([1, 2, 4, 7])
"""The DX7's rate scaling by the chip's: 1/2, 1, 2 and 4 rates an octave, against 1/2 a step."""

MULTIPLES = np.array([0.5, *range(1, 16)])
INHARMONIC = np.array([1, np.sqrt(2), np.pi / 2, np.sqrt(3)])
"""Frequency multiples and inharmonic factors (DT2) of the chip; a ratio is one times the other."""

_DX7_RATIOS = np.outer([0.5, *range(1, 32)], 1 + np.arange(100) / 100).reshape(-1)
_DX7_ORDER = np.argsort(_DX7_RATIOS, kind="stable")  # of equal ratios, the one with the lowest fine frequency last
_LFO_HERTZ = LFO_STEPS * (SAMPLE_RATE / BLOCK / 2**32)
_CLOCK = 3_579_545


@dataclass(frozen=True)
class ChipVoices:
    """Voices as the chip plays them. Arrays are `[n]`, those of operators 1 to 4 `[n, 4]`.

    attack, decay_1, decay_2: rates 0 to 31. release: 0 to 15. sustain: steps of 3 dB below full, 15 for silence.
    eg_shift: 0 to 3, halvings of the attenuation by the envelope, whose range is 96 dB.
    level: output level 0 to 99. ratio: to the key's frequency. hertz: of a fixed frequency, 0 for a ratio.
    detune: -3 to 3. lfo_hertz, lfo_wave: 0 to 3. depths: 0 to 99. transpose: semitones. pitch_eg: rates 1 to 3 and
    levels 1 to 3, `[n, 6]`.
    """

    attack: Int64Array
    decay_1: Int64Array
    decay_2: Int64Array
    release: Int64Array
    sustain: Int64Array
    eg_shift: Int64Array
    level: Int64Array
    rate_scaling: Int64Array
    velocity: Int64Array
    amp_mod: Int64Array
    ratio: Float64Array
    hertz: Float64Array
    detune: Int64Array
    algorithm: Int64Array
    feedback: Int64Array
    lfo_hertz: Float64Array
    lfo_delay: Int64Array
    lfo_pitch_depth: Int64Array
    lfo_amp_depth: Int64Array
    lfo_sync: Int64Array
    lfo_wave: Int64Array
    pitch_mod_sensitivity: Int64Array
    amp_mod_sensitivity: Int64Array
    transpose: Int64Array
    pitch_eg: Int64Array


def convert_chip_voices(chip: ChipVoices, names: UInt8Array, lost: dict[str, BoolArray]) -> Converted:
    """Convert voices to DX7 voices. lost: what else the synthesizer has, and was left behind, by voice."""
    n = len(chip.algorithm)
    dx7 = np.tile(INIT_VOICE.astype(np.int64), (n, 1))
    standing = _STANDING[chip.algorithm]
    algorithm = _ALGORITHMS[chip.algorithm]
    carrier = np.take_along_axis(CARRIERS[algorithm], standing - 1, axis=1)
    rows = np.arange(n)[:, None]

    def put(name: str, values: Int64Array) -> None:
        columns = np.array([INDEX[f"op{operator}_{name}"] for operator in range(1, 7)])
        dx7[rows, columns[standing - 1]] = values

    # A shift divides all attenuations, and with them the slopes: a rate of the DX7 doubles every four.
    shift, shifted = chip.eg_shift, chip.eg_shift > 0
    steps = np.where(chip.sustain >= 15, _LOWEST_SUSTAIN, 4 * chip.sustain) >> shift
    lowest = np.where(shifted, 99 - (_EG_RANGE >> shift), 0)
    put("eg_rate_1", np.where(chip.attack > 0, (3 * chip.attack + 10).clip(max=99), 0))
    put("eg_rate_2", dx7_rates(2 * chip.decay_1 + 3 - 4 * shift))
    put("eg_rate_3", dx7_rates(2 * chip.decay_2 + 3 - 4 * shift))
    put("eg_rate_4", dx7_rates(4 * chip.release + 5 - 4 * shift))
    put("eg_level_1", np.full_like(steps, 99))
    # Rate 0 stays where it is.
    sustain = np.where(chip.decay_1 > 0, (99 - steps).clip(0), 99)
    put("eg_level_2", sustain)
    put("eg_level_3", np.where(chip.decay_2 > 0, lowest, sustain))
    put("eg_level_4", np.where(carrier, 0, lowest))
    level = np.where(carrier, chip.level, chip.level + _MODULATOR_STEPS * (chip.level > 0))
    for operator in SILENT_OPERATORS:
        dx7[:, INDEX[f"op{operator}_output_level"]] = 0
    put("output_level", level.clip(max=99))
    put("rate_scaling", _RATE_SCALINGS[chip.rate_scaling])
    put("velocity_sensitivity", chip.velocity)
    put("amp_mod_sensitivity", chip.amp_mod * chip.amp_mod_sensitivity[:, None])
    fixed = chip.hertz > 0
    coarse, fine = _frequencies(chip.ratio)
    decades = np.log10(np.where(fixed, chip.hertz, 1)).clip(0, 3.99)
    hundredths = np.rint(100 * decades).astype(np.int64)
    put("mode", fixed.astype(np.int64))
    put("coarse", np.where(fixed, hundredths // 100, coarse))
    put("fine", np.where(fixed, hundredths % 100, fine))
    put("detune", 7 + np.sign(chip.detune) * _DETUNES[np.abs(chip.detune)])

    depth = np.rint(chip.lfo_pitch_depth * _PITCH_DEPTHS[chip.pitch_mod_sensitivity]).astype(np.int64)
    values = {
        "algorithm": algorithm,
        "feedback": chip.feedback,
        "oscillator_sync": 1,
        "lfo_speed": nearest_lfo_speed(chip.lfo_hertz),
        "lfo_delay": chip.lfo_delay,
        "lfo_pitch_depth": depth,
        "lfo_amp_depth": chip.lfo_amp_depth,
        "lfo_sync": chip.lfo_sync,
        "lfo_wave": _WAVES[chip.lfo_wave],
        "pitch_mod_sensitivity": chip.pitch_mod_sensitivity,
        "transpose": 24 + chip.transpose,
        # Level 2 is held; the third stage is the release.
        **{f"pitch_eg_rate_{n}": chip.pitch_eg[:, k] for n, k in ((1, 0), (2, 1), (3, 1), (4, 2))},
        **{f"pitch_eg_level_{n}": chip.pitch_eg[:, 3 + k] for n, k in ((1, 0), (2, 1), (3, 1), (4, 2))},
    }
    for name, value in values.items():
        dx7[:, INDEX[name]] = value
    heard = chip.level > 0
    losses = {
        # The chip's end of the envelope can be heard; a DX7's carrier would never fall silent.
        "EG shift of carriers after key-up": (shifted & carrier & heard).any(axis=1),
        "modulators too strong for a DX7": ((level > 99) & ~carrier).any(axis=1),
        "fixed frequency below 1 Hz or above 9,772 Hz": (fixed & heard & ((chip.hertz < 1) | (decades >= 3.99))).any(
            axis=1
        ),
        "transposition beyond the DX7's": np.abs(chip.transpose) > 24,
        **lost,
    }
    legal = dx7.clip(0, MAXIMA).astype(np.uint8)
    return Converted(legal, names, np.ones(n, bool), collect_losses(losses))


def dx7_rates(internal: Int64Array) -> Int64Array:
    """Return the lowest rates 0 to 99 that a DX7 counts at these of its internal rates, 0 to 63."""
    return (-(-64 * internal // 41)).clip(0, 99)


def lfo_hertz(speed: Int64Array) -> Float64Array:
    """Return the frequency of the chip's LFO by the value of its register, 0 to 255."""
    return np.asarray(_CLOCK * (16 + speed % 16) / 2.0 ** (36 - speed // 16))


def nearest_lfo_speed(hertz: Float64Array) -> Int64Array:
    """Return the DX7's LFO speeds, 0 to 99, whose frequencies are nearest in octaves."""
    return np.asarray(np.abs(np.log(_LFO_HERTZ) - np.log(hertz)[:, None]).argmin(axis=1))


def _frequencies(ratio: Float64Array) -> tuple[Int64Array, Int64Array]:
    """Return the coarse and fine frequency whose ratio is nearest."""
    ordered = _DX7_RATIOS[_DX7_ORDER]
    high = np.searchsorted(ordered, ratio).clip(1, len(ordered) - 1)
    nearer = np.where(ratio - ordered[high - 1] < ordered[high] - ratio, high - 1, high)
    # Of equal ratios, the one with the highest coarse frequency: 2.00 is coarse 2, and not 1 with fine 100.
    last = np.searchsorted(ordered, ordered[nearer], side="right") - 1
    found = _DX7_ORDER[last]
    return found // 100, found % 100
