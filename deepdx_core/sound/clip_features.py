"""Features of rendered clips: loudness over time, and three spectra (early, late, and at the loudest point).

0 dB is a sine that swings between -1 and 1, one carrier at full level; levels are clipped at `FLOOR_DB`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft

from deepdx_core.arrays import Float32Array, Int64Array
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.rendering import SAMPLE_RATE
from deepdx_core.tables.audio import BAND_EDGES, CONTOUR_AFTER, CONTOUR_HELD

FLOOR_DB = -100.0

BLOCK = 882
"""Samples, 20 ms: the resolution of loudness over time."""
FRAME = 4096
"""Samples, 93 ms: the length of a spectrum."""

BANDS = len(BAND_EDGES) - 1
LEVELS = len(CONTOUR_HELD) + len(CONTOUR_AFTER)

_LOUDEST = 10  # blocks, 0.2 s: loudness is that of the loudest interval of this length
_BEFORE = 5  # blocks: the level at key-up, and at the end, is that of the preceding 0.1 s
_ATTACK_DB = 6.0  # below the loudest block: the attack ends there
_DECAY_DB = 20.0  # below the loudest block: the decay ends there
_RELEASE_DB = 40.0  # below the level at key-up: the release ends there
_FAR_QUIETER_DB = 20.0  # below the loudest frame: too quiet for harshness and pitch
_HARSH_FROM = 4000  # Hz
_FLATNESS_RANGE = (100, 10_000)  # Hz
_PITCH_RANGE = (25, 5000)  # Hz
_OCTAVE_COST = 0.01  # of a period twice as long, in correlation (Boersma 1993)
_PERIODIC = 0.7  # harmonicity from which there is a pitch
_ONSET = 441  # samples over which the early window rises; a symmetric window would miss the attack

_FREQUENCIES = np.arange(FRAME // 2 + 1) * (SAMPLE_RATE / FRAME)


def _bin(hertz: float) -> int:
    return int(np.ceil(hertz * FRAME / SAMPLE_RATE))


def _windows() -> Float32Array:
    rise = np.sin(np.arange(_ONSET) / _ONSET * np.pi / 2) ** 2
    fall = np.cos(np.arange(FRAME - _ONSET) / (FRAME - _ONSET) * np.pi / 2) ** 2
    steady = np.sin(np.arange(FRAME) / FRAME * np.pi) ** 2
    windows = np.stack([np.concatenate([rise, fall]), steady, steady])
    # Scaled so that the squares of a one-sided spectrum add up to the power relative to a full sine's.
    windows *= 2 / np.sqrt(FRAME * (windows**2).sum(axis=1, keepdims=True))
    return windows.astype(np.float32)


def _a_weighting() -> Float32Array:
    # The ear's sensitivity, as power: IEC 61672-1, annex E.
    f = _FREQUENCIES**2
    high = 12194.217**2
    gain = high * f**2 / ((f + 20.598997**2) * np.sqrt((f + 107.65265**2) * (f + 737.86223**2)) * (f + high))
    return np.asarray((1.2589 * gain) ** 2, dtype=np.float32)  # 1.2589: +2 dB, so that 1 kHz has weight 1


_WINDOWS = _windows()
_ONES = np.ones(BLOCK, dtype=np.float32)
_SHORTEST, _LONGEST = SAMPLE_RATE // _PITCH_RANGE[1], SAMPLE_RATE // _PITCH_RANGE[0]
_LAGS = np.arange(_SHORTEST, _LONGEST)
# The autocorrelation of a periodic sound falls off like that of its window.
_WINDOW_CORRELATION = scipy.fft.irfft(np.abs(scipy.fft.rfft(_WINDOWS)) ** 2)[:, : _LONGEST + 1]
_WINDOW_CORRELATION /= _WINDOW_CORRELATION[:, :1]
_COST = (_OCTAVE_COST * np.log2(_LAGS)).astype(np.float32)
_A_WEIGHTING = _a_weighting()
_HERTZ = _FREQUENCIES.astype(np.float32)
_FIRST = _bin(BAND_EDGES[0])
_EDGES = [_bin(edge) for edge in BAND_EDGES[:-1]]


def to_decibels(power: Float32Array) -> Float32Array:
    """Convert powers, relative to a full sine's, to decibels, at least FLOOR_DB, rounded to hundredths."""
    return np.round(10 * np.log10(np.maximum(power, np.float32(10 ** (FLOOR_DB / 10)))), 2)


