"""Every sound rendered and measured, on all cores: only what is not known yet, in parts that can be kept."""

import math
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from deepdx_core.arrays import BoolArray, Float32Array, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.progress import Report
from deepdx_core.sound import features
from deepdx_core.sound.rendering import SAMPLE_RATE, Clip, Synth, engine
from deepdx_core.tables.schemas import AudioFeatures
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES, PARAMETERS

Ids = npt.NDArray[np.object_]
_Columns = dict[str, Any]

MAIN = Clip(note=60, velocity=100, held=2.0, after=1.5)
"""Middle C, long enough for most swells, decays and releases."""

CLIPS = (
    MAIN,
    Clip(note=36, velocity=100, held=1.0, after=0.3),
    Clip(note=84, velocity=100, held=1.0, after=0.3),
    Clip(note=60, velocity=40, held=1.0, after=0.3),
)
"""What is rendered of every sound: middle C, an octave inside each end of the DX7's keyboard (36 to 96), and a soft
note. 7.4 s in all take a core 9 ms, so that 30,000 sounds take two cores two and a half minutes."""

_AT_REST = Clip(note=60, velocity=100, held=0.1, after=0.5)
"""For a copy whose envelopes all release at once."""

_AT_ITS_LOUDEST = tuple(Clip(note=note, velocity=127, held=20.0, after=0.0) for note in (36, 60, 84))
"""For a copy of what was silent, without amplitude modulation and with all pitch modulation."""

_OF_MAIN = (
    *("loudness_db", "attack_seconds", "decay_seconds", "sustain_db", "release_seconds", "rest_db", "sounds_at_rest"),
    *("brightness_hz", "harshness", "flatness", "harmonicity", "pitch_hz"),
)

_BATCH = 16  # sounds; what is kept of their clips fits in a core's cache
_AHEAD = 4  # batches waiting, for each thread

_RELEASE_RATES = operator_columns("eg_rate_4")
_LEVELS_4 = operator_columns("eg_level_4")
_AMP_MOD_SENSITIVITIES = operator_columns("amp_mod_sensitivity")
_SCHEMA = AudioFeatures.create_empty().schema
_KEY = ["sound_id", "note", "velocity"]


def measure_sounds(
    sounds: pl.DataFrame, known: pl.DataFrame, report: Report, *, threads: int | None = None, every: float = 20.0
) -> Iterator[pl.DataFrame]:
    """The table `audio_features` of `sounds` (`sound_id` and the 145 parameters), sorted by its key.

    Yields what there is about every so many seconds, and last the whole table: who writes each loses little when
    killed. Rows of `known`, an earlier such table, are taken over where the same renderer made them; those of other
    sounds go. The rows do not depend on how many threads there are (the cores, if nothing is said).

    Raises ValueError where a sound is illegal, and NoRendererError.
    """
    parameters = np.ascontiguousarray(sounds.select(PARAMETER_NAMES).to_numpy()).astype(np.uint8, copy=False)
    require_legal(parameters)
    made_by = renderer()
    done = known.filter(pl.col("renderer") == made_by).join(sounds, on="sound_id", how="semi").select(_SCHEMA.keys())
    missing = ~sounds["sound_id"].is_in(done["sound_id"].unique()).to_numpy()
    todo, ids = parameters[missing], sounds["sound_id"].to_numpy()[missing]

    total, ready = len(sounds), len(sounds) - len(todo)
    report("sounds heard", ready, total)
    fresh: list[_Columns] = []
    written = time.monotonic()
    for part in _on_all_cores(ids, todo, threads or cores()):
        fresh.append(part)
        ready += len(part["clip"]) // len(CLIPS)
        report("sounds heard", ready, total)
        if ready < total and time.monotonic() - written >= every:
            done, fresh = pl.concat([done, _table(fresh, made_by)]), []
            yield done.sort(_KEY)
            written = time.monotonic()
    if fresh:
        done = pl.concat([done, _table(fresh, made_by)])
    yield done.sort(_KEY)


def renderer() -> str:
    """What renders and measures: the engine and the version of the measures. Raises NoRendererError."""
    return f"{engine()}, deepdx measures {features.FEATURES_VERSION}"


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def by_sound(audio: pl.DataFrame) -> pl.DataFrame:
    """A row for each sound in the table `audio_features`, sorted by `sound_id`, for verdicts and labels.

    `peak_db` is that of the loudest clip, `silent` that it is never heard, whatever was tried; the rest is as middle C
    measures at velocity 100, null where that is silent.
    """
    main = (pl.col("note") == MAIN.note) & (pl.col("velocity") == MAIN.velocity)
    return (
        audio.group_by("sound_id")
        .agg(
            pl.col("peak_db").max(),
            pl.col("never_heard").first().alias("silent"),
            pl.col(_OF_MAIN).filter(main).first(),
        )
        .sort("sound_id")
    )


