"""Voices to audio, by Dexed's Mark I engine (dexed-py, an optional extra): only here is it known how it is called."""

import importlib
import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import require_legal
from deepdx_core.errors import DeepDXError
from deepdx_core.voice.parameters import NAME_LENGTH

Audio = npt.NDArray[np.float32]

SAMPLE_RATE = 44_100
"""Hertz, close to the DX7's own 49,096: at half of it, what FM folds back at the top would be heard as squeals."""

_NAME_AND_SWITCHES = b" " * NAME_LENGTH + b"\x3f"  # all six operators on


@dataclass(frozen=True)
class Clip:
    """One note: MIDI note and velocity, seconds held, seconds listened to after it is let go."""

    note: int
    velocity: int
    held: float
    after: float


class NoRendererError(DeepDXError):
    """A sound was to be rendered where dexed-py is not installed."""

    def __init__(self) -> None:
        super().__init__("dexed-py, which renders sounds, is not installed: pip install 'deepdx[audio]'")


def available() -> bool:
    """Whether sounds can be rendered here."""
    return importlib.util.find_spec("dexed") is not None


def engine() -> str:
    """The engine and its version. Raises NoRendererError."""
    if not available():
        raise NoRendererError
    return f"dexed-py {version('dexed-py')}"


class _Sysex:
    # What the engine asks of a patch. Its own class takes bytes apart in Python and puts them together again.
    def __init__(self, voice: UInt8Array) -> None:
        self._voice = voice

    def to_sysex(self) -> bytes:
        return self._voice.tobytes() + _NAME_AND_SWITCHES


class Synth:
    """A synthesizer, one for each thread. A clip does not depend on what was rendered before it."""

    def __init__(self) -> None:
        """Raises NoRendererError."""
        if not available():
            raise NoRendererError
        dexed: Any = importlib.import_module("dexed")
        self._synth = dexed.DexedSynth(SAMPLE_RATE)

    def render(self, voice: UInt8Array, clip: Clip) -> Audio:
        """The samples of a legal voice, `uint8[145]`; one carrier at full level swings between -1 and 1."""
        self._synth.load_patch(_Sysex(voice))
        samples: Audio = self._synth.render(clip.note, clip.velocity, clip.held, clip.held + clip.after)
        return samples


def render(parameters: UInt8Array, clip: Clip) -> Audio:
    """Clips of voices, `uint8[n, 145]`, as `float32[n, samples]`. Raises ValueError where a parameter is illegal."""
    require_legal(parameters)
    synth = Synth()
    samples = round((clip.held + clip.after) * SAMPLE_RATE)
    return np.array([synth.render(voice, clip) for voice in parameters], np.float32).reshape(-1, samples)