@dataclass(frozen=True)
class ReducedClips:
    """n clips of the same length, reduced to the input of `compute_features`, much less than their samples.

    peaks: highest absolute sample of each clip, `float32[n]`.
    powers: power of each block, `float32[n, blocks]`, relative to a full sine's. Computed about the block's mean:
        anything slower than some 20 Hz is inaudible.
    frames: windowed samples, `float32[n, 3, FRAME]`. The first frame begins at key-down, the second ends at key-up, the
        third surrounds the loudest block.
    held: seconds until key-up.
    """

    peaks: Float32Array
    powers: Float32Array
    frames: Float32Array
    held: float


def reduce_clips(clips: Float32Array, held: float, after: float) -> ReducedClips:
    """Reduce clips, `float32[n, samples]`, of notes held for `held` seconds and rendered for `after` seconds more."""
    blocks, key_up = round((held + after) * SAMPLE_RATE) // BLOCK, round(held * SAMPLE_RATE)
    peaks, powers = np.empty(len(clips), np.float32), np.empty((len(clips), blocks), np.float32)
    frames = np.empty((len(clips), 3, FRAME), np.float32)
    for n, audio in enumerate(clips):  # one clip stays in the cache through all passes over it
        in_blocks = audio[: blocks * BLOCK].reshape(blocks, BLOCK)
        means = np.vecdot(in_blocks, _ONES) / np.float32(BLOCK)
        squares = np.vecdot(in_blocks, in_blocks) / np.float32(BLOCK)
        peaks[n] = max(audio.max(), -audio.min())
        powers[n] = 2 * np.maximum(squares - means**2, 0)
        np.multiply(audio[:FRAME], _WINDOWS[0], out=frames[n, 0])
        np.multiply(audio[key_up - FRAME : key_up], _WINDOWS[1], out=frames[n, 1])
        loudest = min(max(int(powers[n].argmax()) * BLOCK + (BLOCK - FRAME) // 2, 0), len(audio) - FRAME)
        np.multiply(audio[loudest : loudest + FRAME], _WINDOWS[2], out=frames[n, 2])
    return ReducedClips(peaks, powers, frames, held)


def compute_tail_powers(clips: Float32Array) -> Float32Array:
    """Return the power above 20 Hz of each clip's last FRAME samples, relative to a full sine's, `float32[n]`."""
    return np.asarray(_compute_spectra(clips[:, -FRAME:] * _WINDOWS[1])[:, _FIRST:].sum(axis=1))


def compute_features(clips: ReducedClips, carriers: Int64Array) -> dict[str, Any]:
    """Return features of clips by column of the table `audio_features`, each `[n]`; NaN where one is undefined.

    carriers: number of carriers of each voice, `int64[n]`.
    """
    timbre, audible_timbre = _compute_timbre(_compute_spectra(clips.frames))
    contour, audible_loudness = _compute_loudness(clips.powers, round(clips.held * SAMPLE_RATE / BLOCK), carriers)
    silent = clips.powers.max(axis=1) < np.float32(10 ** (SILENCE_DB / 10))
    audible = audible_loudness | audible_timbre
    for name, values in audible.items():
        audible[name] = np.where(silent, np.nan, values).astype(np.float32)
    return {"silent": silent, "peak_db": to_decibels(clips.peaks**2)} | contour | timbre | audible


def _compute_loudness(powers: Float32Array, held: int, carriers: Int64Array) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return features that silence has too, and features that it lacks."""
    blocks = powers.shape[1]
    levels = to_decibels(powers)
    loudest = levels.max(axis=1, keepdims=True)
    sums = np.cumsum(np.pad(powers, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    loudest_interval = to_decibels(
        ((sums[:, _LOUDEST:] - sums[:, :-_LOUDEST]).max(axis=1) / _LOUDEST).astype(np.float32)
    )
    at_key_up = to_decibels(powers[:, held - _BEFORE : held].mean(axis=1))
    step = BLOCK / SAMPLE_RATE

    attack = (levels >= loudest - _ATTACK_DB).argmax(axis=1) * step
    peak = levels[:, :held].argmax(axis=1)
    fallen = (levels[:, :held] < loudest - _DECAY_DB) & (np.arange(held) > peak[:, None])
    decay = np.where(fallen.any(axis=1), (fallen.argmax(axis=1) - peak) * step, np.nan)
    sounding = levels[:, held:] > np.maximum(at_key_up - _RELEASE_DB, SILENCE_DB)[:, None]
    last = blocks - held - sounding[:, ::-1].argmax(axis=1)
    release = np.where(sounding[:, -1], np.nan, np.where(sounding.any(axis=1), last * step, 0.0))

    starts = [round(s / step) for s in CONTOUR_HELD] + [held + round(s / step) for s in CONTOUR_AFTER]
    lengths = np.diff([*starts, blocks])
    contour = to_decibels((np.add.reduceat(powers, starts, axis=1) / lengths).astype(np.float32))
    always = {
        "loudness_db": np.maximum(loudest_interval - 20 * np.log10(carriers), FLOOR_DB).astype(np.float32),
        "end_db": to_decibels(powers[:, -_BEFORE:].mean(axis=1)),
    } | {f"level_{n + 1}": contour[:, n] for n in range(LEVELS)}
    audible = {
        "attack_seconds": attack,
        "decay_seconds": decay,
        "sustain_db": at_key_up - loudest[:, 0],
        "release_seconds": release,
    }
    return always, audible


def _compute_timbre(spectra: Float32Array) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return features that silence has too, and features that it lacks."""
    bands = np.add.reduceat(spectra, _EDGES, axis=2)  # [n, 3, bands]
    whole = bands.sum(axis=2) + np.float32(1e-20)  # [n, 3]
    quieter = whole < whole.max(axis=1, keepdims=True) * np.float32(10 ** (-_FAR_QUIETER_DB / 10))
    brightness = np.einsum("nfk,k->n", spectra[:, :, _FIRST:], _HERTZ[_FIRST:]) / whole.sum(axis=1)
    split = _bin(_HARSH_FROM)
    mellow = np.einsum("nfk,k->nf", spectra[:, :, _FIRST:split], _A_WEIGHTING[_FIRST:split])
    harsh = np.einsum("nfk,k->nf", spectra[:, :, split:], _A_WEIGHTING[split:])
    harshness = np.where(quieter, 0, harsh / (mellow + harsh + np.float32(1e-20))).max(axis=1)
    # The late frame is steadiest and has the clearest pitch; where little is left of it, use the loudest frame.
    chosen = np.where(quieter[:, 1], whole.argmax(axis=1), 1)
    spectrum = np.take_along_axis(spectra, chosen[:, None, None], axis=1)[:, 0]
    harmonicity, pitch = _compute_periodicity(spectrum, chosen)
    low, high = map(_bin, _FLATNESS_RANGE)
    middle = spectrum[:, low:high] + np.float32(1e-16)
    flatness = np.exp(np.log(middle).mean(axis=1)) / middle.mean(axis=1)
    levels = to_decibels(bands)
    always = {
        f"{name}_band_{n + 1}": levels[:, frame, n]
        for frame, name in enumerate(("early", "late"))
        for n in range(BANDS)
    }
    audible = {
        "brightness_hz": brightness,
        "harshness": harshness,
        "flatness": flatness,
        "harmonicity": harmonicity,
        "pitch_hz": pitch,
    }
    return always, audible


def _compute_periodicity(spectrum: Float32Array, window: Int64Array) -> tuple[Float32Array, Float32Array]:
    """Return harmonicity and pitch, after Boersma (1993): the highest peak of the autocorrelation over the window's."""
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
    best = np.where(is_peak, height - _COST, -np.inf).argmax(axis=1)  # prefers a period to its multiples
    rows = np.arange(len(r))
    period = _LAGS[best] - slope[rows, best] / bend[rows, best]
    harmonicity = np.where(is_peak[rows, best], height[rows, best], 0).clip(0, 1)
    pitch = np.where(harmonicity >= _PERIODIC, SAMPLE_RATE / period, np.nan)
    return harmonicity.astype(np.float32), pitch.astype(np.float32)


def _compute_spectra(frames: Float32Array) -> Float32Array:
    """Return power spectra of windowed frames; each adds up to the power relative to a full sine's."""
    parts = scipy.fft.rfft(frames).view(np.float32)
    parts *= parts
    power: Float32Array = parts[..., 0::2] + parts[..., 1::2]
    return power
