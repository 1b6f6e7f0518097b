"""Clips played on the system's audio output. Needs the extra `play`: sounddevice, which uses the PortAudio library."""

from typing import Any

from deepdx_core.arrays import Float32Array
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.sound.rendering import SAMPLE_RATE


class PlaybackError(DeepDXError):
    """Audio cannot be played here; the message says what is missing."""


def load_player() -> Any:
    """Return the module sounddevice. Raises PlaybackError if it, PortAudio or an audio output is missing."""
    try:
        import sounddevice
    except ImportError as error:
        raise PlaybackError("playing needs sounddevice: pip install 'deepdx[play]'; or use deepdx render") from error
    except OSError as error:
        raise PlaybackError("playing needs the library PortAudio (Debian: apt install libportaudio2)") from error
    try:
        sounddevice.check_output_settings(samplerate=SAMPLE_RATE, channels=1)
    except Exception as error:  # PortAudio's own, without a common base; ValueError without any device
        raise PlaybackError(f"there is no audio output here: {printable(str(error))}") from error
    return sounddevice


def play(player: Any, clip: Float32Array) -> None:
    """Play a clip, `float32[samples]`, to its end. Stops at once on KeyboardInterrupt. Raises PlaybackError."""
    try:
        player.play(clip, SAMPLE_RATE, blocking=True)
    except KeyboardInterrupt:
        player.stop()
        raise
    except Exception as error:
        raise PlaybackError(f"the audio output failed: {printable(str(error))}") from error
