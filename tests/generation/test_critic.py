"""The critic: what it learns to tell apart, and what it does not claim to."""

from dataclasses import replace

import numpy as np
import pytest

from deepdx_core.dataset.arrays import generated_voices
from deepdx_core.evaluation.metrics.c2st import area
from deepdx_core.generation.critic import Critic
from tests.support.toy_models import toy_voices
from tests.support.voices import random_voices


def junk(count, seed):
    return generated_voices(random_voices(count, seed)[0], np.random.default_rng(seed).integers(0, 3, count))


def told(critic, real, other):
    """The area under the critic's ROC curve."""
    said = np.concatenate([critic.realness(real), critic.realness(other)])
    return area(said, np.arange(len(said)) < len(real), np.arange(len(said)))[0]


@pytest.fixture(scope="module")
def taught():
    return Critic(toy_voices(200), junk(200, 1), seed=0)


def test_it_tells_real_voices_from_random_ones(taught):
    real, random = toy_voices(60, seed=2), junk(60, 3)
    assert told(taught, real, random) > 0.95
    assert taught.realness(real).dtype == np.float64
    assert (taught.realness(real) > 0).mean() > 0.85
    assert (taught.realness(random) < 0).mean() > 0.85


def test_what_it_cannot_tell_it_does_not_claim_to():
    critic = Critic(toy_voices(160), toy_voices(160, seed=1), seed=0)
    assert 0.35 < told(critic, toy_voices(200, seed=2), toy_voices(200, seed=3)) < 0.65


@pytest.mark.parametrize(("real", "written"), [(400, 100), (100, 400)])
def test_both_kinds_weigh_the_same_however_many_there_are(real, written):
    voices = generated_voices(
        np.zeros((500, 145), dtype=np.uint8), np.arange(500) % 2
    )  # of two kinds that are equally often real
    critic = Critic(voices[np.arange(real)], voices[np.arange(written)], seed=0)
    assert critic.realness(voices) == pytest.approx(np.zeros(500), abs=1e-6)


def test_the_label_counts():
    voices = toy_voices(120)
    real, written = (replace(voices, labels=np.full(120, label)) for label in (0, 2))
    critic = Critic(real, written, seed=0)
    assert (critic.realness(real) > 0).all()
    assert (critic.realness(written) < 0).all()


def test_a_label_it_has_not_met_is_taken(taught):
    voices = toy_voices(5)
    assert np.isfinite(taught.realness(replace(voices, labels=np.full(5, 7)))).all()


def test_the_same_voices_teach_the_same_critic(taught):
    voices = toy_voices(50, seed=4)
    again = Critic(toy_voices(200), junk(200, 1), seed=0)
    assert (again.realness(voices) == taught.realness(voices)).all()
    other = Critic(toy_voices(200), toy_voices(200, seed=1), seed=0)
    assert (other.realness(voices) != taught.realness(voices)).any()


def test_realness_is_the_same_each_time_and_in_any_company(taught):
    voices = toy_voices(300)
    odds = taught.realness(voices)
    assert odds.shape == (300,)
    assert (odds == taught.realness(voices)).all()
    some = np.array([299, 3, 150])
    assert (taught.realness(voices[some]) == odds[some]).all()


def test_of_no_voices_there_is_nothing_to_say(taught):
    assert taught.realness(toy_voices(4)[np.arange(0)]).shape == (0,)


def test_few_voices_are_enough_to_be_taught_with():
    critic = Critic(toy_voices(1), junk(1, 1), seed=0)
    assert critic.realness(toy_voices(3)) == pytest.approx(np.zeros(3))
