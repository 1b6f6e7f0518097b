"""Numbers of the engine, each with its source.

msfa: Google's music-synthesizer-for-android and its wiki (Apache-2.0). Plaits: Mutable Instruments' `plaits/dsp/fm`
(MIT). ROM: the sine and exponential tables of Yamaha's OPL and OPS chips (write-ups by Niemitalo and Gambrell, and by
Shirriff). Measured: from the samples of dexed-py 0.3.0 (Mark I, 44.1 kHz), as a black box.
"""

import math

import numpy as np

from deepdx_core.arrays import Int32Array, Int64Array

SAMPLE_RATE = 44_100
"""Hertz. The tables of LFO speeds and of holds count blocks at this rate."""

BLOCK = 64
"""Samples between two updates of envelopes, LFO and pitch (msfa)."""

GROUP = 16
"""Notes rendered side by side, for speed only.

A feedback operator needs its own last samples. So SIMD computes one sample of each note, not many of one note.
"""

OCTAVE = 1 << 24
"""Unit of pitches, and of levels: an octave of level is a factor of 2, 6.02 dB (msfa)."""


# Attenuations of operators, in 1/1024 octave

SILENT = 15 * 1024
"""Attenuation of level 0: 15 octaves, 90 dB (measured)."""

FIRST_ATTENUATION = SILENT - 1
"""Attenuation before the first block of a note (measured)."""

INAUDIBLE = 15_260
"""An operator beyond this attenuation at both ends of a block is silent (measured)."""

MODULATION_SHIFT = 13
"""Left shift of a modulator's samples: a full one moves the phase by two cycles either way (measured)."""

# Envelopes

LOWEST_TARGET = 16
"""Lowest target of an envelope, in 1/256 octave (msfa, env)."""

FULL_TARGET = 4256
"""Offset of an envelope's target: envelope level plus output level, both full, in 1/256 octave (msfa, env)."""

JUMP = 1716 << 16
"""Lowest level of a rising envelope, in 2**-24 octave: it starts there (msfa, env)."""

CEILING = 17 * OCTAVE
"""Level that a rising envelope approaches, faster the further away it is (msfa, env)."""

FULL_HOLD_RATE = 77
"""Lowest rate, with rate scaling, at which an envelope whose level 1 is 0 stays there for all of HOLDS (measured)."""

SHORT_HOLD = 20
"""Divisor of that hold at lower rates (measured)."""

# Key and velocity

BREAK_POINT_0 = 17
"""MIDI note of break point 0: four keys below A-1, its name on the panel (msfa, dx7note)."""

FULL_LEVEL = 127
"""Highest output level, in steps of OUTPUT_LEVELS. Scaling does not exceed it (msfa, dx7note)."""

NEUTRAL_VELOCITY = 239
"""Entry of VELOCITIES that changes nothing (msfa, dx7note)."""

# fmt: off
OUTPUT_LEVELS: Int64Array = np.array([
    0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46, 48, 49, 50, 51, 52, 53, 54, 55, 56,
    57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84,
    85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110,
    111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127,
], np.int64)
"""Output and envelope levels 0 to 99, in steps of 1/8 octave, 0.7526 dB; 127 is full (msfa, wiki Dx7Envelope)."""

VELOCITIES: Int64Array = np.array([
    0, 70, 86, 97, 106, 114, 121, 126, 132, 138, 142, 148, 152, 156, 160, 163, 166, 170, 173, 174, 178, 181, 184, 186,
    189, 190, 194, 196, 198, 200, 202, 205, 206, 209, 211, 214, 216, 218, 220, 222, 224, 225, 227, 229, 230, 232, 233,
    235, 237, 238, 240, 241, 242, 243, 244, 246, 246, 248, 249, 250, 251, 252, 253, 254,
], np.int64)
"""Loudness by half of the velocity; NEUTRAL_VELOCITY changes nothing (msfa, dx7note)."""

EXPONENTIAL_CURVE: Int64Array = np.array([
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 16, 19, 23, 27, 33, 39, 47, 56, 66, 80, 94, 110, 126, 142, 158, 174, 190,
    206, 222, 238, 250,
], np.int64)
"""Keyboard level scaling by groups of three keys from the break point, up to 32 groups (msfa, dx7note)."""