def _on_all_cores(ids: Ids, parameters: UInt8Array, threads: int) -> Iterator[_Columns]:
    own = threading.local()

    def work(start: int) -> _Columns:
        if not hasattr(own, "synth"):
            own.synth = Synth()
        batch = slice(start, start + _BATCH)
        return _measure(own.synth, ids[batch], parameters[batch])

    # Rendering lets go of the interpreter, and little else is done between: threads do as well as processes.
    executor = ThreadPoolExecutor(threads)
    try:
        starts = iter(range(0, len(ids), _BATCH))
        waiting: set[Future[_Columns]] = set()
        while True:
            waiting |= {executor.submit(work, start) for start in islice(starts, _AHEAD * threads - len(waiting))}
            if not waiting:
                return
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        executor.shutdown(cancel_futures=True)


def _measure(synth: Synth, ids: Ids, parameters: UInt8Array) -> _Columns:
    """What all clips of some sounds measure, by column, clip after clip."""
    clips = [_measure_clip(synth, parameters, clip) for clip in CLIPS]
    found = {name: np.concatenate([clip[name] for clip in clips]) for name in clips[0]}
    rest = np.full((len(CLIPS), len(ids)), np.nan, np.float32)
    rest[CLIPS.index(MAIN)] = _rest(synth, parameters, found["end_db"].reshape(rest.shape)[CLIPS.index(MAIN)])
    never: BoolArray = np.logical_and.reduce(found["silent"].reshape(rest.shape))
    never[never] = _never_heard(synth, parameters[never])
    return found | {
        "sound_id": np.tile(ids, len(CLIPS)),
        "clip": np.repeat(np.arange(len(CLIPS)), len(ids)),
        "rest_db": rest.ravel(),
        "never_heard": np.tile(never, len(CLIPS)),
    }


def _measure_clip(synth: Synth, parameters: UInt8Array, clip: Clip) -> _Columns:
    rendered = (synth.render(voice, clip) for voice in parameters)
    carriers = CARRIERS[parameters[:, INDEX["algorithm"]]].sum(axis=1)
    return features.measures(features.distil(rendered, len(parameters), clip.held, clip.after), carriers)


def _table(parts: list[_Columns], made_by: str) -> pl.DataFrame:
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    clip = columns.pop("clip")
    of_clip = {
        "note": [c.note for c in CLIPS],
        "velocity": [c.velocity for c in CLIPS],
        "held_seconds": [c.held for c in CLIPS],
        "after_seconds": [c.after for c in CLIPS],
    }
    rows = pl.DataFrame(columns | {name: np.array(values)[clip] for name, values in of_clip.items()}, nan_to_null=True)
    return rows.with_columns(
        sounds_at_rest=pl.col("rest_db") >= features.SILENCE_DB,
        renderer=pl.lit(made_by),
        sample_rate=pl.lit(SAMPLE_RATE),
    ).select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())


def _rest(synth: Synth, parameters: UInt8Array, end_db: Float32Array) -> Float32Array:
    """Where the sounds rest, in dB: asked of those that still sound at the end, and of those that may rise again."""
    resting = end_db.copy()
    carriers = CARRIERS[parameters[:, INDEX["algorithm"]]]
    asked = (end_db >= features.SILENCE_DB) | (carriers & (parameters[:, _LEVELS_4] > 0)).any(axis=1)
    copies = parameters[asked]
    copies[:, _RELEASE_RATES] = PARAMETERS[_RELEASE_RATES[0]].maximum
    copies[:, _AMP_MOD_SENSITIVITIES] = 0  # what an LFO hides for the moment sounds all the same
    powers = [features.audible_power(synth.render(voice, _AT_REST)) for voice in copies]
    resting[asked] = features.decibels(np.array(powers, dtype=np.float32))
    return resting


def _never_heard(synth: Synth, parameters: UInt8Array) -> BoolArray:
    """Which stay silent whatever is done: full velocity, time for the slowest attack, breath, wheel.

    The engine has no controllers. Breath and foot only attenuate, by amplitude modulation: taking it out is all that
    they could give. The wheel adds to the LFO.
    """
    copies = parameters.copy()
    copies[:, _AMP_MOD_SENSITIVITIES] = 0
    for name in ("lfo_pitch_depth", "pitch_mod_sensitivity"):
        copies[:, INDEX[name]] = PARAMETERS[INDEX[name]].maximum
    return np.array([not any(_is_heard(synth, voice, clip) for clip in _AT_ITS_LOUDEST) for voice in copies], np.bool_)


def _is_heard(synth: Synth, voice: UInt8Array, clip: Clip) -> bool:
    distilled = features.distil([synth.render(voice, clip)], 1, clip.held, clip.after)
    return bool(features.decibels(distilled.powers).max() >= features.SILENCE_DB)


def measure_parameters(parameters: UInt8Array, known: pl.DataFrame, report: Report) -> pl.DataFrame:
    """The table audio_features of legal voices, `uint8[n, 145]`; rows of `known`, such a table, are taken over.

    Raises NoRendererError where dexed-py is not installed.
    """
    sounds = pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        sound_id=pl.Series(sound_ids(parameters), dtype=pl.String)
    )
    *_, audio = measure_sounds(sounds.unique("sound_id", maintain_order=True), known, report, every=math.inf)
    return audio
