"""Adversarial steps: candidates for the same conditions, and learning from their rewards."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepdx_core.codec.packing import require_legal
from deepdx_core.voice.parameters import INDEX
from deepdx_core.writer.adversarial import CANDIDATES, learn_from_rewards, write_candidates
from deepdx_core.writer.batches import TrainingSet, make_batch
from tests.support.toy_models import TINY, trained_model

pytestmark = pytest.mark.slow

FEEDBACK = INDEX["feedback"]
LABELS = np.arange(96) % 3


@pytest.fixture(scope="module")
def training_set():
    model = trained_model()
    return TrainingSet.from_voices(replace(model.voices, families=np.arange(len(model.voices)) // 2), model.parents)


def candidates_of(writer, training_set, seed=0):
    return write_candidates(writer, training_set, LABELS, np.random.default_rng(seed))


def test_candidates_for_the_same_conditions_stand_together(training_set):
    candidates = candidates_of(trained_model().writer, training_set)
    require_legal(candidates.parameters)
    assert (candidates.labels == np.repeat(LABELS, CANDIDATES)).all()
    parents = candidates.conditions.parents.reshape(len(LABELS), CANDIDATES, -1)
    assert (parents == parents[:, :1]).all()
    assert len(np.unique(candidates.parameters[:CANDIDATES], axis=0)) > 1


def test_rewarded_values_become_likelier(training_set):
    writer, config = trained_model().writer, TINY.replace(adversarial_learning_rate=0.01)
    before = candidates_of(writer, training_set).parameters[:, FEEDBACK].mean()
    for seed in range(3):
        candidates = candidates_of(writer, training_set, seed)
        rewards = candidates.parameters[:, FEEDBACK].astype(np.float64)
        writer = learn_from_rewards(writer, training_set, candidates, rewards, config, np.random.default_rng(seed))
    assert candidates_of(writer, training_set).parameters[:, FEEDBACK].mean() > before + 0.3


def test_the_writer_that_learns_is_another(training_set):
    writer = trained_model().writer
    before = {name: tensor.clone() for name, tensor in writer.state_dict().items()}
    candidates = candidates_of(writer, training_set)
    rewards = np.random.default_rng(1).normal(size=len(candidates.labels))
    learned = learn_from_rewards(writer, training_set, candidates, rewards, TINY, np.random.default_rng(1))
    assert all(torch.equal(before[name], tensor) for name, tensor in writer.state_dict().items())
    assert any(not torch.equal(before[name], tensor) for name, tensor in learned.state_dict().items())
    assert not learned.training


def test_distances_are_told_with_noise_unless_there_is_no_parent(training_set):
    rows = np.arange(200)
    exact = make_batch(training_set, training_set, rows, np.random.default_rng(3))[1].differing.numpy()
    noisy = make_batch(training_set, training_set, rows, np.random.default_rng(3), distance_noise=0.2)[1].differing
    ratios = noisy.numpy() / exact
    assert 0.1 < np.log(ratios[exact > 10]).std() < 0.3
    assert abs(np.log(ratios[exact > 10]).mean()) < 0.1
    orphans = make_batch(training_set, training_set, rows, np.random.default_rng(3), orphans=0.999, distance_noise=0.2)
    assert (orphans[1].differing.numpy() == -1).mean() > 0.9