PITCH_EG_RATES: Int64Array = np.array([
    1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 16, 16, 17, 18, 18,
    19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 30, 31, 33, 34, 36, 37, 38, 39, 41, 42, 44, 46, 47, 49, 51, 53, 54, 56,
    58, 60, 62, 64, 66, 68, 70, 72, 74, 76, 79, 82, 85, 88, 91, 94, 98, 102, 106, 110, 115, 120, 125, 130, 135, 141,
    147, 153, 159, 165, 171, 178, 185, 193, 202, 211, 232, 243, 254, 255,
], np.int64)
"""Pitch envelope rates 0 to 99; 1 is an octave in 21.3 seconds (msfa, pitchenv)."""

PITCH_EG_LEVELS: Int64Array = np.array([
    -128, -116, -104, -95, -85, -76, -68, -61, -56, -52, -49, -46, -43, -41, -39, -37, -35, -33, -32, -31, -30, -29,
    -28, -27, -26, -25, -24, -23, -22, -21, -20, -19, -18, -17, -16, -15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5,
    -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 32, 33, 34, 35, 38, 40, 43, 46, 49, 53, 58, 65, 73, 82, 92, 103, 115, 127,
], np.int64)
"""Pitch envelope levels 0 to 99, in 1/32 octave (msfa, pitchenv)."""

PITCH_SENSITIVITIES: Int64Array = np.array([
    0, 10, 20, 33, 55, 92, 153, 255,
], np.int64)
"""Pitch modulation sensitivity 0 to 7 (msfa, dx7note)."""

AMP_SENSITIVITIES: Int64Array = np.array([
    0, 4342338, 7171437, 16777216,
], np.int64)
"""Amplitude modulation sensitivity 0 to 3, in 2**-24: 0, 0.2588, 0.4274, 1 (Plaits; last digits measured)."""

HOLDS: Int64Array = np.array([
    1764032, 1764032, 1411200, 1411200, 1190720, 1014336, 992256, 882048, 705600, 705600, 584384, 507200, 502784,
    441024, 419008, 352832, 308736, 286656, 253632, 220544, 220544, 176448, 145536, 145536, 125696, 110272, 110272,
    88256, 88256, 75008, 61760, 61760, 55168, 48512, 44160, 37504, 31360, 30912, 27584, 27584, 22080, 18560, 17664,
    15488, 14144, 13248, 11072, 9280, 9280, 7744, 6656, 6656, 5568, 5568, 4416, 4032, 4032, 3456, 2880, 2752, 2304,
    1984, 1920, 1856, 1472, 1408, 1280, 1152, 960, 896, 896, 768, 576, 576, 576, 448, 448, 440, 420, 400, 380, 360,
    340, 320, 300, 280, 260, 240, 220, 200, 180, 160, 140, 120, 100, 80, 60, 40, 20, 0,
], np.int64)
"""Samples for which an envelope stays where it is, if a segment starts at its target, by rate 0 to 99 (measured)."""

LFO_STEPS: Int64Array = np.array([
    402758, 805188, 2011782, 2815013, 4022431, 4834401, 6029879, 7246842, 8047368, 9252745, 10052150, 11283242,
    12075582, 13282273, 14471705, 15291248, 16489335, 17302283, 18508143, 19312965, 20530513, 21701462, 22540808,
    23713187, 24549351, 25764787, 26958759, 27760618, 28987704, 29773045, 31005817, 31751842, 32984576, 34229346,
    34999507, 36175197, 37032252, 38296316, 39043951, 40239372, 41419530, 42273262, 43465908, 44230145, 45415436,
    46693075, 47498959, 48661845, 49507296, 50731915, 51478088, 52691122, 53917526, 54770447, 55931118, 56739288,
    57871218, 58747573, 59894985, 61180970, 61874607, 63099245, 64078698, 65154884, 72456221, 73314081, 80903378,
    88073155, 89542671, 97191505, 105399491, 107153227, 115080574, 123606698, 125095354, 134164768, 135462957,
    144912442, 154582551, 156232630, 165806102, 174997526, 177603667, 187097877, 197664486, 200870524, 210317079,
    220998936, 223297816, 234519628, 245985828, 248261718, 260093254, 262424978, 274505925, 285456958, 289044386,
    301211835, 312920748, 317236898,
], np.int64)
"""LFO speeds 0 to 99, in 2**-32 cycles a block: 0.0646 to 50.9 Hz (measured)."""
# fmt: on


