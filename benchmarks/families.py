"""Near-duplicate groups against brute force in NumPy on the same rows, in pairs per second.

`python -m benchmarks.families [COUNT]` groups COUNT voices (default 1,000,000) and prints seconds and memory. Each is a
voice of the demo corpus, or of the table `unique_voices` at the path DEEPDX_VOICES, with 0 to 40 random parameters set
to random values in range.
"""

import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING, near_duplicate_groups
from deepdx_core.intake.survey import survey
from deepdx_core.voice.parameters import PARAMETER_NAMES

_DEMO = Path(__file__).resolve().parent.parent / "data" / "demo"
_VOICES = 38_000
_VOICES_BY_BRUTE_FORCE = 4_000
_MOST_CHANGES = 40


def brute_force(parameters: UInt8Array) -> Int64Array:
    """Return the groups by comparing all pairs of voices."""
    columns = np.ascontiguousarray(parameters.T)
    labels = np.arange(len(parameters))
    for row in range(len(parameters)):
        differing = np.zeros(len(parameters) - row, dtype=np.uint8)
        for column in columns:
            differing += column[row:] != column[row]
        together = np.unique(labels[row:][differing <= MAX_DIFFERING])
        labels[np.isin(labels, together)] = together[0]
    return labels


def load_voices() -> UInt8Array:
    """Return the valid sounds to mutate."""
    path = os.environ.get("DEEPDX_VOICES")
    sounds = pl.read_parquet(path) if path else decode_dumps(survey(_DEMO).dumps).unique("sound_id")
    return sounds.filter("valid").sort("sound_id").select(PARAMETER_NAMES).to_numpy().astype(np.uint8)


def mutate(base: UInt8Array, count: int) -> UInt8Array:
    """Return `count` voices drawn from `base`, each with 0 to 40 parameters changed."""
    random = np.random.default_rng(1)
    voices = base[random.integers(0, len(base), count)]
    changes = random.integers(0, _MOST_CHANGES + 1, count)
    for number in range(_MOST_CHANGES):
        (rows,) = np.nonzero(changes > number)
        columns = random.integers(0, voices.shape[1], len(rows))
        voices[rows, columns] = random.integers(0, MAXIMA[columns].astype(int) + 1)
    return voices


def measure() -> Iterator[tuple[str, float, float, str]]:
    """Yield name, our speed, the other speed, unit."""
    voices = mutate(load_voices(), _VOICES)
    few = voices[:_VOICES_BY_BRUTE_FORCE]
    began = time.perf_counter()
    expected = brute_force(few)
    other = len(few) ** 2 / 2 / (time.perf_counter() - began)
    if not np.array_equal(near_duplicate_groups(few), expected):
        raise AssertionError("groups differ from those of brute force")
    began = time.perf_counter()
    near_duplicate_groups(voices)
    ours = len(voices) ** 2 / 2 / (time.perf_counter() - began)
    yield f"families of {_VOICES:,}", ours / 1e6, other / 1e6, "million pairs/s"


if __name__ == "__main__":
    voices = mutate(load_voices(), int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    began = time.perf_counter()
    found = near_duplicate_groups(voices)
    seconds = time.perf_counter() - began
    _, sizes = np.unique(found, return_counts=True)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Console().print(
        f"{len(voices):,} voices: {len(sizes):,} families, the largest {sizes.max():,}; "
        f"{seconds:.1f} s, {megabytes:,.0f} MB at peak"
    )
