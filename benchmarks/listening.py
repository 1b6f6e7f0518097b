"""Sounds rendered and measured, beside dexed-py alone: the very same clips, on as many threads, on all cores."""

import threading
import time
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.progress import silent
from deepdx_core.sound import measuring
from deepdx_core.sound.audio_features import count_cores
from deepdx_core.sound.rendering import Audio, Clip, Synth, can_render
from deepdx_core.tables.schemas import AudioFeatures
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tools.demo_corpus.voices import compose_voices

_SOUNDS = 1200
_REPEATS = 3

_Renders = list[tuple[UInt8Array, Clip]]


def _sounds() -> pl.DataFrame:
    parameters = np.unique(compose_voices(1).parameters, axis=0)
    parameters = parameters[np.random.default_rng(0).permutation(len(parameters))[:_SOUNDS]]
    return pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        sound_id=pl.Series(sound_ids(parameters))
    )


def _measure(sounds: pl.DataFrame) -> None:
    for _ in measuring.measure(sounds, AudioFeatures.create_empty(), silent):
        pass


def _renders_of(sounds: pl.DataFrame) -> _Renders:
    """Everything that measuring the sounds renders."""
    asked: _Renders = []
    really = Synth.render

    def render(self: Synth, voice: UInt8Array, clip: Clip) -> Audio:
        asked.append((voice.copy(), clip))
        return really(self, voice, clip)

    with patch.object(Synth, "render", render):
        _measure(sounds)
    return asked


def _render(renders: _Renders) -> None:
    def work(part: _Renders) -> None:
        synth = Synth()
        for voice, clip in part:
            synth.render(voice, clip)

    threads = [threading.Thread(target=work, args=(renders[core :: count_cores()],)) for core in range(count_cores())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _throughput() -> tuple[float, float]:
    """Seconds of audio a second: ours, and dexed-py's alone. In turns, so that both meet the same disturbances."""
    sounds = _sounds()
    renders = _renders_of(sounds)
    ours = alone = float("inf")
    for _ in range(_REPEATS):
        began = time.perf_counter()
        _measure(sounds)
        between = time.perf_counter()
        _render(renders)
        ours, alone = min(ours, between - began), min(alone, time.perf_counter() - between)
    seconds = sum(clip.held + clip.after for _, clip in renders)
    return seconds / ours, seconds / alone


def measure() -> Iterator[tuple[str, float, float, str]]:
    """Name, our speed, the other's speed, unit; nothing where dexed-py is not installed."""
    if can_render():
        yield "render and measure, beside dexed-py alone", *_throughput(), "s of audio/s"


if __name__ == "__main__":
    for name, ours, alone, unit in measure():
        print(f"{name}: {ours:,.0f} against {alone:,.0f} {unit}, {ours / alone:.1%}")
