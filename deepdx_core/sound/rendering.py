"""Voices to audio, with Dexed's Mark I engine (dexed-py, an optional extra). No other module calls dexed-py."""

import importlib
import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.errors import DeepDXError
from deepdx_core.voice.parameters import NAME_LENGTH

SAMPLE_RATE = 44_100
"""Hertz, close to the DX7's own 49,096. At half of it, the aliasing of FM would be audible as squeals."""

_NAME_AND_SWITCHES = b" " * NAME_LENGTH + b"\x3f"  # all six operators on


@dataclass(frozen=True)
class Clip:
    """One rendered note: MIDI note and velocity, seconds until key-up, and seconds rendered after it."""

    note: int
    velocity: int
    held: float
    after: float


class NoRendererError(DeepDXError):
    """Rendering was requested, but dexed-py is not installed."""

    def __init__(self) -> None:
        super().__init__("dexed-py, which renders sounds, is not installed: pip install 'deepdx[audio]'")


def can_render() -> bool:
    """Return True if dexed-py is installed."""
    return importlib.util.find_spec("dexed") is not None


def engine_version() -> str:
    """Return the name and version of the engine. Raises NoRendererError without dexed-py."""
    if not can_render():
        raise NoRendererError
    return f"dexed-py {version('dexed-py')}"


class _Sysex:
    # The one method that the engine calls on a patch. dexed-py's own class parses and rebuilds the bytes in Python.
    def __init__(self, voice: UInt8Array) -> None:
        self._voice = voice

    def to_sysex(self) -> bytes:
        return self._voice.tobytes() + _NAME_AND_SWITCHES


class Synth:
    """A synthesizer; each thread needs its own. A clip does not depend on clips rendered before it."""

    def __init__(self) -> None:
        """Start the engine. Raises NoRendererError without dexed-py."""
        if not can_render():
            raise NoRendererError
        dexed: Any = importlib.import_module("dexed")
        self._synth = dexed.DexedSynth(SAMPLE_RATE)

    def render(self, voice: UInt8Array, clip: Clip) -> Float32Array:
        """Render a legal voice, `uint8[145]`, to samples; one carrier at full level swings between -1 and 1."""
        self._synth.load_patch(_Sysex(voice))
        samples: Float32Array = self._synth.render(clip.note, clip.velocity, clip.held, clip.held + clip.after)
        return samples


def render(parameters: UInt8Array, clip: Clip) -> Float32Array:
    """Render voices, `uint8[n, 145]`, to `float32[n, samples]`. Raises ValueError if a parameter is out of range."""
    require_legal(parameters)
    synth = Synth()
    samples = round((clip.held + clip.after) * SAMPLE_RATE)
    return np.array([synth.render(voice, clip) for voice in parameters], np.float32).reshape(-1, samples)
