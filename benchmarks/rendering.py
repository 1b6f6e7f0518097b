"""Sounds rendered and their features computed, compared with dexed-py alone: the same clips on the same threads."""

import threading
import time
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import polars as pl

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.progress import silent
from deepdx_core.sound.audio_features import compute_audio_features, count_cores
from deepdx_core.sound.rendering import Clip, Synth, can_render
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tools.demo_corpus.voices import compose_voices

_SOUNDS = 1200
_REPEATS = 3

_Jobs = list[tuple[UInt8Array, Clip]]


def _pick_sounds() -> pl.DataFrame:
    parameters = np.unique(compose_voices(1).parameters, axis=0)
    parameters = parameters[np.random.default_rng(0).permutation(len(parameters))[:_SOUNDS]]
    return pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        sound_id=pl.Series(sound_ids(parameters))
    )


def _compute_features(sounds: pl.DataFrame) -> None:
    for _ in compute_audio_features(sounds, AudioFeatures.create_empty(), silent):
        pass


def _record_jobs(sounds: pl.DataFrame) -> _Jobs:
    """Return every voice and clip that is rendered for the features of the sounds."""
    jobs: _Jobs = []
    original = Synth.render

    def render(self: Synth, voice: UInt8Array, clip: Clip) -> Float32Array:
        jobs.append((voice.copy(), clip))
        return original(self, voice, clip)

    with patch.object(Synth, "render", render):
        _compute_features(sounds)
    return jobs


def _render(jobs: _Jobs) -> None:
    def work(part: _Jobs) -> None:
        synth = Synth()
        for voice, clip in part:
            synth.render(voice, clip)

    cores = count_cores()
    threads = [threading.Thread(target=work, args=(jobs[core::cores],)) for core in range(cores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _compare_throughput() -> tuple[float, float]:
    """Return seconds of audio per second: ours, and dexed-py's alone. Alternates, so that disturbances affect both."""
    sounds = _pick_sounds()
    jobs = _record_jobs(sounds)
    ours = other = float("inf")
    for _ in range(_REPEATS):
        start = time.perf_counter()
        _compute_features(sounds)
        middle = time.perf_counter()
        _render(jobs)
        ours, other = min(ours, middle - start), min(other, time.perf_counter() - middle)
    seconds = sum(clip.held + clip.after for _, clip in jobs)
    return seconds / ours, seconds / other


def measure() -> Iterator[tuple[str, float, float, str]]:
    """Yield name, our speed, other speed and unit; nothing if dexed-py is not installed."""
    if can_render():
        yield "render sounds and compute features, compared with dexed-py alone", *_compare_throughput(), "s of audio/s"


if __name__ == "__main__":
    for name, ours, other, unit in measure():
        print(f"{name}: {ours:,.0f} against {other:,.0f} {unit}, {ours / other:.1%}")
