"""Rounds of adversarial training: what changes, and interruptions."""

import pytest
import torch

from deepdx_core.generation import rounds
from deepdx_core.generation.rounds import ROUNDS_CHECKPOINT
from tests.support.toy_models import TINY, fit

pytestmark = pytest.mark.slow

CONFIG = TINY.replace(steps=32, rounds=2, validate_every=16)


def weights(model):
    return model.writer.state_dict()


def equal(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.fixture(scope="module", autouse=True)
def _short_rounds():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "FEWEST_STEPS", 2)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return fit(tmp_path_factory.mktemp("whole"), CONFIG)


def test_rounds_change_the_writer(whole, tmp_path):
    assert not equal(weights(whole), weights(fit(tmp_path, CONFIG.replace(rounds=0))))


def test_a_run_of_few_steps_has_no_rounds(tmp_path):
    fit(tmp_path, CONFIG.replace(steps=31))
    assert not (tmp_path / ROUNDS_CHECKPOINT).exists()


def test_an_interrupted_run_continues_with_its_round(whole, tmp_path, monkeypatch):
    learn, learned = rounds.learn_from_rewards, []

    def learn_once(*arguments):
        if learned:
            raise KeyboardInterrupt
        learned.append(learn(*arguments))
        return learned[0]

    monkeypatch.setattr(rounds, "learn_from_rewards", learn_once)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, CONFIG)
    monkeypatch.setattr(rounds, "learn_from_rewards", lambda *arguments: learned.append(0) or learn(*arguments))
    assert equal(weights(fit(tmp_path, CONFIG)), weights(whole))
    assert len(learned) == 2  # the first round was not repeated
