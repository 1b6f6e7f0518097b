"""A voice sampled over the keyboard for samplers: keys, velocity layers, loops, and the SFZ file that maps them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from deepdx_core.arrays import Float32Array, Float64Array, Int64Array, UInt8Array
from deepdx_core.display import printable
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.loudness import find_peaks
from deepdx_core.sound.phrases import HELD, note_name
from deepdx_core.sound.rendering import SAMPLE_RATE, render
from deepdx_core.voice.columns import operator_columns

_KEYS = (21, 108)  # those of a piano
_LAST = 127  # the highest MIDI note and velocity

_BATCH = 2**22  # samples; the search for loops takes ten times as much memory
_FADE = 4096
"""Samples before the end of a loop that fade into those before its start: 93 ms, two periods of the lowest key."""
_SHORTEST_LOOP = SAMPLE_RATE // 2
_LOOP_ERROR = 0.1
"""Highest power of the difference between these two windows, relative to the last: the fade then dips by 0.1 dB."""
_STEADY_DB = 1.0
"""Highest change of level from the third quarter of the hold to the fourth, for a loop."""
_GUARD = 64  # samples after a loop, for a sampler's interpolation
_TAIL_DB = -80.0  # relative to the peak: a clip ends after its last sample above
_BLOCK = 441  # samples, 10 ms
_RELEASED_DB = -60.0  # relative to the level at key-up
_SHORTEST_RELEASE = 0.01  # seconds; a sampler would click with none


@dataclass(frozen=True)
class Zone:
    """The keys and velocities that a sample serves, ends included, and the note and velocity that it is rendered at."""

    note: int
    lowest_key: int
    highest_key: int
    velocity: int
    lowest_velocity: int
    highest_velocity: int

    @property
    def name(self) -> str:
        """Name of the sample, unique within a voice."""
        return f"{note_name(self.note)} v{self.velocity}"


@dataclass(frozen=True)
class Sample:
    """The sample of a zone, `float32[samples]`, scaled like `render`.

    loop: first and last sample of the loop. Without one it is None, and the sample has the release after the hold.
    release: seconds in which the voice falls by 60 dB after key-up.
    """

    zone: Zone
    audio: Float32Array
    loop: tuple[int, int] | None
    release: float


def plan_zones(parameters: UInt8Array, every: int = 3, layers: int = 4) -> list[Zone]:
    """Return zones that cover all keys and velocities for a voice, `uint8[145]`.

    every: semitones from one sample to the next. FM changes in timbre over the keyboard, not in pitch alone.
    layers: number of velocity layers; a voice that is not sensitive to velocity has one.
    """
    audible = parameters[operator_columns("output_level")] > 0
    if not (audible & (parameters[operator_columns("velocity_sensitivity")] > 0)).any():
        layers = 1
    notes = range(_KEYS[0], _KEYS[1] + 1, every)
    edges = [0, *(note - (every - 1) // 2 for note in notes[1:]), _LAST + 1]
    tops = [0, *(round(_LAST * (layer + 1) / layers) for layer in range(layers))]
    return [
        Zone(note, edges[i], edges[i + 1] - 1, (tops[j] + 1 + tops[j + 1]) // 2, tops[j] + 1, tops[j + 1])
        for j in range(layers)
        for i, note in enumerate(notes)
    ]


def find_peak(parameters: UInt8Array, zones: Sequence[Zone], seconds: float) -> float:
    """Return the highest absolute sample of all zones of a voice, `uint8[145]`, for `common_gain`."""
    return max(float(find_peaks(audio).max()) for _, audio in _render_batches(parameters, zones, seconds))


def render_zones(parameters: UInt8Array, zones: Sequence[Zone], seconds: float) -> Iterator[list[Sample]]:
    """Render the samples of a voice, `uint8[145]`, in batches. The key is held for two thirds of `seconds`."""
    held = round(seconds * HELD * SAMPLE_RATE)
    for batch, audio in _render_batches(parameters, zones, seconds):
        starts, releases = find_loops(audio[:, :held]).tolist(), _measure_releases(audio, held).tolist()
        yield [
            Sample(zone, clip[: _audible_samples(clip)], None, release)
            if start < 0
            else Sample(zone, _with_loop(clip, start, held), (start, held - 1), release)
            for zone, clip, start, release in zip(batch, audio, starts, releases, strict=True)
        ]


def _render_batches(
    parameters: UInt8Array, zones: Sequence[Zone], seconds: float
) -> Iterator[tuple[Sequence[Zone], Float32Array]]:
    rows = max(1, _BATCH // round(seconds * SAMPLE_RATE))
    for first in range(0, len(zones), rows):
        batch = zones[first : first + rows]
        notes, velocities = np.array([(zone.note, zone.velocity) for zone in batch]).T
        yield batch, render(np.tile(parameters, (len(batch), 1)), notes, velocities, seconds, seconds * HELD)


def find_loops(held: Float32Array) -> Int64Array:
    """Return the first sample of a loop to the end of each held note, `float32[n, samples]`: `int64[n]`.

    -1 where there is none: the sound is silent, changes its level, or never comes back to an earlier state. A loop
    begins where the preceding `_FADE` samples are most like the last ones. It thus contains whole periods, and whole
    cycles of an LFO, as nearly as the sound allows.
    """
    n, samples = held.shape
    starts = samples - _FADE - _SHORTEST_LOOP  # of the windows compared with the last
    if starts <= 0:
        return np.full(n, -1, np.int64)
    errors = _window_differences(held, starts)
    quarter = samples // 4
    before, after = (np.vecdot(part, part) for part in (held[:, -2 * quarter : -quarter], held[:, -quarter:]))
    steady = np.abs(10 * np.log10((before + 1e-9) / (after + 1e-9))) < _STEADY_DB
    return np.where(steady & (errors.min(axis=1) < _LOOP_ERROR), errors.argmin(axis=1) + _FADE, -1)


def _window_differences(held: Float32Array, starts: int) -> Float64Array:
    """Return the power of the difference between the last window and each of the first, `float64[n, starts]`.

    Relative to the last window's power; infinite where that is silent.
    """
    body = held.astype(np.float64)
    last = body[:, -_FADE:]
    length = scipy.fft.next_fast_len(body.shape[1], real=True)
    product = scipy.fft.rfft(body, length, axis=1) * scipy.fft.rfft(last, length, axis=1).conj()
    correlation = scipy.fft.irfft(product, length, axis=1)[:, :starts]
    sums = np.pad(np.cumsum(body * body, axis=1), ((0, 0), (1, 0)))
    powers = sums[:, _FADE : _FADE + starts] - sums[:, :starts]
    at_end = np.vecdot(last, last)[:, None]
    audible = at_end / _FADE > 10 ** (SILENCE_DB / 10) / 2
    return np.where(audible, (at_end + powers - 2 * correlation) / np.maximum(at_end, 1e-12), np.inf)


def _with_loop(clip: Float32Array, start: int, end: int) -> Float32Array:
    """Return a clip up to the end of its loop, faded into the samples before its start, and `_GUARD` samples more."""
    fade = (np.arange(1, _FADE + 1) / _FADE).astype(np.float32)
    faded = clip[end - _FADE : end] * (1 - fade) + clip[start - _FADE : start] * fade
    return np.concatenate([clip[: end - _FADE], faded, clip[start : start + _GUARD]])


def _measure_releases(audio: Float32Array, held: int) -> Float64Array:
    """Return the seconds in which each clip falls by 60 dB after key-up, `float64[n]`; at most the rest of the clip."""
    first = held // _BLOCK
    blocks = audio[:, : audio.shape[1] // _BLOCK * _BLOCK].reshape(len(audio), -1, _BLOCK)
    powers = np.vecdot(blocks, blocks)
    at_key_up = powers[:, max(first - 5, 0) : first].mean(axis=1, keepdims=True)
    sounding = powers[:, first:] > at_key_up * 10 ** (_RELEASED_DB / 10)
    last = sounding.shape[1] - sounding[:, ::-1].argmax(axis=1)
    return np.maximum(np.where(sounding.any(axis=1), last, 0) * (_BLOCK / SAMPLE_RATE), _SHORTEST_RELEASE)


def _audible_samples(clip: Float32Array) -> int:
    audible = np.flatnonzero(np.abs(clip) > find_peaks(clip[None])[0] * 10 ** (_TAIL_DB / 20))
    return int(audible[-1]) + 1 if len(audible) else _BLOCK


def format_region(sample: Sample, path: str) -> str:
    """Return the region of an SFZ file, https://sfzformat.com, for a sample at a path relative to that file.

    A player ends a loop with a release of its own, which is as long as the voice's.
    """
    zone = sample.zone
    loop = "loop_mode=no_loop"
    if sample.loop is not None:
        loop = f"loop_mode=loop_continuous loop_start={sample.loop[0]} loop_end={sample.loop[1]}"
    return (
        f"<region> lokey={zone.lowest_key} hikey={zone.highest_key} pitch_keycenter={zone.note} "
        f"lovel={zone.lowest_velocity} hivel={zone.highest_velocity} {loop} ampeg_release={sample.release:.3f} "
        f"sample={path}"
    )


def format_sfz(title: str, regions: Sequence[str]) -> bytes:
    """Return an SFZ file. Velocity is in the samples, so players must not apply a curve of their own."""
    return "\n".join([f"// {printable(title)}", "<global> amp_veltrack=0", *regions, ""]).encode()
