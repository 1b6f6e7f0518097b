"""Variants of voices: each changes a few parameters, like a player at the panel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array
from deepdx_core.voice.parameters import INDEX
from tools.demo_corpus.operator_roles import DEPTH, OPERATOR_COLUMNS
from tools.demo_corpus.random_draws import Draws


@dataclass(frozen=True)
class Variant:
    """A change of voices.

    words: words for it in a name.
    change: takes and returns `int64[n, 145]`. Values may be out of range; the caller clips them.
    """

    words: tuple[str, ...]
    change: Callable[[Int64Array, Draws], Int64Array]


_IS_OPERATOR_6: BoolArray = np.arange(1, 7) == 6


def _is_carrier(voices: Int64Array) -> BoolArray:
    is_carrier: BoolArray = DEPTH[voices[:, INDEX["algorithm"]]] == 0
    return is_carrier


def _shift(voices: Int64Array, parameter: str, where: BoolArray, amount: Int64Array) -> Int64Array:
    voices[:, OPERATOR_COLUMNS[parameter]] += np.where(where, amount, 0)
    return voices


def _brighten(voices: Int64Array, draws: Draws) -> Int64Array:
    return _shift(voices, "output_level", ~_is_carrier(voices), draws.integers(3, 8, (len(voices), 1)))


def _soften(voices: Int64Array, draws: Draws) -> Int64Array:
    return _shift(voices, "output_level", ~_is_carrier(voices), -draws.integers(4, 10, (len(voices), 1)))


def _widen(voices: Int64Array, draws: Draws) -> Int64Array:
    return _shift(voices, "detune", _is_carrier(voices), draws.integers(-3, 3, (len(voices), 6)))


def _lengthen(voices: Int64Array, draws: Draws) -> Int64Array:
    return _shift(voices, "eg_rate_4", _is_carrier(voices), -draws.integers(5, 12, (len(voices), 1)))


def _shorten(voices: Int64Array, draws: Draws) -> Int64Array:
    return _shift(voices, "eg_rate_4", _is_carrier(voices), draws.integers(5, 14, (len(voices), 1)))


def _add_touch(voices: Int64Array, draws: Draws) -> Int64Array:
    return _shift(voices, "velocity_sensitivity", ~_is_carrier(voices), draws.integers(1, 3, (len(voices), 1)))


def _add_vibrato(voices: Int64Array, draws: Draws) -> Int64Array:
    voices[:, INDEX["lfo_speed"]] = draws.integers(28, 38, (len(voices),))
    voices[:, INDEX["lfo_delay"]] = draws.integers(10, 50, (len(voices),))
    voices[:, INDEX["lfo_pitch_depth"]] = draws.integers(5, 14, (len(voices),))
    return voices


def _raise_octave(voices: Int64Array, draws: Draws) -> Int64Array:
    voices[:, INDEX["transpose"]] += 12
    return voices


def _lower_octave(voices: Int64Array, draws: Draws) -> Int64Array:
    voices[:, INDEX["transpose"]] -= 12
    return voices


def _roughen(voices: Int64Array, draws: Draws) -> Int64Array:
    voices[:, INDEX["feedback"]] += draws.integers(1, 3, (len(voices),))
    return voices


def _retune(voices: Int64Array, draws: Draws) -> Int64Array:
    # A modulator a little sharp changes the color; a carrier would be out of tune.
    return _shift(voices, "fine", ~_is_carrier(voices) & _IS_OPERATOR_6, draws.integers(1, 3, (len(voices), 1)))


VARIANTS: tuple[Variant, ...] = (
    Variant(("BRIGHT", "BRITE", "BRT", "HARD"), _brighten),
    Variant(("SOFT", "MELLOW", "DARK", "MLW"), _soften),
    Variant(("WIDE", "CHORUS", "FAT", "DTUN"), _widen),
    Variant(("LONG", "LNG"), _lengthen),
    Variant(("SHORT", "DRY"), _shorten),
    Variant(("DYN", "TOUCH"), _add_touch),
    Variant(("VIBRATO", "EXPR", "EXP"), _add_vibrato),
    Variant(("HI", "UP"), _raise_octave),
    Variant(("LO", "LOW"), _lower_octave),
    Variant(("RAW", "EDGE"), _roughen),
    Variant(("B", "ALT", "II"), _retune),
)
"""All variants; `compose_family` returns indices into them."""
