"""Voices to audio: checks arguments, and renders groups of notes on all cores."""

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import Float32Array, Int64Array, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.sound.engine.notes import NO_CONTROLLERS, Controllers, start_notes
from deepdx_core.sound.engine.tables import GROUP, SAMPLE_RATE
from deepdx_core.versions import ENGINE_VERSION
from deepdx_core.voice.parameters import INDEX

__all__ = [
    "GROUP",
    "NO_CONTROLLERS",
    "SAMPLE_RATE",
    "Controllers",
    "count_cores",
    "engine_version",
    "pack_notes",
    "render",
    "render_group",
]

MAX_SECONDS = 600.0
_HIGHEST = 127  # MIDI note and velocity


def engine_version() -> str:
    """Return the name and version of the engine."""
    return f"engine {ENGINE_VERSION}"


def count_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def render(
    parameters: UInt8Array,
    note: int | tuple[int, ...] | npt.ArrayLike = 60,
    velocity: int | npt.ArrayLike = 100,
    seconds: float = 2.0,
    held: float | None = None,
    *,
    controllers: Controllers = NO_CONTROLLERS,
    threads: int | None = None,
) -> Float32Array:
    """Render voices, `uint8[n, 145]`, to `float32[n, samples]`. See `deepdx_core.api.render` for the arguments."""
    require_legal(parameters)
    count = len(parameters)
    if not 1 / SAMPLE_RATE <= seconds <= MAX_SECONDS:
        raise ValueError(f"seconds is {seconds}, its range is 1/{SAMPLE_RATE} to {MAX_SECONDS:g}")
    held = seconds * 2 / 3 if held is None else held
    if not 0 <= held < math.inf:
        raise ValueError(f"held is {held}, it must be 0 or more seconds")
    key_up = round(min(held, MAX_SECONDS + 1) * SAMPLE_RATE)
    velocities = _per_voice("velocity", velocity, count, 1)
    chord = note if isinstance(note, tuple) else (note,)
    if not chord:
        raise ValueError("note is an empty chord")
    if threads is not None and threads < 1:
        raise ValueError(f"threads is {threads}, it must be at least 1")
    out = np.empty((count, round(seconds * SAMPLE_RATE)), np.float32)
    for number, one in enumerate(chord):
        notes = _per_voice("note", one, count, 0)
        _render_on_cores(out, bool(number), parameters, notes, velocities, key_up, controllers, threads)
    return out


def pack_notes(parameters: UInt8Array) -> Int64Array:
    """Return the order of voices, `int64[n]`, that renders fastest: those with feedback share groups."""
    return np.argsort(parameters[:, INDEX["feedback"]] > 0, kind="stable")


def render_group(
    parameters: UInt8Array,
    notes: Int64Array,
    velocities: Int64Array,
    key_up: int,
    out: Float32Array,
    controllers: Controllers = NO_CONTROLLERS,
) -> None:
    """Render up to GROUP legal voices to `out`, `float32[n, samples]`, on this thread. Does not check values.

    Releases the GIL, so that threads run on several cores.

    parameters: `uint8[n, 145]`. notes, velocities: `int64[n]`. key_up: samples until key-up.
    """
    if not len(parameters) == len(notes) == len(velocities) == len(out) <= GROUP:
        raise ValueError(f"a group has 1 to {GROUP} voices, each with a note, a velocity and a row of samples")
    from deepdx_core.sound.engine import kernel  # slow: loads numba, and compiles the engine the first time

    states, operators = start_notes(parameters, notes, velocities, key_up, controllers)
    kernel.render_group(states, operators, out)


def _render_on_cores(
    out: Float32Array,
    add: bool,
    parameters: UInt8Array,
    notes: Int64Array,
    velocities: Int64Array,
    key_up: int,
    controllers: Controllers,
    threads: int | None,
) -> None:
    order = pack_notes(parameters)

    def work(rows: Int64Array) -> None:
        rendered = np.empty((len(rows), out.shape[1]), np.float32)
        render_group(parameters[rows], notes[rows], velocities[rows], key_up, rendered, controllers)
        out[rows] = out[rows] + rendered if add else rendered

    groups = [order[start : start + GROUP] for start in range(0, len(order), GROUP)]
    if len(groups) == 1:
        work(groups[0])
    elif groups:
        with ThreadPoolExecutor(threads or count_cores()) as executor:
            list(executor.map(work, groups))


def _per_voice(name: str, values: int | npt.ArrayLike, count: int, lowest: int) -> Int64Array:
    """Return one value per voice, `int64[n]`. Raises ValueError for a value out of range or a wrong shape."""
    given = np.asarray(values)
    if given.dtype.kind not in "iu" or given.shape not in ((), (count,)):
        shape = list(given.shape)
        raise ValueError(f"{name} must be an integer or int[{count}], one for each voice, not {given.dtype}{shape}")
    each = np.atleast_1d(given)
    if (wrong := each[(each < lowest) | (each > _HIGHEST)]).size:
        raise ValueError(f"{name} is {wrong[0]}, its range is {lowest} to {_HIGHEST}")
    return np.broadcast_to(each.astype(np.int64), (count,))
