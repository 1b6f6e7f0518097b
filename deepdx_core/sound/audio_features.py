"""The table `audio_features`: sounds rendered and measured on all cores, incrementally."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from deepdx_core.arrays import BoolArray, Float32Array, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.progress import Report
from deepdx_core.sound import clip_features
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.rendering import (
    GROUP,
    SAMPLE_RATE,
    count_cores,
    engine_version,
    pack_notes,
    render_group,
)
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.versions import FEATURES_VERSION
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES, PARAMETERS

Ids = npt.NDArray[np.object_]
_Columns = dict[str, Any]


@dataclass(frozen=True)
class Clip:
    """One rendered note: MIDI note and velocity, seconds until key-up, and seconds rendered after it."""

    note: int
    velocity: int
    held: float
    after: float


MAIN = Clip(note=60, velocity=100, held=2.0, after=1.5)
"""Middle C, long enough for most swells, decays and releases."""

CLIPS = (
    MAIN,
    Clip(note=36, velocity=100, held=1.0, after=0.3),
    Clip(note=84, velocity=100, held=1.0, after=0.3),
    Clip(note=60, velocity=40, held=1.0, after=0.3),
)
"""Clips rendered of every sound: middle C, a low and a high note of the DX7's keyboard (36 to 96), and a soft note.

