"""dexed-py, the black-box oracle of the engine. Tests that use it are skipped where it is not installed."""

import numpy as np
import pytest

from deepdx_core.sound.rendering import SAMPLE_RATE

_NAME_AND_SWITCHES = b" " * 10 + b"\x3f"  # all six operators on


class Patch:
    """The only method of a patch that dexed-py calls. Its own class costs time: it parses the bytes in Python."""

    def __init__(self, voice):
        self._sysex = voice.tobytes() + _NAME_AND_SWITCHES

    def to_sysex(self):
        return self._sysex


class Oracle:
    """A synthesizer that renders voices, `uint8[145]`, to `float32[samples]`."""

    def __init__(self):
        dexed = pytest.importorskip("dexed", reason="dexed-py is not installed: pip install 'deepdx[oracle]'")
        self._synth = dexed.DexedSynth(SAMPLE_RATE)

    def render(self, voice, note, velocity, held, seconds):
        self._synth.load_patch(Patch(voice))
        return np.asarray(self._synth.render(note, velocity, held, seconds))
