"""Spectra of notes over time on a logarithmic scale: a note a semitone higher has them one band higher."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft
import scipy.sparse

from deepdx_core.arrays import Float32Array, Int64Array, UInt8Array
from deepdx_core.sound.rendering import GROUP, SAMPLE_RATE, count_cores, pack_notes, render_group

WINDOW = 8192
"""Samples, 186 ms: the length of a spectrum. Its bins are as narrow as a semitone from 90 Hz on."""
BANDS = 116
"""Bands a semitone wide, from 20 Hz on."""
RANGE_DB = 50.0
"""Levels this far below the loudest band of a note do not count."""

_LOWEST_HZ = 20.6
_ONSET = 441  # samples over which a window rises: a symmetric one would miss an attack


def _window() -> Float32Array:
    rise = np.sin(np.arange(_ONSET) / _ONSET * np.pi / 2) ** 2
    fall = np.cos(np.arange(WINDOW - _ONSET) / (WINDOW - _ONSET) * np.pi / 2) ** 2
    return np.concatenate([rise, fall]).astype(np.float32)


def _bands() -> scipy.sparse.csr_array:
    """Return the weight of each bin in each band, `float32[bands, bins]`: triangles a semitone to each side."""
    hertz = _LOWEST_HZ * 2 ** (np.arange(BANDS) / 12)
    bins = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    widths = np.maximum(hertz * (2 ** (1 / 12) - 1), SAMPLE_RATE / WINDOW)
    weights = np.maximum(0, 1 - np.abs(bins - hertz[:, None]) / widths[:, None])
    return scipy.sparse.csr_array(weights.astype(np.float32))


_WINDOW = _window()
_BAND_WEIGHTS = _bands()


def compute_spectra(clips: Float32Array, starts: tuple[int, ...]) -> Float32Array:
    """Return levels of clips, `float32[n, samples]`, by window and band, `float32[n, windows, BANDS]`.

    In decibels above `RANGE_DB` below the loudest band of the clip, at least 0. So the level of a clip does not count.
    starts: first sample of each window. Samples after the end of a clip are 0.
    """
    power = np.empty((len(clips), len(starts), BANDS), np.float32)
    padded = np.zeros((len(clips), WINDOW), np.float32)
    for number, start in enumerate(starts):
        part = clips[:, start : start + WINDOW]
        padded[:, part.shape[1] :] = 0
        np.multiply(part, _WINDOW[: part.shape[1]], out=padded[:, : part.shape[1]])
        spectrum = scipy.fft.rfft(padded, axis=1).view(np.float32)
        spectrum *= spectrum
        power[:, number] = (_BAND_WEIGHTS @ (spectrum[:, 0::2] + spectrum[:, 1::2]).T).T
    loudest = np.maximum(power.max(axis=(1, 2), keepdims=True), np.float32(1e-12))
    levels: Float32Array = 10 * np.log10(np.maximum(power / loudest, np.float32(1e-9))) + np.float32(RANGE_DB)
    return np.maximum(levels, 0)


def render_spectra(
    parameters: UInt8Array, notes: Int64Array, velocities: Int64Array, starts: tuple[int, ...]
) -> Float32Array:
    """Return spectra of held notes of legal voices, `uint8[n, 145]`, by `compute_spectra`, on all cores.

    notes, velocities: MIDI, `int64[n]`.
    """
    length = max(starts) + WINDOW
    spectra = np.empty((len(parameters), len(starts), BANDS), np.float32)

    def work(rows: Int64Array) -> None:
        clips = np.empty((len(rows), length), np.float32)
        render_group(parameters[rows], notes[rows], velocities[rows], length + 1, clips)
        spectra[rows] = compute_spectra(clips, starts)

    order = pack_notes(parameters)
    with ThreadPoolExecutor(count_cores()) as executor:
        list(executor.map(work, (order[start : start + GROUP] for start in range(0, len(order), GROUP))))
    return spectra
