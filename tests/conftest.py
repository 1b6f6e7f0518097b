"""What tests share: voices to work on, a home folder of their own, and where real data is found."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

# Tests run two at a time on two cores: threads that spin while they wait for each other would take the other's core.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.home import Home

# How long an example takes depends on what else the machine does; speed is measured in benchmarks.
settings.register_profile("deepdx", deadline=None)
settings.load_profile("deepdx")

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "data" / "demo"
CORPUS = Path(os.environ.get("DEEPDX_CORPUS", ROOT.parent / "shared" / "corpus"))

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"real data is not at hand: no folder {CORPUS}")

SMALL_TRAINING = (
    *("--steps", "40"),
    *(
        part
        for setting in ("batch_size=16", "width=16", "depth=1", "heads=2", "learning_rate=0.03", "dropout=0.0")
        for part in ("--set", setting)
    ),
    *("--set", "ema_decay=0.9", "--set", "written=200", "--set", "mixed=false", "--set", "threads=1"),
)
"""Options of `deepdx run` for a model of a few seconds, whose voices are good enough to be taken."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder, which the command and the definitions find."""
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    made = Home(tmp_path / "home")
    made.inbox.mkdir(parents=True)
    return made


@st.composite
def legal_voices(draw, most=40):
    """Parameters `uint8[n, 145]` within their ranges, and names `uint8[n, 10]` of printable characters."""
    count = draw(st.integers(1, most))
    raw = draw(hnp.arrays(np.uint8, (count, len(MAXIMA))))
    names = draw(hnp.arrays(np.uint8, (count, 10), elements=st.integers(32, 126)))
    return (raw % (MAXIMA.astype(np.uint16) + 1)).astype(np.uint8), names


def random_voices(count, seed=0):
    """As `legal_voices`, but just some."""
    random = np.random.default_rng(seed)
    parameters = random.integers(0, MAXIMA.astype(int) + 1, (count, len(MAXIMA))).astype(np.uint8)
    return parameters, random.integers(65, 91, (count, 10)).astype(np.uint8)


def zipped(*members):
    """A zip archive of (name, data) members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()
