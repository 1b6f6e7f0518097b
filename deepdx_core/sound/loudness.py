"""Loudness of clips, and the gains that bring them to a level without clipping.

Loudness after ITU-R BS.1770-4: K-weighting, blocks of 400 ms, gating. Computed here for all clips at once: pyloudnorm
takes one at a time, refuses those shorter than a block, and loads scipy.signal, which takes longer than to render a
bank.
"""

import math

import numpy as np
import numpy.typing as npt
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from deepdx_core.arrays import BoolArray, Float32Array, Float64Array
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.rendering import SAMPLE_RATE

TARGET_LUFS = -23.0
"""Loudness of matched clips: that of EBU R 128, which leaves room for the peaks of percussion."""

PEAK: float = 10 ** (-1 / 20)
"""Highest absolute sample of a clip, -1 dB: lossy formats overshoot a little."""

_STEP = SAMPLE_RATE // 10  # samples: blocks overlap by three quarters
_STEPS_PER_BLOCK = 4
_OFFSET = -0.691  # dB, so that a sine of 997 Hz at full level has -3.01 LUFS
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = -10.0  # LU
_SILENCE_LUFS = SILENCE_DB - 3.01


def _k_weighting(frequencies: Float64Array) -> npt.NDArray[np.complex64]:
    """Return the response of the standard's two filters, a shelf and a high-pass, at frequencies in Hz.

    The standard has coefficients for 48 kHz only. These are derived from the analog filters behind them, as in
    libebur128 (MIT), for SAMPLE_RATE; at 48 kHz they equal the standard's.
    """
    z = np.exp(-2j * np.pi * frequencies / SAMPLE_RATE)
    k, q, gain = math.tan(math.pi * 1681.974450955533 / SAMPLE_RATE), 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = gain**0.4996667741545416
    shelf = (gain + middle * k / q + k * k) + 2 * (k * k - gain) * z + (gain - middle * k / q + k * k) * z**2
    shelf /= (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    k, q = math.tan(math.pi * 38.13547087602444 / SAMPLE_RATE), 0.5003270373238773
    # The standard's numerator, scaled as there: a gain of 1.005 above 38 Hz.
    high_pass = (1 - z) ** 2 * (1 + k / q + k * k)
    high_pass /= (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    return np.asarray(shelf * high_pass, dtype=np.complex64)


def measure_loudness(clips: Float32Array) -> Float64Array:
    """Return the integrated loudness of clips, `float32[n, samples]`, in LUFS, `float64[n]`; -inf for silence.

    Clips shorter than a block of 400 ms are measured with silence after them.
    """
    return _gated_loudness(_block_powers(clips))


def match_loudness(clips: Float32Array) -> Float32Array:
    """Return clips, `float32[n, samples]`, at the same loudness, `TARGET_LUFS`.

    A clip whose peaks would exceed `PEAK` stays softer. Inaudible clips are not amplified.
    """
    powers = _block_powers(clips)
    audible = _gated_loudness(powers) >= _SILENCE_LUFS
    gains = np.ones(len(clips))
    for _ in range(3):  # a gain moves blocks across the absolute gate, which changes the loudness a little
        loudness = _gated_loudness(powers * gains[:, None] ** 2)
        gains *= 10 ** (np.where(audible, TARGET_LUFS - loudness, 0) / 20)
    gains = np.minimum(gains, PEAK / np.maximum(find_peaks(clips), 1e-9))
    return np.asarray(clips * gains[:, None].astype(np.float32))


def _block_powers(clips: Float32Array) -> Float64Array:
    """Return the K-weighted power of each block, `float64[n, blocks]`."""
    n, samples = clips.shape
    steps = max(samples // _STEP, _STEPS_PER_BLOCK)
    length = scipy.fft.next_fast_len(max(samples, steps * _STEP) + _STEP, real=True)  # the filters ring for less
    spectra = scipy.fft.rfft(clips, length, axis=1) * _k_weighting(scipy.fft.rfftfreq(length, 1 / SAMPLE_RATE))
    weighted = scipy.fft.irfft(spectra, length, axis=1)[:, : steps * _STEP].reshape(n, steps, _STEP)
    in_steps = np.vecdot(weighted, weighted) / _STEP
    return np.asarray(sliding_window_view(in_steps, _STEPS_PER_BLOCK, axis=1).mean(axis=2))


def _gated_loudness(powers: Float64Array) -> Float64Array:
    """Return the loudness in LUFS of blocks with some powers, without those below the two gates, `float64[n]`."""
    absolute = 10 ** ((_ABSOLUTE_GATE - _OFFSET) / 10)
    relative = _mean_over(powers, powers > absolute) * 10 ** (_RELATIVE_GATE / 10)
    with np.errstate(divide="ignore"):
        return np.asarray(_OFFSET + 10 * np.log10(_mean_over(powers, powers > np.maximum(absolute, relative)[:, None])))


def _mean_over(powers: Float64Array, counted: BoolArray) -> Float64Array:
    return np.asarray((powers * counted).sum(axis=1) / np.maximum(counted.sum(axis=1), 1))


def find_peaks(clips: Float32Array) -> Float32Array:
    """Return the highest absolute sample of each clip, `float32[n]`."""
    return np.asarray(np.maximum(clips.max(axis=1, initial=0), -clips.min(axis=1, initial=0)))


def common_gain(peak: float) -> float:
    """Return the gain that brings the highest peak of some clips to `PEAK`; 1 if all are inaudible."""
    return PEAK / peak if peak > 10 ** (SILENCE_DB / 20) else 1.0
