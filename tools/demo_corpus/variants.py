"""Ways to make another voice of a voice: each changes a few parameters, as a player at the panel does."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepdx_core.voice.parameters import INDEX
from tools.demo_corpus.draws import Bools, Draws, Ints
from tools.demo_corpus.wiring import DEPTH, OPERATOR_COLUMNS


@dataclass(frozen=True)
class Variant:
    """A way to change voices.

    words: what a name says of it.
    change: takes and gives `int64[n, 145]`; values may leave their range, the caller brings them back.
    """

    words: tuple[str, ...]
    change: Callable[[Ints, Draws], Ints]


_TOP: Bools = np.arange(1, 7) == 6


def _carriers(voices: Ints) -> Bools:
    carriers: Bools = DEPTH[voices[:, INDEX["algorithm"]]] == 0
    return carriers


def _shift(voices: Ints, parameter: str, where: Bools, amount: Ints) -> Ints:
    voices[:, OPERATOR_COLUMNS[parameter]] += np.where(where, amount, 0)
    return voices


def _brighter(voices: Ints, draws: Draws) -> Ints:
    return _shift(voices, "output_level", ~_carriers(voices), draws.integers(3, 8, (len(voices), 1)))


def _softer(voices: Ints, draws: Draws) -> Ints:
    return _shift(voices, "output_level", ~_carriers(voices), -draws.integers(4, 10, (len(voices), 1)))


def _wider(voices: Ints, draws: Draws) -> Ints:
    return _shift(voices, "detune", _carriers(voices), draws.integers(-3, 3, (len(voices), 6)))


def _longer(voices: Ints, draws: Draws) -> Ints:
    return _shift(voices, "eg_rate_4", _carriers(voices), -draws.integers(5, 12, (len(voices), 1)))


def _shorter(voices: Ints, draws: Draws) -> Ints:
    return _shift(voices, "eg_rate_4", _carriers(voices), draws.integers(5, 14, (len(voices), 1)))


def _touch(voices: Ints, draws: Draws) -> Ints:
    return _shift(voices, "velocity_sensitivity", ~_carriers(voices), draws.integers(1, 3, (len(voices), 1)))


def _vibrato(voices: Ints, draws: Draws) -> Ints:
    voices[:, INDEX["lfo_speed"]] = draws.integers(28, 38, (len(voices),))
    voices[:, INDEX["lfo_delay"]] = draws.integers(10, 50, (len(voices),))
    voices[:, INDEX["lfo_pitch_depth"]] = draws.integers(5, 14, (len(voices),))
    return voices


def _octave_up(voices: Ints, draws: Draws) -> Ints:
    voices[:, INDEX["transpose"]] += 12
    return voices


def _octave_down(voices: Ints, draws: Draws) -> Ints:
    voices[:, INDEX["transpose"]] -= 12
    return voices


def _rougher(voices: Ints, draws: Draws) -> Ints:
    voices[:, INDEX["feedback"]] += draws.integers(1, 3, (len(voices),))
    return voices


def _retuned(voices: Ints, draws: Draws) -> Ints:
    # A modulator a little sharp changes the color; a carrier would be out of tune.
    return _shift(voices, "fine", ~_carriers(voices) & _TOP, draws.integers(1, 3, (len(voices), 1)))


VARIANTS: tuple[Variant, ...] = (
    Variant(("BRIGHT", "BRITE", "BRT", "HARD"), _brighter),
    Variant(("SOFT", "MELLOW", "DARK", "MLW"), _softer),
    Variant(("WIDE", "CHORUS", "FAT", "DTUN"), _wider),
    Variant(("LONG", "LNG"), _longer),
    Variant(("SHORT", "DRY"), _shorter),
    Variant(("DYN", "TOUCH"), _touch),
    Variant(("VIBRATO", "EXPR", "EXP"), _vibrato),
    Variant(("HI", "UP"), _octave_up),
    Variant(("LO", "LOW"), _octave_down),
    Variant(("RAW", "EDGE"), _rougher),
    Variant(("B", "ALT", "II"), _retuned),
)
"""All ways, in the order in which `compose_family` counts them."""