Their 7.4 s of audio take one core 4 ms; 30,000 sounds take two cores one minute."""

_AT_REST = Clip(note=60, velocity=100, held=0.1, after=0.5)
"""Clip of a copy of the voice with the fastest releases, for its level at rest."""

_LOUDEST_CLIPS = tuple(Clip(note=note, velocity=127, held=20.0, after=0.0) for note in (36, 60, 84))
"""Clips of a copy of a silent voice, without amplitude modulation and with full pitch modulation."""

_MAIN_FEATURES = (
    *("loudness_db", "attack_seconds", "decay_seconds", "sustain_db", "release_seconds", "rest_db", "sounds_at_rest"),
    *("brightness_hz", "harshness", "flatness", "harmonicity", "pitch_hz"),
)

_QUEUED = 4  # groups per thread in the executor's queue

_RELEASE_RATES = operator_columns("eg_rate_4")
_LEVELS_4 = operator_columns("eg_level_4")
_AMP_MOD_SENSITIVITIES = operator_columns("amp_mod_sensitivity")
_SCHEMA = AudioFeatures.create_empty().schema
_KEY = ["sound_id", "note", "velocity"]

FEATURES = tuple(
    name for name in _SCHEMA if name not in {*_KEY, "renderer", "sample_rate", "held_seconds", "after_seconds"}
)
"""Columns of `audio_features` that describe the sound, rather than how it was rendered."""


def compute_audio_features(
    sounds: pl.DataFrame, known: pl.DataFrame, report: Report, *, threads: int | None = None, every: float = 20.0
) -> Iterator[pl.DataFrame]:
    """Yield the table `audio_features` of `sounds` (`sound_id` and the 145 parameters), sorted by its key.

    Yields the rows so far about every `every` seconds, and last the whole table: a caller that saves each table loses
    little when killed.

    known: the table from an earlier call. Rows with today's `renderer_version` are reused; other sounds are dropped.
    threads: number of threads, by default the number of cores. The result does not depend on it.

    Raises ValueError if a parameter is out of range.
    """
    parameters = np.ascontiguousarray(sounds.select(PARAMETER_NAMES).to_numpy()).astype(np.uint8, copy=False)
    require_legal(parameters)
    version = renderer_version()
    done = known.filter(pl.col("renderer") == version).join(sounds, on="sound_id", how="semi").select(_SCHEMA.keys())
    missing = ~sounds["sound_id"].is_in(done["sound_id"].unique()).to_numpy()
    todo, ids = parameters[missing], sounds["sound_id"].to_numpy()[missing]
    order = pack_notes(todo)
    todo, ids = todo[order], ids[order]

    total, finished = len(sounds), len(sounds) - len(todo)
    report("sounds rendered", finished, total)
    fresh: list[_Columns] = []
    last_yield = time.monotonic()
    for part in _compute_in_threads(ids, todo, threads or count_cores()):
        fresh.append(part)
        finished += len(part["clip"]) // len(CLIPS)
        report("sounds rendered", finished, total)
        if finished < total and time.monotonic() - last_yield >= every:
            done, fresh = pl.concat([done, _to_table(fresh, version)]), []
            yield done.sort(_KEY)
            last_yield = time.monotonic()
    if fresh:
        done = pl.concat([done, _to_table(fresh, version)])
    yield done.sort(_KEY)


def compute_voice_features(parameters: UInt8Array, known: pl.DataFrame, report: Report) -> pl.DataFrame:
    """Return the table `audio_features` of voices, `uint8[n, 145]`. Reuse rows of `known`, a table of an earlier call.

    Raises ValueError if a parameter is out of range.
    """
    sounds = pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        sound_id=pl.Series(sound_ids(parameters), dtype=pl.String)
    )
    unique = sounds.unique("sound_id", maintain_order=True)
    *_, audio = compute_audio_features(unique, known, report, every=math.inf)
    return audio


def collect_features(parameters: UInt8Array, audio: pl.DataFrame, features: list[pl.Expr]) -> npt.NDArray[Any]:
    """Return features of voices, `uint8[n, 145]`, by clip: `[n, clips, features]`, clips by note and velocity.

    audio: a table `audio_features` with all clips of all of them. features: expressions over its columns, of one type.
    """
    ids = pl.DataFrame({"sound_id": sound_ids(parameters)}, schema={"sound_id": pl.String})
    clips = audio.join(ids, on="sound_id", how="semi").sort(_KEY)
    sounds = clips.select("sound_id").unique(maintain_order=True).with_row_index("row")
    rows = ids.join(sounds, on="sound_id", how="left", maintain_order="left")["row"].to_numpy()
    by_sound = clips.select(features).to_numpy().reshape(-1, len(CLIPS), len(features))
    return np.asarray(by_sound[rows])


def renderer_version() -> str:
    """Return the value of the column `renderer`: the versions of the engine and of the features."""
    return f"{engine_version()}, features {FEATURES_VERSION}"


def summarize_by_sound(audio: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each sound in the table `audio_features`, sorted by `sound_id`, for verdicts and labels.

    `peak_db` is of the loudest clip; `silent` is `never_heard`. All other columns are of middle C at velocity 100, null
    if that clip is silent.
    """
    main = (pl.col("note") == MAIN.note) & (pl.col("velocity") == MAIN.velocity)
    return (
        audio.group_by("sound_id")
        .agg(
            pl.col("peak_db").max(),
            pl.col("never_heard").first().alias("silent"),
            pl.col(_MAIN_FEATURES).filter(main).first(),
        )
        .sort("sound_id")
    )


def _compute_in_threads(ids: Ids, parameters: UInt8Array, threads: int) -> Iterator[_Columns]:
    def work(start: int) -> _Columns:
        group = slice(start, start + GROUP)
        return _compute_group(ids[group], parameters[group])

    # Rendering releases the GIL and takes nearly all of the time: threads are as fast as processes.
    executor = ThreadPoolExecutor(threads)
    try:
        starts = iter(range(0, len(ids), GROUP))
        waiting: set[Future[_Columns]] = set()
        while True:
            waiting |= {executor.submit(work, start) for start in islice(starts, _QUEUED * threads - len(waiting))}
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        executor.shutdown(cancel_futures=True)


