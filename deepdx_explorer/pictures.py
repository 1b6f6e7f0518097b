"""Pictures: the spectrogram of a voice as PNG."""

import io

import numpy as np
from PIL import Image

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.sound.rendering import SAMPLE_RATE

WIDTH, HEIGHT = 480, 160
LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
_WINDOW = 4096
_RANGE_DB = 80.0


def draw_spectrogram(samples: Float32Array) -> bytes:
    """Draw the power of a clip, `float32[samples]`, over time and frequency as PNG, `HEIGHT` by `WIDTH` pixels.

    Rows are spaced like keys, from `LOWEST_HZ` at the bottom to `HIGHEST_HZ`. The loudest point is white, and 80 dB
    below it black.
    """
    starts = np.linspace(0, max(len(samples) - _WINDOW, 0), WIDTH).astype(np.intp)
    padded = np.pad(samples, (0, max(_WINDOW - len(samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[starts] * np.hanning(_WINDOW).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    hertz = np.geomspace(HIGHEST_HZ, LOWEST_HZ, HEIGHT)
    rows = (hertz / SAMPLE_RATE * _WINDOW).round().astype(np.intp)
    decibels = 10 * np.log10(power[:, rows].T + 1e-12)
    scaled = ((decibels - decibels.max()) / _RANGE_DB + 1).clip(0, 1)
    shades: UInt8Array = (scaled * 255).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(shades).save(file, format="png", optimize=True)
    return file.getvalue()
