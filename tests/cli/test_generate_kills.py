"""SIGKILL at random moments of `deepdx generate` and of a training: nothing is mixed, nothing comes out otherwise."""

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
from dataclasses import replace
from pathlib import Path
from tests.support.toy_models import TINY, fit, toy_splits
from deepdx_core.generation.model import save_model

folder = Path(sys.argv[1])
model = fit(folder, replace(TINY, steps=30, patience=99), toy_splits(60, 1))
save_model(folder / "model", model)
"""


def begin(script, *arguments, folder, home):
    path = str(ROOT)
    environment = os.environ | {"DEEPDX_HOME": str(home), "PYTHONPATH": path}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def end(process):
    _, said = process.communicate(timeout=180)
    assert process.returncode == 0, said.decode()


def killed(process):
    process.kill()
    process.communicate(timeout=60)


def test_two_banks_are_both_old_both_new_or_missing_and_never_mixed(tmp_path):
    draw = random.Random(5)
    save_model(tmp_path / "model", trained_model())
    banks = {}
    for seed in (1, 2):
        folder = tmp_path / f"seed {seed}"
        folder.mkdir()
        end(begin(GENERATE, tmp_path / "model", seed, folder=folder, home=tmp_path / "home"))
        banks[seed] = [(folder / name).read_bytes() for name in BANKS]
    assert banks[1] != banks[2]
    folder = tmp_path / "seed 1"
    for kill in range(KILLS):
        process = begin(GENERATE, tmp_path / "model", 2, folder=folder, home=tmp_path / "home")
        if kill:  # as it writes
            while process.poll() is None and not list(folder.glob(".deepdx-*")):
                time.sleep(0.0005)
            time.sleep(draw.uniform(0, 0.02))
        else:
            time.sleep(draw.uniform(0, 4))
        killed(process)
        found = [(folder / name).read_bytes() if (folder / name).exists() else None for name in BANKS]
        assert any(all(bank in (None, whole[i]) for i, bank in enumerate(found)) for whole in banks.values())
        for name, bank in zip(BANKS, banks[1], strict=True):
            (folder / name).write_bytes(bank)
    end(begin(GENERATE, tmp_path / "model", 2, folder=folder, home=tmp_path / "home"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == dict(zip(BANKS, banks[2], strict=True))


def test_a_training_that_is_killed_again_and_again_comes_to_the_same_bits(tmp_path):
    draw = random.Random(6)
    for name in ("unbroken", "killed"):
        (tmp_path / name).mkdir()
    end(begin(TRAIN, tmp_path / "unbroken", folder=tmp_path, home=tmp_path))
    checkpoint = tmp_path / "killed" / CHECKPOINT
    checkpoints = set()
    for _ in range(KILLS):
        process = begin(TRAIN, tmp_path / "killed", folder=tmp_path, home=tmp_path)
        while process.poll() is None and (not checkpoint.exists() or checkpoint.read_bytes() in checkpoints):
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.2))
        killed(process)
        checkpoints.add(checkpoint.read_bytes())
    assert len(checkpoints) > 1
    end(begin(TRAIN, tmp_path / "killed", folder=tmp_path, home=tmp_path))
    for name in (WEIGHTS, MODEL_CARD):
        one, other = ((tmp_path / run / "model" / name).read_bytes() for run in ("unbroken", "killed"))
        assert one == other
