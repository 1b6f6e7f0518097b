"""A recording compared with sounds: first with stored spectra at middle C, then with the likeliest rendered anew."""

import numpy as np

from deepdx_core.arrays import Float32Array, Int64Array, UInt8Array
from deepdx_core.similarity.recordings import Recording
from deepdx_core.similarity.spectra import BANDS, RANGE_DB, WINDOW, compute_spectra, render_spectra
from deepdx_core.similarity.spectra_cache import NOTE, STARTS, STEP_DB

LOWEST_NOTE, HIGHEST_NOTE = 24, 108
"""Notes that a recording may play, those of a wide keyboard."""

_CHUNK = 4096  # sounds
_LIKELY = 1500  # pairs of a sound and a note that are rendered for their attack
_LIKELIEST = 128  # pairs that are rendered for their course
_FIRST_VELOCITIES = (70, 110)
_VELOCITIES = (60, 75, 90, 105, 127)
_COURSE = (0, 4410, 9000, 17640, 30000, 44100)
"""Start samples of the windows of the last comparison. Windows that end after key-up are left out."""


def match_recording(
    recording: Recording, parameters: UInt8Array, spectra: UInt8Array, note: int | None = None
) -> tuple[Int64Array, Float32Array, Int64Array]:
    """Return the sounds most like the recording: rows, distances and notes, each `[n]`, the nearest first.

    parameters: of all sounds, `uint8[m, 145]`. spectra: theirs, from `load_spectra`. note: the MIDI note that the
    recording plays; by default each sound is compared at the note where its spectrum is most alike, which needs no
    pitch and finds sounds without one, too. Level does not count, and velocity is tried.
    """
    attack = compute_spectra(recording.samples[None], STARTS)
    notes = np.arange(LOWEST_NOTE, HIGHEST_NOTE + 1) if note is None else np.array([note])
    rows, at = _most_alike(attack[0], spectra, notes)
    distances = _distances(attack, parameters[rows], at, _FIRST_VELOCITIES, STARTS)
    likeliest = np.argsort(distances, kind="stable")[:_LIKELIEST]
    rows, at = rows[likeliest], at[likeliest]
    distances = distances_to_recording(recording, parameters[rows], at)
    order = np.argsort(distances, kind="stable")
    _, first = np.unique(rows[order], return_index=True)
    order = order[np.sort(first)]
    return rows[order], distances[order], at[order]


def distances_to_recording(recording: Recording, parameters: UInt8Array, notes: Int64Array) -> Float32Array:
    """Return how unlike a recording voices, `uint8[n, 145]`, sound at these notes, `int64[n]`: `float32[n]`.

    It is the root mean square of differences between spectra up to key-up, at the velocity that fits best.
    """
    course = tuple(start for start in _COURSE if start + WINDOW <= max(recording.key_up, STARTS[-1] + WINDOW))
    held = compute_spectra(recording.samples[None, : course[-1] + WINDOW], course)
    return _distances(held, parameters, notes, _VELOCITIES, course)


def _most_alike(attack: Float32Array, spectra: UInt8Array, notes: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return pairs of a row and a note whose spectra have the highest cosine with the recording's.

    A note is tried by moving the recording to middle C: by a band for each semitone. For each sound, the best note
    counts, and the best one that is not next to it, as an octave may be mistaken.
    """
    attack = _emphasized(attack)
    moved = np.stack([_moved(attack, NOTE - note) for note in notes]).reshape(len(notes), -1)
    # Bands that leave the scale by moving may be few, but are not for free.
    norms = np.maximum(np.linalg.norm(moved, axis=1), np.float32(0.9) * np.linalg.norm(attack))
    moved /= np.maximum(norms, np.float32(1e-6))[:, None]
    near = np.abs(notes[:, None] - notes) <= 1
    best: list[tuple[Int64Array, Int64Array, Float32Array]] = []
    for start in range(0, len(spectra), _CHUNK):
        levels = _emphasized(spectra[start : start + _CHUNK].astype(np.float32) * np.float32(STEP_DB))
        levels /= np.maximum(np.linalg.norm(levels, axis=1, keepdims=True), np.float32(1e-6))
        cosines = levels @ moved.T
        every = np.arange(len(levels))
        for _ in range(min(2, len(notes))):
            which = cosines.argmax(axis=1)
            best.append((start + every, notes[which], cosines[every, which].copy()))
            cosines[near[which]] = -1
    rows, at, found = map(np.concatenate, zip(*best, strict=True))
    likely = np.argsort(-found, kind="stable")[:_LIKELY]
    return rows[likely], at[likely]


def _emphasized(levels: Float32Array) -> Float32Array:
    """Return levels, 0 to `RANGE_DB`, with soft ones made softer: what is loudest tells most about a voice."""
    return levels**2 / np.float32(RANGE_DB)


def _moved(levels: Float32Array, bands: int) -> Float32Array:
    moved = np.zeros_like(levels)
    if bands >= 0:
        moved[:, bands:] = levels[:, : BANDS - bands]
    else:
        moved[:, :bands] = levels[:, -bands:]
    return moved


def _distances(
    wanted: Float32Array,
    parameters: UInt8Array,
    notes: Int64Array,
    velocities: tuple[int, ...],
    starts: tuple[int, ...],
) -> Float32Array:
    """Return the distance of each voice at its note from spectra, at the velocity that fits best, `float32[n]`."""
    distances = np.full(len(parameters), np.inf, np.float32)
    for velocity in velocities:
        rendered = _emphasized(render_spectra(parameters, notes, np.full(len(parameters), velocity), starts))
        np.minimum(distances, np.sqrt(((rendered - _emphasized(wanted)) ** 2).mean(axis=(1, 2))), out=distances)
    return distances
