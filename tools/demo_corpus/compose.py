"""From a family's sheet to its voices, all at once: parts to operators, then variants of the voices found."""

import zlib

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.voice.parameters import INDEX
from tools.demo_corpus.draws import Bools, Draws, Ints
from tools.demo_corpus.sheets import Family, Part
from tools.demo_corpus.variants import VARIANTS
from tools.demo_corpus.wiring import CROWD, DEPTH, OPERATOR_COLUMNS, STACK

# Of a hundred voices so many stand alone; the rest are variants of one of them, as the voices people trade are.
_ORIGINALS = 68
# What players set by hand on each operator even where they copied the rest from another.
_NEVER_COPIED = ("output_level", "detune")
_COPIED = 70


def compose_family(family: Family, seed: int) -> tuple[UInt8Array, Ints]:
    """A family's voices, all different: parameters `uint8[count, 145]` and their variants `int64[count]`.

    A variant is a place in `VARIANTS`, or -1 for a voice that is nobody's variant.
    """
    draws = Draws(seed, zlib.crc32(family.names[0].encode()))
    ample = family.count + family.count // 4 + 4  # some variants change nothing and fall out
    originals = _originals(family, ample * _ORIGINALS // 100, draws)
    parents = draws.integers(0, len(originals) - 1, (ample - len(originals),))
    changed, variants = _vary(originals[parents], draws)
    voices = np.clip(np.concatenate([originals, changed]), 0, MAXIMA).astype(np.uint8)
    kinds = np.concatenate([np.full(len(originals), -1), variants])
    _, first = np.unique(voices, axis=0, return_index=True)
    kept = first[draws.order(len(first))[: family.count]]
    return voices[kept], kinds[kept]


def _originals(family: Family, n: int, draws: Draws) -> Ints:
    voices = np.tile(INIT_VOICE.astype(np.int64), (n, 1))
    for name, choices in family.ranges().items():
        drawn = np.stack([draws.integers(low, high, (n,)) for low, high in choices])
        voices[:, INDEX[name]] = drawn[draws.integers(0, len(choices) - 1, (n,)), np.arange(n)]
    algorithm = voices[:, INDEX["algorithm"]]
    depth, stack = DEPTH[algorithm], STACK[algorithm] % len(family.stacks)
    for i, pair in enumerate(family.stacks):
        _play(pair.carrier, voices, (stack == i) & (depth == 0), draws)
        _play(pair.modulator, voices, (stack == i) & (depth > 0), draws)
    # Modulators deep in a chain, or several on one operator, add up: each is turned down.
    levels = OPERATOR_COLUMNS["output_level"]
    voices[:, levels] -= np.where(depth > 0, 7 * np.maximum(depth - 1, 0) + 4 * CROWD[algorithm], 0)
    return voices


def _play(part: Part, voices: Ints, where: Bools, draws: Draws) -> None:
    # where: bool[n, 6], the operators that take the part.
    n = len(voices)
    copied = draws.chance(_COPIED, (n, 1))
    values: dict[str, Ints] = {}
    for name, (low, high) in part.ranges().items():
        own = draws.integers(low, high, (n, 6))
        values[name] = own if name in _NEVER_COPIED else np.where(copied, own[:, :1], own)
    tunings = part.tunings()
    tuning = tunings[draws.integers(0, len(tunings) - 1, (n, 6))]
    values |= {"mode": tuning[..., 0], "coarse": tuning[..., 1], "fine": tuning[..., 2]}
    for name, value in values.items():
        columns = OPERATOR_COLUMNS[name]
        voices[:, columns] = np.where(where, value, voices[:, columns])


def _vary(voices: Ints, draws: Draws) -> tuple[Ints, Ints]:
    kinds = draws.integers(0, len(VARIANTS) - 1, (len(voices),))
    # Every third voice is changed in two ways, and named after the first.
    second = np.where(draws.chance(33, kinds.shape), draws.integers(0, len(VARIANTS) - 1, kinds.shape), -1)
    for chosen in (kinds, second):
        for kind, variant in enumerate(VARIANTS):
            rows = chosen == kind
            voices[rows] = np.clip(variant.change(voices[rows], draws), 0, MAXIMA)
    return voices, kinds
