"""A home with a corpus and a generated bank, and clients of its explorer."""

import shutil

import numpy as np
import pytest
from fastapi.testclient import TestClient

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_bank
from deepdx_core.exchange.inspection import load_voice
from deepdx_core.home import Home
from deepdx_core.voice.parameters import INDEX
from deepdx_explorer.app import create_app
from tests.support.paths import DEMO
from tests.support.runs import run_job

HOSTILE = "<b>&\"'`x"


def stock(home):
    """Fill an inbox with three banks, one of which has a hostile name, and generate a bank."""
    home.inbox.mkdir(parents=True)
    shutil.copy(DEMO / "Keys" / "EPIANOS1.syx", home.inbox)
    shutil.copytree(DEMO / "Pads", home.inbox / "Pads")
    parameters, _ = load_voice(DEMO / "Keys" / "EPIANOS1.syx", 1)
    voices = np.tile(parameters, (3, 1))
    voices[:, INDEX["op1_output_level"]] = [61, 62, 63]
    (home.inbox / f"{HOSTILE.replace('/', '_')}.syx").write_bytes(write_bank(voices[:1], text_to_names([HOSTILE])))
    home.banks.mkdir()
    (home.banks / "made.syx").write_bytes(write_bank(voices[1:], text_to_names(["MADE ONE", "MADE TWO"])))


@pytest.fixture(scope="session")
def stocked(tmp_path_factory):
    """A home after a run. Tests that write work on a copy."""
    home = Home(tmp_path_factory.mktemp("explorer") / "home")
    stock(home)
    assert run_job(home, ops={}).success
    return home


@pytest.fixture
def own(stocked, tmp_path):
    """A copy of the home, to write to."""
    shutil.copytree(stocked.root, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def client(stocked):
    """A client that only reads."""
    return TestClient(create_app(stocked), base_url="http://localhost")


@pytest.fixture
def writer(own):
    """A client that may write."""
    return TestClient(create_app(own), base_url="http://localhost")