def _log_sine() -> Int32Array:
    quarter = np.rint(-1024 * np.log2(np.sin((np.arange(1024) + 0.5) * np.pi / 2048)))
    return np.concatenate([quarter, quarter[::-1]]).astype(np.int32)


LOG_SINE: Int32Array = _log_sine()
"""Attenuation of half a cycle of a sine, in 1/1024 octave, `int32[2048]` (ROM)."""

EXPONENTIAL: Int32Array = np.rint(8192 * 2.0 ** -((np.arange(1024) + 1) / 1024)).astype(np.int32)
"""Amplitude of an attenuation below one octave, 8191 down to 4096, in 1/1024 octave, `int32[1024]` (ROM)."""


def _increments() -> Int64Array:
    # Multiplied step by step, as in msfa (freqlut): a power for each entry would differ in the last digit.
    increments = np.empty(1025, np.int64)
    value = 2.0**44 / SAMPLE_RATE
    for step in range(1025):
        increments[step] = math.floor(value + 0.5)
        value *= 2 ** (1 / 1024)
    return increments


INCREMENTS: Int64Array = _increments()
"""Phase increments of pitches in the octave above 2**20 Hz, by 1/1024 octave, `int64[1025]` (msfa, freqlut)."""


def _octaves(ratio: float) -> int:
    return math.floor(math.log2(ratio) * OCTAVE + 0.5)


COARSE_RATIOS: Int64Array = np.array([-OCTAVE, *map(_octaves, range(1, 32))], np.int64)
"""Coarse frequency 0 to 31 as a pitch: ratios 0.5, 1, 2, ... 31 (msfa, dx7note)."""

FINE_RATIOS: Int64Array = np.array([math.floor(24204406.323123 * math.log(1 + 0.01 * k) + 0.5) for k in range(100)])
"""Fine frequency 0 to 99 as a pitch: ratios 1.00 to 1.99 (msfa, dx7note; its constant is OCTAVE / ln 2)."""

LOWEST_PITCH = 50_857_776
PITCH_PER_KEY = 1_398_101
"""Pitch of MIDI note 0, log2 of its frequency in Hz, and a semitone (msfa; its note 0 is 1 higher, measured)."""


def _detune() -> Int64Array:
    keys = (LOWEST_PITCH + PITCH_PER_KEY * np.arange(128)).tolist()
    steps = [[_detuned(key, step) for step in range(-7, 8)] for key in keys]
    return np.array(steps, np.int64)


def _detuned(pitch: int, step: int) -> int:
    octave = float(np.float32(pitch)) / OCTAVE  # a pitch rounded to 24 bits (measured)
    octaves_per_step = 0.0209 * math.exp(-0.396 * octave) / 7
    return int(pitch + octaves_per_step * pitch * step)


DETUNED_KEYS: Int64Array = _detune()
"""Pitch of each MIDI note with detune 0 to 14 (7: none), `int64[128, 15]`. Low keys detune more (measured)."""

FIXED_STEP = 4_458_616
"""Pitch of a step of fine in fixed mode, 1/100 decade, times 8; a step of coarse is 100 of them (msfa)."""

FIXED_DETUNE = 13_457
"""Pitch of a step of detune above 7 in fixed mode (msfa)."""


def _lfo_sine() -> Int64Array:
    # A vector turned 512 times, as in msfa (sin.cc): a sine for each entry would differ in the last digit.
    cosine, sine = (math.floor(value * 2**30 + 0.5) for value in (math.cos(math.pi / 512), math.sin(math.pi / 512)))
    table = np.zeros(1025, np.int64)
    x, y = 1 << 30, 0
    for step in range(512):
        table[step] = (y + 32) >> 6
        table[step + 512] = -table[step]
        x, y = (x * cosine - y * sine + (1 << 29)) >> 30, (x * sine + y * cosine + (1 << 29)) >> 30
    return table


LFO_SINE: Int64Array = _lfo_sine()
"""A cycle of the LFO's sine, in 2**-24, `int64[1025]` (msfa, sin)."""
