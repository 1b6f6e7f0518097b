"""The laws between parameters of DX7 and SY77, as tables by the DX7's value, and back by the nearest.

Source: measured on 3,243 voices of public collections that a program of the 1990s converted, paired with their DX7
originals; the DX7's own envelope rates and levels are those of msfa (Apache-2.0).
"""

import numpy as np

from deepdx_core.arrays import Int64Array
from deepdx_core.sound.engine.tables import OUTPUT_LEVELS

RATES: Int64Array = (np.arange(100) * 41) >> 6
"""Envelope rates 0 to 63 by the DX7's: those in which its envelopes count (msfa, env)."""

LEVELS: Int64Array = OUTPUT_LEVELS >> 1
"""Envelope levels 0 to 63 by the DX7's (msfa, env)."""

# fmt: off
TOTAL_LEVELS: Int64Array = np.array([
    0, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 32, 33, 35, 36, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
    48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
    77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89, 90, 92, 94, 95, 96, 98, 99, 100, 102, 103, 104, 105, 107, 109, 110,
    111, 112, 113, 114, 116, 117, 118, 120, 121, 122, 123, 124, 126, 127,
], np.int64)
"""Output levels 0 to 127 by the DX7's (measured; 8 of the lowest 24 between their neighbors)."""

LFO_SPEEDS: Int64Array = np.array([
    0, 1, 3, 5, 7, 9, 11, 13, 15, 17, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 37, 39, 41, 43, 45, 47, 49, 51, 53, 55,
    56, 58, 60, 62, 64, 66, 68, 70, 72, 74, 75, 77, 79, 81, 83, 85, 87, 89, 91, 93, 94, 96, 98, *[99] * 47,
], np.int64)
"""LFO speeds 0 to 99 by the DX7's; from 53 on, the SY77's LFO is no faster (measured)."""

PITCH_RATES: Int64Array = np.array([
    0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6,
    6, 6, 7, 7, 7, 8, 8, 9, 9, 9, 9, 10, 10, 11, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19,
    20, 21, 22, 22, 23, 24, 25, 26, 27, 28, 30, 31, 32, 33, 35, 36, 38, 39, 41, 42, 44, 46, 48, 50, 52, 58, 60, 63, 63,
], np.int64)
"""Pitch envelope rates 0 to 63 by the DX7's (measured; 23 between its neighbors)."""

PITCH_LEVELS: Int64Array = np.array([
    0, 6, 12, 17, 22, 26, 30, 34, 36, 38, 40, 41, 42, 44, 45, 46, 47, 48, 48, 49, 49, 50, 50, 51, 51, 52, 52, 53, 53,
    54, 54, 55, 56, 56, 57, 57, 58, 58, 59, 59, 60, 60, 61, 61, 62, 62, 63, 63, 64, 64, 64, 65, 65, 66, 66, 67, 67, 68,
    68, 69, 69, 70, 71, 71, 71, 72, 72, 73, 73, 74, 74, 75, 76, 76, 77, 77, 77, 78, 78, 79, 79, 80, 80, 81, 81, 83, 84,
    85, 87, 88, 91, 93, 96, 100, 105, 110, 116, 121, 127, 127,
], np.int64)
"""Pitch envelope levels 0 to 127 in the range of 8 octaves by the DX7's, 64 none (measured; 13 between neighbors)."""
# fmt: on

NOTE_SHIFT = 40
"""Note shift of transpose 0."""

FIXED_COARSE = 1
"""Coarse frequency of the DX7's lowest fixed range, 1 to 10 Hz; it has four."""

DETUNE_CENTER = 7

TEMPLATE = {
    "mode": 3,
    "effect_mode": 1,
    "effect_reverb_2_type": 1,
    "effect_reverb_2_balance": 25,
    "effect_reverb_2_level": 100,
    "effect_reverb_2_parameter_1": 17,
    "effect_reverb_2_parameter_2": 9,
    "effect_reverb_2_parameter_3": 29,
    "effect_mix_1": 1,
    "effect_mix_2": 1,
    "bend_range": 2,
    "output": 3,
    "volume": 127,
    "element1_level": 127,
    "element1_note_shift": 64,
    "element1_note_high": 127,
    "element1_velocity_low": 1,
    "element1_velocity_high": 127,
    "element1_pan": 32,
    "element1_outputs": 3,
    **{f"element1_filter_{n}_byte_{byte}": 127 for n in (1, 2) for byte in (1,)},
    **{f"element1_filter_{n}_byte_{byte}": 64 for n in (1, 2) for byte in range(9, 16)},
    **{
        f"element1_filter_{n}_byte_{byte}": value
        for n in (1, 2)
        for byte, value in ((2, 1), (18, 21), (19, 120), (20, 127), (21, 1), (23, 1), (25, 1), (27, 1))
    },
}
"""Fields that are not 0 where a DX7 has nothing to say: a hall reverb, filters that let everything pass (measured)."""


def nearest(table: Int64Array, values: Int64Array) -> Int64Array:
    """Return the index of the entry of an ascending table that is nearest to each value; of equal ones, the highest."""
    high = np.searchsorted(table, values, side="left").clip(max=len(table) - 1)
    low = np.searchsorted(table, table[(high - 1).clip(min=0)], side="right") - 1
    closer = np.where(np.abs(table[low] - values) <= np.abs(table[high] - values), low, high)
    return np.asarray(np.searchsorted(table, table[closer], side="right") - 1)


def from_signed(raw: Int64Array, magnitude: int) -> Int64Array:
    """Return the value of a field of sign and magnitude, whose sign is the bit above `magnitude`."""
    size = raw & magnitude
    return np.where(raw > magnitude, -size, size)


def to_signed(values: Int64Array, magnitude: int) -> Int64Array:
    """Undo `from_signed`."""
    return np.where(values < 0, -values | (magnitude + 1), values)
