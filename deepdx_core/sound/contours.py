"""Loudness contours: how loud a note of each voice is over time, for pictures."""

import numpy as np

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.sound.audibility import SILENCE_DB
from deepdx_core.sound.rendering import SAMPLE_RATE, render

FRAME_SECONDS = 0.02
_NOTE, _VELOCITY = 60, 100


def loudness_contours(parameters: UInt8Array, seconds: float, held: float) -> Float32Array:
    """Return the level of middle C in each 20 ms, in dB below the loudest of the voice, `float32[n, frames]`.

    seconds: length of the clip. held: time from key-down to key-up, in seconds. Levels are clipped to the level of
    silence, and a silent voice has it throughout.
    """
    samples = render(parameters, _NOTE, _VELOCITY, seconds, held)
    frame = round(FRAME_SECONDS * SAMPLE_RATE)
    frames = samples[:, : samples.shape[1] // frame * frame].reshape(len(samples), -1, frame)
    power = np.square(frames, dtype=np.float64).mean(axis=2)
    floor = 10 ** (SILENCE_DB / 10)
    levels = 10 * np.log10(np.maximum(power, floor))
    return np.asarray((levels - levels.max(axis=1, keepdims=True)).clip(SILENCE_DB), dtype=np.float32)