def _compute_group(ids: Ids, parameters: UInt8Array) -> _Columns:
    """Return the features of up to GROUP sounds by column, clip after clip."""
    clips = [_compute_clip(parameters, clip) for clip in CLIPS]
    main = CLIPS.index(MAIN)
    rest = np.full((len(CLIPS), len(ids)), np.nan, np.float32)
    rest[main] = _find_rest_db(parameters, clips[main]["end_db"])
    never_heard: BoolArray = np.all([clip["silent"] for clip in clips], axis=0)
    never_heard[never_heard] = _is_never_heard(parameters[never_heard])
    columns = {name: np.concatenate([clip[name] for clip in clips]) for name in clips[0]}
    return columns | {
        "sound_id": np.tile(ids, len(CLIPS)),
        "clip": np.repeat(np.arange(len(CLIPS)), len(ids)),
        "rest_db": rest.ravel(),
        "never_heard": np.tile(never_heard, len(CLIPS)),
    }


def _render_clip(parameters: UInt8Array, clip: Clip) -> Float32Array:
    """Render up to GROUP legal voices, `uint8[n, 145]`, to `float32[n, samples]`, on this thread."""
    notes, velocities = np.full(len(parameters), clip.note), np.full(len(parameters), clip.velocity)
    samples = np.empty((len(parameters), round((clip.held + clip.after) * SAMPLE_RATE)), np.float32)
    render_group(parameters, notes, velocities, round(clip.held * SAMPLE_RATE), samples)
    return samples


def _compute_clip(parameters: UInt8Array, clip: Clip) -> _Columns:
    reduced = clip_features.reduce_clips(_render_clip(parameters, clip), clip.held, clip.after)
    carriers = CARRIERS[parameters[:, INDEX["algorithm"]]].sum(axis=1)
    return clip_features.compute_features(reduced, carriers)


def _to_table(parts: list[_Columns], version: str) -> pl.DataFrame:
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    clip = columns.pop("clip")
    clip_columns = {
        "note": [c.note for c in CLIPS],
        "velocity": [c.velocity for c in CLIPS],
        "held_seconds": [c.held for c in CLIPS],
        "after_seconds": [c.after for c in CLIPS],
    }
    columns |= {name: np.array(values)[clip] for name, values in clip_columns.items()}
    return (
        pl.DataFrame(columns, nan_to_null=True)
        .with_columns(
            sounds_at_rest=pl.col("rest_db") >= SILENCE_DB,
            renderer=pl.lit(version),
            sample_rate=pl.lit(SAMPLE_RATE),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())
    )


def _find_rest_db(parameters: UInt8Array, end_db: Float32Array) -> Float32Array:
    """Return the level at rest, in dB. Renders only sounds that still sound at the end or may rise again."""
    resting = end_db.copy()
    carriers = CARRIERS[parameters[:, INDEX["algorithm"]]]
    unsettled = (end_db >= SILENCE_DB) | (carriers & (parameters[:, _LEVELS_4] > 0)).any(axis=1)
    copies = parameters[unsettled]
    copies[:, _RELEASE_RATES] = PARAMETERS[_RELEASE_RATES[0]].maximum
    copies[:, _AMP_MOD_SENSITIVITIES] = 0  # a sound that an LFO hides for the moment still counts
    resting[unsettled] = clip_features.to_decibels(clip_features.compute_tail_powers(_render_clip(copies, _AT_REST)))
    return resting


def _is_never_heard(parameters: UInt8Array) -> BoolArray:
    """Return True where a voice is silent even at full velocity, with breath and wheel, and the key held for 20 s.

    Breath and foot only attenuate, by amplitude modulation: removing it is their most audible setting. The wheel adds
    to the LFO.
    """
    copies = parameters.copy()
    copies[:, _AMP_MOD_SENSITIVITIES] = 0
    for name in ("lfo_pitch_depth", "pitch_mod_sensitivity"):
        copies[:, INDEX[name]] = PARAMETERS[INDEX[name]].maximum
    silent = np.ones(len(copies), np.bool_)
    for clip in _LOUDEST_CLIPS:
        for row in np.flatnonzero(silent):  # one at a time: a long clip of each would take much memory
            reduced = clip_features.reduce_clips(_render_clip(copies[[row]], clip), clip.held, clip.after)
            silent[row] = clip_features.to_decibels(reduced.powers).max() < SILENCE_DB
    return silent
