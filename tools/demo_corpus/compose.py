"""Compose a family's voices from its patch sheet, all at once: originals first, then variants of them."""

import zlib

import numpy as np

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.voice.parameters import INDEX
from tools.demo_corpus.operator_roles import DEPTH, OPERATOR_COLUMNS, SIBLINGS, STACK
from tools.demo_corpus.random_draws import Draws
from tools.demo_corpus.sheets import Family, Part
from tools.demo_corpus.variants import VARIANTS

_ORIGINALS = 68  # percent; the rest are variants, as among the voices that people trade
# Parameters that players set on each operator even if they copied the rest from another one.
_NEVER_COPIED = ("output_level", "detune")
_COPIED = 70  # percent of voices in which the operators of a part share all other parameters


def compose_family(family: Family, seed: int) -> tuple[UInt8Array, Int64Array]:
    """Compose a family's voices, all different: parameters `uint8[count, 145]` and variants `int64[count]`.

    A variant is an index into `VARIANTS`, or -1 for an original.
    """
    draws = Draws(seed, zlib.crc32(family.names[0].encode()))
    draft_count = family.count + family.count // 4 + 4  # some variants change nothing and are dropped as duplicates
    originals = _compose_originals(family, draft_count * _ORIGINALS // 100, draws)
    parents = draws.integers(0, len(originals) - 1, (draft_count - len(originals),))
    changed, variants = _vary(originals[parents], draws)
    voices = np.clip(np.concatenate([originals, changed]), 0, MAXIMA).astype(np.uint8)
    kinds = np.concatenate([np.full(len(originals), -1), variants])
    _, first = np.unique(voices, axis=0, return_index=True)
    kept = first[draws.order(len(first))[: family.count]]
    return voices[kept], kinds[kept]


def _compose_originals(family: Family, n: int, draws: Draws) -> Int64Array:
    voices = np.tile(INIT_VOICE.astype(np.int64), (n, 1))
    for name, choices in family.ranges().items():
        drawn = np.stack([draws.integers(low, high, (n,)) for low, high in choices])
        voices[:, INDEX[name]] = drawn[draws.integers(0, len(choices) - 1, (n,)), np.arange(n)]
    algorithm = voices[:, INDEX["algorithm"]]
    depth, stack = DEPTH[algorithm], STACK[algorithm] % len(family.stacks)
    for i, pair in enumerate(family.stacks):
        _apply_part(pair.carrier, voices, (stack == i) & (depth == 0), draws)
        _apply_part(pair.modulator, voices, (stack == i) & (depth > 0), draws)
    # Modulators deep in a chain, or several on one operator, add up: turn each of them down.
    levels = OPERATOR_COLUMNS["output_level"]
    voices[:, levels] -= np.where(depth > 0, 7 * np.maximum(depth - 1, 0) + 4 * SIBLINGS[algorithm], 0)
    return voices


def _apply_part(part: Part, voices: Int64Array, where: BoolArray, draws: Draws) -> None:
    # where: bool[n, 6], the operators that play the part.
    n = len(voices)
    copied = draws.chance(_COPIED, (n, 1))
    values: dict[str, Int64Array] = {}
    for name, (low, high) in part.ranges().items():
        own = draws.integers(low, high, (n, 6))
        values[name] = own if name in _NEVER_COPIED else np.where(copied, own[:, :1], own)
    tunings = part.tunings()
    tuning = tunings[draws.integers(0, len(tunings) - 1, (n, 6))]
    values |= {"mode": tuning[..., 0], "coarse": tuning[..., 1], "fine": tuning[..., 2]}
    for name, value in values.items():
        columns = OPERATOR_COLUMNS[name]
        voices[:, columns] = np.where(where, value, voices[:, columns])


def _vary(voices: Int64Array, draws: Draws) -> tuple[Int64Array, Int64Array]:
    kinds = draws.integers(0, len(VARIANTS) - 1, (len(voices),))
    # Every third voice gets two changes and is named after the first.
    second = np.where(draws.chance(33, kinds.shape), draws.integers(0, len(VARIANTS) - 1, kinds.shape), -1)
    for chosen in (kinds, second):
        for kind, variant in enumerate(VARIANTS):
            rows = chosen == kind
            voices[rows] = np.clip(variant.change(voices[rows], draws), 0, MAXIMA)
    return voices, kinds
