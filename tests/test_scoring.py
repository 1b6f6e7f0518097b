"""What the critic says of every valid sound, and that it is asked only about what it was not asked before."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from conftest import random_voices
from polars.testing import assert_frame_equal

from deepdx_core.generation.scoring import score_corpus
from deepdx_core.tables.generator import Realness
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES

ONE, OTHER = "0" * 16, "f" * 16
IDS = [letter * 20 for letter in "fedcba"]
NOTHING = Realness.create_empty()


class Critic:
    """Says how often the operators turn, and adds the label; remembers which voices it was asked about."""

    def __init__(self, shift=0.0):
        self.shift, self.asked = shift, []

    def realness(self, voices):
        assert voices.parameters.dtype == np.uint8
        assert voices.parameters.shape[1] == 145
        self.asked.append(len(voices))
        return voices.parameters[:, INDEX["op1_coarse"]] + 100.0 * voices.labels + self.shift


def model(critic):
    return SimpleNamespace(labels=("low", "high"), critic=critic)


@pytest.fixture
def sounds():
    parameters, _ = random_voices(6)
    parameters[:, INDEX["op1_coarse"]] = np.arange(6)
    return pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(sound_id=pl.Series(IDS))


@pytest.fixture
def labeled():
    return pl.DataFrame({"sound_id": IDS[:5], "label": ["low", "high", "low", "high", "elsewhere"]})


@pytest.fixture
def splits():
    return pl.DataFrame({"sound_id": IDS[:3], "split": ["train", "test", "withheld"]})


def test_each_sound_is_judged_with_its_label(sounds, labeled, splits):
    rows = score_corpus(model(Critic()), ONE, sounds, labeled, splits, NOTHING)
    Realness.validate(rows)
    assert rows.columns == Realness.column_names()
    # By their ids; the last sound has no label, and the one before it a label that the model does not know.
    assert rows["sound_id"].to_list() == sorted(IDS[:4])
    assert rows["realness"].to_list() == [103, 2, 101, 0]
    assert rows["label"].to_list() == ["high", "low", "high", "low"]
    assert rows["learnt"].to_list() == [False, False, False, True]
    assert rows["model_id"].unique().to_list() == [ONE]


def test_what_is_known_is_not_asked_again(sounds, labeled, splits):
    critic = Critic()
    known = score_corpus(model(critic), ONE, sounds, labeled.head(2), splits, NOTHING)
    cold = score_corpus(model(Critic()), ONE, sounds, labeled, splits, NOTHING)
    assert_frame_equal(score_corpus(model(critic), ONE, sounds, labeled, splits, known), cold)
    assert_frame_equal(score_corpus(model(critic), ONE, sounds, labeled, splits, cold), cold)
    assert critic.asked == [2, 2, 0]


def test_another_model_is_asked_about_everything(sounds, labeled, splits):
    known = score_corpus(model(Critic()), ONE, sounds, labeled, splits, NOTHING)
    critic = Critic(shift=7)
    rows = score_corpus(model(critic), OTHER, sounds, labeled, splits, known)
    assert critic.asked == [4]
    assert (rows["realness"] == known["realness"] + 7).all()
    assert rows["model_id"].unique().to_list() == [OTHER]


def test_another_label_is_another_question(sounds, labeled, splits):
    known = score_corpus(model(Critic()), ONE, sounds, labeled, splits, NOTHING)
    critic = Critic()
    changed = labeled.with_columns(label=pl.when(sound_id=IDS[0]).then(pl.lit("high")).otherwise("label"))
    rows = score_corpus(model(critic), ONE, sounds, changed, splits, known)
    assert critic.asked == [1]
    assert rows["realness"].to_list() == [103, 2, 101, 100]


def test_what_was_learnt_from_is_told_anew(sounds, labeled, splits):
    known = score_corpus(model(Critic()), ONE, sounds, labeled, splits, NOTHING)
    moved = splits.with_columns(split=pl.lit("train"))
    assert score_corpus(model(Critic()), ONE, sounds, labeled, moved, known)["learnt"].sum() == 3


def test_what_is_gone_is_forgotten(sounds, labeled, splits):
    known = score_corpus(model(Critic()), ONE, sounds, labeled, splits, NOTHING)
    assert len(score_corpus(model(Critic()), ONE, sounds.head(2), labeled, splits, known)) == 2
    nothing = score_corpus(model(Critic()), ONE, sounds, labeled.head(0), splits, known)
    assert nothing.is_empty()
    Realness.validate(nothing)
