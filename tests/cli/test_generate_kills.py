"""SIGKILL at random moments of `deepdx generate` and of training: banks are never mixed, models are bit-identical."""

import os
import random
import subprocess
import sys
import time

import pytest

from deepdx_core.generation.model import WEIGHTS, save_model
from deepdx_core.generation.model_card import MODEL_CARD
from deepdx_core.writer.training import CHECKPOINT
from tests.support.paths import ROOT
from tests.support.toy_models import trained_model

pytestmark = pytest.mark.slow

KILLS = 6
BANKS = ("out-01.syx", "out-02.syx")

GENERATE = """
import sys
from pathlib import Path
from deepdx_core.generation import registry
from deepdx_pipeline.cli.app import main

_, folder, seed = sys.argv
registry.champion_folder = lambda home: Path(folder)
sys.argv = ["deepdx", "generate", "--count", "33", "--allow-copies", "--force", "-o", "out.syx", "--seed", seed]
main()
"""

TRAIN = """
import sys
from pathlib import Path
from tests.support.toy_models import TINY, fit, toy_splits
from deepdx_core.generation.model import save_model

folder = Path(sys.argv[1])
model = fit(folder, TINY.replace(steps=30, patience=99), toy_splits(60, 1))
save_model(folder / "model", model)
"""


def start(script, *arguments, folder, home):
    environment = os.environ | {"DEEPDX_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process):
    _, errors = process.communicate(timeout=180)
    assert process.returncode == 0, errors.decode()


def kill(process):
    process.kill()
    process.communicate(timeout=60)


def test_killed_generation_leaves_old_or_new_banks_or_none_but_no_mix(tmp_path):
    draw = random.Random(5)
    save_model(tmp_path / "model", trained_model())
    banks = {}
    for seed in (1, 2):
        folder = tmp_path / f"seed {seed}"
        folder.mkdir()
        finish(start(GENERATE, tmp_path / "model", seed, folder=folder, home=tmp_path / "home"))
        banks[seed] = [(folder / name).read_bytes() for name in BANKS]
    assert banks[1] != banks[2]
    folder = tmp_path / "seed 1"
    for attempt in range(KILLS):
        process = start(GENERATE, tmp_path / "model", 2, folder=folder, home=tmp_path / "home")
        if attempt:  # while it writes
            while process.poll() is None and not list(folder.glob(".deepdx-*")):
                time.sleep(0.0005)
            time.sleep(draw.uniform(0, 0.02))
        else:
            time.sleep(draw.uniform(0, 4))
        kill(process)
        found = [(folder / name).read_bytes() if (folder / name).exists() else None for name in BANKS]
        assert any(all(bank in (None, whole[i]) for i, bank in enumerate(found)) for whole in banks.values())
        for name, bank in zip(BANKS, banks[1], strict=True):
            (folder / name).write_bytes(bank)
    finish(start(GENERATE, tmp_path / "model", 2, folder=folder, home=tmp_path / "home"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == dict(zip(BANKS, banks[2], strict=True))


def test_killed_and_resumed_training_gives_a_bit_identical_model(tmp_path):
    draw = random.Random(6)
    for name in ("unbroken", "killed"):
        (tmp_path / name).mkdir()
    finish(start(TRAIN, tmp_path / "unbroken", folder=tmp_path, home=tmp_path))
    checkpoint = tmp_path / "killed" / CHECKPOINT
    checkpoints = set()
    for _ in range(KILLS):
        process = start(TRAIN, tmp_path / "killed", folder=tmp_path, home=tmp_path)
        while process.poll() is None and (not checkpoint.exists() or checkpoint.read_bytes() in checkpoints):
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.2))
        kill(process)
        checkpoints.add(checkpoint.read_bytes())
    assert len(checkpoints) > 1
    finish(start(TRAIN, tmp_path / "killed", folder=tmp_path, home=tmp_path))
    for name in (WEIGHTS, MODEL_CARD):
        one, other = ((tmp_path / run / "model" / name).read_bytes() for run in ("unbroken", "killed"))
        assert one == other
