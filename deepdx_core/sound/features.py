"""What a clip measures: its loudness as it goes, and what three spectra of it tell: early, late, and at its loudest.

0 dB is a sine that swings between -1 and 1, which is one carrier at full level; nothing goes under `FLOOR_DB`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.fft

from deepdx_core.arrays import Float32Array
from deepdx_core.sound.rendering import SAMPLE_RATE, Audio
from deepdx_core.tables.audio import BAND_EDGES, CONTOUR_AFTER, CONTOUR_HELD

FEATURES_VERSION = 1
"""Of what is measured of a sound, and of which clips (`measuring.CLIPS`); what another version measured is not kept.

To be raised with each change of either, also of what stands elsewhere: `BAND_EDGES`, `CONTOUR_HELD` and `CONTOUR_AFTER`
of the tables, `CARRIERS` of the codec.
"""

FLOOR_DB = -100.0
SILENCE_DB = -60.0
"""What stays under this is not heard: as in `deepdx_core.sound.audibility`."""

BLOCK = 882
"""Samples, 20 ms: the step in which loudness is followed."""
FRAME = 4096
"""Samples, 93 ms: the length of a spectrum."""

BANDS = len(BAND_EDGES) - 1
LEVELS = len(CONTOUR_HELD) + len(CONTOUR_AFTER)

_LOUDEST = 10  # blocks, 0.2 s: loudness is that of the loudest stretch of this length
_BEFORE = 5  # blocks: the level at key-up, and at the end, is that of the 0.1 s before
_ATTACK_DB = 6.0
_DECAY_DB = 20.0
_RELEASE_DB = 40.0
_FAR_QUIETER_DB = 20.0
_HARSH_FROM = 4000  # Hz
_FLATNESS_RANGE = (100, 10_000)  # Hz
_PITCH_RANGE = (25, 5000)  # Hz
_OCTAVE_COST = 0.01
_PERIODIC = 0.7
_ONSET = 441  # samples in which the early window rises; a symmetric one would be deaf to the first moments

_FREQUENCIES = np.arange(FRAME // 2 + 1) * (SAMPLE_RATE / FRAME)


def _bin(hertz: float) -> int:
    return int(np.ceil(hertz * FRAME / SAMPLE_RATE))


def _windows() -> Float32Array:
    rise = np.sin(np.arange(_ONSET) / _ONSET * np.pi / 2) ** 2
    fall = np.cos(np.arange(FRAME - _ONSET) / (FRAME - _ONSET) * np.pi / 2) ** 2
    steady = np.sin(np.arange(FRAME) / FRAME * np.pi) ** 2
    windows = np.stack([np.concatenate([rise, fall]), steady, steady])
    # So that the squares of a one-sided spectrum add up to the power relative to a full sine's.
    windows *= 2 / np.sqrt(FRAME * (windows**2).sum(axis=1, keepdims=True))
    return windows.astype(np.float32)


def _a_weighting() -> Float32Array:
    # The ear's sensitivity, as power: IEC 61672-1, annex E.
    f = _FREQUENCIES**2
    high = 12194.217**2
    gain = high * f**2 / ((f + 20.598997**2) * np.sqrt((f + 107.65265**2) * (f + 737.86223**2)) * (f + high))
    return np.asarray((1.2589 * gain) ** 2, dtype=np.float32)


_WINDOWS = _windows()
_ONES = np.ones(BLOCK, dtype=np.float32)
_SHORTEST, _LONGEST = SAMPLE_RATE // _PITCH_RANGE[1], SAMPLE_RATE // _PITCH_RANGE[0]
_LAGS = np.arange(_SHORTEST, _LONGEST)
# A periodic sound's autocorrelation falls off as that of its window does.
_WINDOW_CORRELATION = scipy.fft.irfft(np.abs(scipy.fft.rfft(_WINDOWS)) ** 2)[:, : _LONGEST + 1]
_WINDOW_CORRELATION /= _WINDOW_CORRELATION[:, :1]
_COST = (_OCTAVE_COST * np.log2(_LAGS)).astype(np.float32)
_A_WEIGHTING = _a_weighting()
_HERTZ = _FREQUENCIES.astype(np.float32)
_FIRST = _bin(BAND_EDGES[0])
_EDGES = [_bin(edge) for edge in BAND_EDGES[:-1]]


def decibels(power: Float32Array) -> Float32Array:
    """Powers relative to a full sine's, as decibels; `FLOOR_DB` and less is `FLOOR_DB`. Hundredths are kept."""
    return np.round(10 * np.log10(np.maximum(power, np.float32(10 ** (FLOOR_DB / 10)))), 2)


