"""Fixtures of all tests. Builders are in `tests.support`."""

import os

import mido
import pytest
from hypothesis import settings

# Tests run two at a time on two cores: threads that spin while waiting would take the other test's core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.home import Home
from deepdx_core.sound.rendering import render
from tests.support.cables import Cable

# The time of an example depends on the load of the machine; speed is measured in benchmarks.
settings.register_profile("deepdx", deadline=None)
settings.load_profile("deepdx")


@pytest.fixture(scope="session")
def compiled_engine():
    """Compile the engine, so that no command says that it does."""
    render(INIT_VOICE[None], seconds=0.01)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder, used by the command and the definitions."""
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    home = Home(tmp_path / "home")
    home.inbox.mkdir(parents=True)
    return home


@pytest.fixture
def cable(monkeypatch):
    """MIDI ports without hardware."""
    cable, before = Cable(), mido.backend
    mido.set_backend(cable.install(monkeypatch))
    yield cable
    mido.set_backend(before)
