"""A small home with rendered sounds, and recordings of notes."""

import io

import numpy as np
import soundfile

from deepdx_core.sound.rendering import SAMPLE_RATE, render


def note_of(voice, note, velocity=90, held=1.0):
    """Render a note of a voice, `uint8[145]`, with its release."""
    return render(voice[None], note, velocity, held + 0.5, held)[0]


def as_file(samples, audio_format="WAV", subtype=None, rate=SAMPLE_RATE):
    """Return samples as the content of a file."""
    file = io.BytesIO()
    soundfile.write(file, np.asarray(samples, np.float32), rate, format=audio_format, subtype=subtype)
    return file.getvalue()
