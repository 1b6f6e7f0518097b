"""Fixtures of all tests. Builders stand in `tests.support`."""

import os

import pytest
from hypothesis import settings

# Tests run two at a time on two cores: threads that spin while they wait for each other would take the other's core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from deepdx_core.home import Home

# How long an example takes depends on what else the machine does; speed is measured in benchmarks.
settings.register_profile("deepdx", deadline=None)
settings.load_profile("deepdx")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder, which the command and the definitions find."""
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    made = Home(tmp_path / "home")
    made.inbox.mkdir(parents=True)
    return made
