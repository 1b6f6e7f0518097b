import shutil

import pytest

from deepdx_core.home import Home
from deepdx_core.similarity.index import SoundIndex
from tests.support.paths import DEMO
from tests.support.runs import run_job


@pytest.fixture(scope="session")
def rendered_home(tmp_path_factory):
    """A home after a run on three banks, with audio. Tests work on copies, or only read."""
    home = Home(tmp_path_factory.mktemp("similarity") / "home")
    home.inbox.mkdir(parents=True)
    for bank in ("Keys/EPIANOS1.syx", "Basses/EBASS1.syx", "Pads/PADS1.syx"):
        shutil.copy(DEMO / bank, home.inbox)
    assert run_job(home, ops={}).success
    return home


@pytest.fixture(scope="session")
def index(rendered_home):
    return SoundIndex.load(rendered_home)