@dataclass(frozen=True)
class Distilled:
    """What the measures need of n clips of one kind: little, and no longer the samples.

    peaks: the highest sample of each, `float32[n]`.
    powers: the power in each block, `float32[n, blocks]`, relative to a full sine's. It is taken about the block's
        mean, as what moves slower than some 20 Hz is not heard.
    frames: windowed samples, `float32[n, 3, FRAME]`. The first frame begins as the key goes down, the second ends as it
        is let go, the third lies about the loudest block.
    held: the seconds that the key is held.
    """

    peaks: Float32Array
    powers: Float32Array
    frames: Float32Array
    held: float


def distil(clips: Iterable[Audio], count: int, held: float, after: float) -> Distilled:
    """Take from so many clips, one at a time while they are at hand, what the measures need."""
    blocks, let_go = round((held + after) * SAMPLE_RATE) // BLOCK, round(held * SAMPLE_RATE)
    peaks, powers = np.empty(count, np.float32), np.empty((count, blocks), np.float32)
    frames = np.empty((count, 3, FRAME), np.float32)
    for n, audio in enumerate(clips):
        in_blocks = audio[: blocks * BLOCK].reshape(blocks, BLOCK)
        means = np.vecdot(in_blocks, _ONES) / np.float32(BLOCK)
        squares = np.vecdot(in_blocks, in_blocks) / np.float32(BLOCK)
        peaks[n] = max(audio.max(), -audio.min())
        powers[n] = 2 * np.maximum(squares - means**2, 0)
        np.multiply(audio[:FRAME], _WINDOWS[0], out=frames[n, 0])
        np.multiply(audio[let_go - FRAME : let_go], _WINDOWS[1], out=frames[n, 1])
        loudest = min(max(int(powers[n].argmax()) * BLOCK + (BLOCK - FRAME) // 2, 0), len(audio) - FRAME)
        np.multiply(audio[loudest : loudest + FRAME], _WINDOWS[2], out=frames[n, 2])
    return Distilled(peaks, powers, frames, held)


def audible_power(audio: Audio) -> float:
    """The power of a clip's last `FRAME` samples, of all that is over 20 Hz, relative to a full sine's."""
    return float(_spectra(audio[None, None, -FRAME:] * _WINDOWS[1])[0, 0, _FIRST:].sum())


def measures(clips: Distilled, carriers: npt.NDArray[np.int64]) -> dict[str, Any]:
    """What clips measure: the columns of the table `audio_features`, by name, each `[n]`.

    `carriers` says how many each voice has. NaN stands where a measure means nothing.
    """
    timbre, pitched = _timbre(_spectra(clips.frames))
    contour, loudness = _loudness(clips.powers, round(clips.held * SAMPLE_RATE / BLOCK), carriers)
    silent = clips.powers.max(axis=1) < np.float32(10 ** (SILENCE_DB / 10))
    of_what_is_heard = loudness | pitched
    for name, values in of_what_is_heard.items():
        of_what_is_heard[name] = np.where(silent, np.nan, values).astype(np.float32)
    return {"silent": silent, "peak_db": decibels(clips.peaks**2)} | contour | timbre | of_what_is_heard


def _loudness(
    powers: Float32Array, held: int, carriers: npt.NDArray[np.int64]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What can be said of silence too, and what cannot."""
    blocks = powers.shape[1]
    levels = decibels(powers)
    loudest = levels.max(axis=1, keepdims=True)
    sums = np.cumsum(np.pad(powers, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    stretch = decibels(((sums[:, _LOUDEST:] - sums[:, :-_LOUDEST]).max(axis=1) / _LOUDEST).astype(np.float32))
    let_go = decibels(powers[:, held - _BEFORE : held].mean(axis=1))
    step = BLOCK / SAMPLE_RATE

    attack = (levels >= loudest - _ATTACK_DB).argmax(axis=1) * step
    peak = levels[:, :held].argmax(axis=1)
    fallen = (levels[:, :held] < loudest - _DECAY_DB) & (np.arange(held) > peak[:, None])
    decay = np.where(fallen.any(axis=1), (fallen.argmax(axis=1) - peak) * step, np.nan)
    sounding = levels[:, held:] > np.maximum(let_go - _RELEASE_DB, SILENCE_DB)[:, None]
    last = blocks - held - sounding[:, ::-1].argmax(axis=1)
    release = np.where(sounding[:, -1], np.nan, np.where(sounding.any(axis=1), last * step, 0.0))

    starts = [round(s / step) for s in CONTOUR_HELD] + [held + round(s / step) for s in CONTOUR_AFTER]
    lengths = np.diff([*starts, blocks])
    contour = decibels((np.add.reduceat(powers, starts, axis=1) / lengths).astype(np.float32))
    of_all = {
        "loudness_db": np.maximum(stretch - 20 * np.log10(carriers), FLOOR_DB).astype(np.float32),
        "end_db": decibels(powers[:, -_BEFORE:].mean(axis=1)),
    } | {f"level_{n + 1}": contour[:, n] for n in range(LEVELS)}
    of_what_is_heard = {
        "attack_seconds": attack,
        "decay_seconds": decay,
        "sustain_db": let_go - loudest[:, 0],
        "release_seconds": release,
    }
    return of_all, of_what_is_heard


def _timbre(spectra: Float32Array) -> tuple[dict[str, Any], dict[str, Any]]:
    """What can be said of silence too, and what cannot."""
    bands = np.add.reduceat(spectra, _EDGES, axis=2)  # [n, 3, bands]
    whole = bands.sum(axis=2) + np.float32(1e-20)  # [n, 3]
    quieter = whole < whole.max(axis=1, keepdims=True) * np.float32(10 ** (-_FAR_QUIETER_DB / 10))
    brightness = np.einsum("nfk,k->n", spectra[:, :, _FIRST:], _HERTZ[_FIRST:]) / whole.sum(axis=1)
    harsh = _bin(_HARSH_FROM)
    heard = np.einsum("nfk,k->nf", spectra[:, :, _FIRST:harsh], _A_WEIGHTING[_FIRST:harsh])
    squealing = np.einsum("nfk,k->nf", spectra[:, :, harsh:], _A_WEIGHTING[harsh:])
    harshness = np.where(quieter, 0, squealing / (heard + squealing + np.float32(1e-20))).max(axis=1)
    # A sound is the steadier the later, and its pitch the clearer: another frame serves where little is left.
    chosen = np.where(quieter[:, 1], whole.argmax(axis=1), 1)
    spectrum = np.take_along_axis(spectra, chosen[:, None, None], axis=1)[:, 0]
    harmonicity, pitch = _periodicity(spectrum, chosen)
    low, high = map(_bin, _FLATNESS_RANGE)
    middle = spectrum[:, low:high] + np.float32(1e-16)
    flatness = np.exp(np.log(middle).mean(axis=1)) / middle.mean(axis=1)
    levels = decibels(bands)
    of_all = {
        f"{name}_band_{n + 1}": levels[:, frame, n]
        for frame, name in enumerate(("early", "late"))
        for n in range(BANDS)
    }
    of_what_is_heard = {
        "brightness_hz": brightness,
        "harshness": harshness,
        "flatness": flatness,
        "harmonicity": harmonicity,
        "pitch_hz": pitch,
    }
    return of_all, of_what_is_heard


def _periodicity(spectrum: Float32Array, window: npt.NDArray[np.int64]) -> tuple[Float32Array, Float32Array]:
    """Harmonicity and pitch, after Boersma (1993): the highest peak of the autocorrelation over the window's own."""
    audible = spectrum.copy()
    audible[:, :_FIRST] = 0
    correlation = scipy.fft.irfft(audible)[:, : _LONGEST + 1]
    at_zero = correlation[:, :1] + np.float32(1e-20)
    r = correlation / at_zero / _WINDOW_CORRELATION[window]
    before, at, after = (r[:, _SHORTEST + shift : _LONGEST + shift] for shift in (-1, 0, 1))
    slope, bend = (after - before) / 2, before - 2 * at + after
    is_peak = (at > before) & (at >= after)
    bend = np.where(is_peak, bend, -1)
    height = at - slope**2 / (2 * bend)
    best = np.where(is_peak, height - _COST, -np.inf).argmax(axis=1)  # of a period and its multiples, the shortest
    rows = np.arange(len(r))
    period = _LAGS[best] - slope[rows, best] / bend[rows, best]
    harmonicity = np.where(is_peak[rows, best], height[rows, best], 0).clip(0, 1)
    pitch = np.where(harmonicity >= _PERIODIC, SAMPLE_RATE / period, np.nan)
    return harmonicity.astype(np.float32), pitch.astype(np.float32)


def _spectra(frames: Float32Array) -> Float32Array:
    """Power spectra of windowed frames, which add up to the power relative to a full sine's."""
    parts = scipy.fft.rfft(frames).view(np.float32)
    parts *= parts
    power: Float32Array = parts[..., 0::2] + parts[..., 1::2]
    return power
