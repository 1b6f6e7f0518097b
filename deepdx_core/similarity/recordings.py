"""Recordings of a note: read from a file within limits, trimmed, with an estimate of key-up."""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from deepdx_core.arrays import Float32Array
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular
from deepdx_core.sound.rendering import SAMPLE_RATE

MAX_BYTES = 64 << 20
"""Bound of a recording's file."""
MAX_SECONDS = 30.0
"""Bound of a recording's length."""
EXTENSIONS = (".wav", ".flac", ".mp3", ".ogg", ".aif", ".aiff")
"""Extensions of the files of recordings. The content decides how one is read."""

_KNOWN_FORMATS = {"WAV", "WAVEX", "RF64", "FLAC", "MP3", "OGG", "AIFF"}
_RATES = (8_000, 192_000)
_MAX_CHANNELS = 8
_SILENCE = 1e-4  # a peak of -80 dB
_ONSET_DB = 40.0  # below the loudest: the note begins
_STEP = 128  # samples, 3 ms: the precision of the onset
_BLOCK = 882  # samples, 20 ms: the precision of key-up
_SIDE = 5  # blocks on each side of key-up
_KNEE_DB = 6.0  # by which a note falls faster in the 0.1 s after key-up than before
_RANGE_DB = 60.0


class RecordingError(DeepDXError):
    """A recording cannot be used. The message names the file and the reason."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A note: samples from its beginning on, `float32[samples]` at `SAMPLE_RATE`, and the sample of key-up.

    Without a clear key-up, as of a note that fades by itself, that is the end.
    """

    samples: Float32Array
    key_up: int


def read_recording(source: bytes | Path) -> Recording:
    """Return the note in a file (WAV, FLAC, MP3, Ogg or AIFF), or in its content. Channels are mixed.

    Raises RecordingError for a file that cannot be read, is no recording, exceeds a limit or is silent.
    """
    name = printable(str(source)) if isinstance(source, Path) else "recording"
    try:
        content = read_regular(source, MAX_BYTES) if isinstance(source, Path) else source
    except OSError as error:
        raise RecordingError(f"{name}: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise RecordingError(f"{name}: larger than {MAX_BYTES:,} bytes")
    try:
        return trim_note(_decode(content))
    except ValueError as error:
        raise RecordingError(f"{name}: {error}") from error


def trim_note(samples: Float32Array) -> Recording:
    """Return a note without the silence before it. Raises ValueError if all of it is silent."""
    if not len(samples) or np.abs(samples).max() < _SILENCE:
        raise ValueError("silent")
    start = find_onset(samples)
    return Recording(samples[start:], _find_key_up(samples[start:]))


def find_onset(samples: Float32Array) -> int:
    """Return the sample at which a note begins: its level comes within 40 dB of the loudest."""
    levels = _levels(samples, _STEP)
    return int((levels >= levels.max() - _ONSET_DB).argmax()) * _STEP


def _find_key_up(samples: Float32Array) -> int:
    """Return the sample after which a note falls much faster than before, its length if there is none."""
    levels = _levels(samples, _BLOCK)
    levels = np.maximum(levels, levels.max() - _RANGE_DB)
    if len(levels) <= 2 * _SIDE:
        return len(samples)
    falls = levels[:-_SIDE] - levels[_SIDE:]
    faster = falls[_SIDE:] - np.maximum(falls[:-_SIDE], 0)
    knee = int(faster.argmax())
    return (knee + _SIDE + 1) * _BLOCK if faster[knee] >= _KNEE_DB else len(samples)


def _levels(samples: Float32Array, block: int) -> Float32Array:
    """Return the level of each block in dB."""
    padded = np.pad(samples, (0, -len(samples) % block)).reshape(-1, block)
    return np.asarray(10 * np.log10(np.maximum((padded**2).mean(axis=1), 1e-20)), dtype=np.float32)


def _decode(content: bytes) -> Float32Array:
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.format not in _KNOWN_FORMATS:
                raise ValueError(f"{file.format} is not WAV, FLAC, MP3, Ogg or AIFF")
            rate, channels = file.samplerate, file.channels
            if not _RATES[0] <= rate <= _RATES[1]:
                raise ValueError(f"{rate:,} samples a second; from {_RATES[0]:,} to {_RATES[1]:,} are read")
            if channels > _MAX_CHANNELS:
                raise ValueError(f"{channels} channels; the most are {_MAX_CHANNELS}")
            longest = round(MAX_SECONDS * rate)
            samples = file.read(longest + 1, dtype="float32", always_2d=True)  # a header may claim any length
    except soundfile.SoundFileError as error:
        raise ValueError(f"not a recording ({printable(str(error).rpartition(': ')[2])})") from error
    if len(samples) > longest:
        raise ValueError(f"longer than {MAX_SECONDS:g} s; a single note is enough")
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise ValueError("has samples that are not a number")
    mono /= max(float(np.abs(mono).max(initial=0)), _SILENCE)  # also of finite samples near the end of the range
    if rate != SAMPLE_RATE:
        from scipy.signal import resample_poly  # slow to import

        divisor = math.gcd(rate, SAMPLE_RATE)
        mono = resample_poly(mono, SAMPLE_RATE // divisor, rate // divisor)
    return np.asarray(mono, dtype=np.float32)
