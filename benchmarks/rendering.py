"""Speed of the engine, and of audio features, beside dexed-py: the same clips on the same threads.

`python -m benchmarks.rendering [HOME]` takes sounds of a home, by default the composed voices of the demo corpus.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl

from deepdx_core.arrays import Float32Array, Int64Array, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.home import Home
from deepdx_core.progress import silent
from deepdx_core.sound import audio_features
from deepdx_core.sound.audio_features import compute_audio_features
from deepdx_core.sound.rendering import SAMPLE_RATE, count_cores, render, render_group
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.oracle import Patch
from tools.demo_corpus.voices import compose_voices

_SOUNDS = 1200
_REPEATS = 3
_HELD, _SECONDS = 1.0, 1.5

_Jobs = list[tuple[UInt8Array, int, int, float, float]]  # voice, note, velocity, held, seconds


def pick_sounds(home: Path | None) -> pl.DataFrame:
    """Return `_SOUNDS` random sounds, the same each time, with `sound_id`."""
    if home is None:
        parameters = np.unique(compose_voices(1).parameters, axis=0)
    else:
        rows = Tables(Home(home)).read("unique_voices").filter("in_range").sort("sound_id")
        parameters = np.ascontiguousarray(rows.select(PARAMETER_NAMES).to_numpy()).astype(np.uint8)
    parameters = parameters[np.random.default_rng(0).permutation(len(parameters))[:_SOUNDS]]
    return pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        sound_id=pl.Series(sound_ids(parameters))
    )


def _compute_features(sounds: pl.DataFrame, threads: int) -> None:
    for _ in compute_audio_features(sounds, AudioFeatures.create_empty(), silent, threads=threads):
        pass


def _record_jobs(sounds: pl.DataFrame) -> _Jobs:
    """Return all notes that are rendered for the features of the sounds."""
    jobs: _Jobs = []

    def recorded(
        parameters: UInt8Array, notes: Int64Array, velocities: Int64Array, key_up: int, out: Float32Array
    ) -> None:
        held, seconds = key_up / SAMPLE_RATE, out.shape[1] / SAMPLE_RATE
        for voice, note, velocity in zip(parameters, notes.tolist(), velocities.tolist(), strict=True):
            jobs.append((voice.copy(), note, velocity, held, seconds))
        render_group(parameters, notes, velocities, key_up, out)

    with patch.object(audio_features, "render_group", recorded):
        _compute_features(sounds, 1)
    return jobs


def _render_with_dexed(jobs: _Jobs, threads: int) -> None:
    dexed: Any = import_module("dexed")

    def work(part: _Jobs) -> None:
        synth = dexed.DexedSynth(SAMPLE_RATE)
        for voice, note, velocity, held, seconds in part:
            synth.load_patch(Patch(voice))
            synth.render(note, velocity, held, seconds)

    workers = [threading.Thread(target=work, args=(jobs[n::threads],)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _time_both(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, float]:
    """Return the shortest time of each, in seconds. Alternates, so that disturbances affect both."""
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        one()
        middle = time.perf_counter()
        other()
        times.append((middle - start, time.perf_counter() - middle))
    ours, others = np.array(times).min(axis=0).tolist()
    return ours, others


def measure(home: Path | None = None) -> Iterator[tuple[str, float, float, str]]:
    """Yield name, our speed, dexed-py's speed and unit; nothing if dexed-py is not installed."""
    if find_spec("dexed") is None:
        return
    sounds = pick_sounds(home)
    parameters = np.ascontiguousarray(sounds.select(PARAMETER_NAMES).to_numpy()).astype(np.uint8)
    single: _Jobs = [(voice, 60, 100, _HELD, _SECONDS) for voice in parameters]
    jobs = _record_jobs(sounds)  # compiles the engine, too
    rendered = sum(seconds for *_, seconds in jobs)
    for threads in sorted({1, count_cores()}):

        def render_all(threads: int = threads) -> None:
            render(parameters, 60, 100, _SECONDS, _HELD, threads=threads)

        ours, other = _time_both(render_all, lambda threads=threads: _render_with_dexed(single, threads))
        name = f"render {_SECONDS} s of a note against dexed-py, {threads} threads"
        yield name, len(single) / ours, len(single) / other, "voices/s"
        ours, other = _time_both(
            lambda threads=threads: _compute_features(sounds, threads),
            lambda threads=threads: _render_with_dexed(jobs, threads),
        )
        name = f"render and compute all features against dexed-py rendering alone, {threads} threads"
        yield name, rendered / ours, rendered / other, "s of audio/s"


if __name__ == "__main__":
    for name, ours, other, unit in measure(Path(sys.argv[1]) if sys.argv[1:] else None):
        print(f"{name}: {ours:,.0f} against {other:,.0f} {unit}, {ours / other:.2f} times")
