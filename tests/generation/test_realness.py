"""Realness of the corpus: every valid sound is scored, and only once."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.generation.realness import score_corpus
from deepdx_core.progress import silent
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.sound.feature_bytes import FEATURE_BYTES
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.generator import Realness
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from tests.support.voices import random_voices

ONE, OTHER = "0" * 16, "f" * 16
PARAMETERS, _ = random_voices(5)
PARAMETERS[:, INDEX["op1_coarse"]] = np.arange(5)
IDS = sound_ids(PARAMETERS)
NOTHING = Realness.create_empty()


class Critic:
    """Scores voices by operator 1's coarse frequency and label, and counts the voices of each call."""

    def __init__(self, shift=0.0):
        self.shift, self.counts = shift, []

    def realness(self, voices):
        assert voices.parameters.dtype == np.uint8
        assert voices.parameters.shape[1] == 145
        self.counts.append(len(voices))
        return voices.parameters[:, INDEX["op1_coarse"]] + 100.0 * voices.labels + self.shift


def model(critic, learned=1, by_ear=None):
    """A model trained on the first `learned` sounds."""
    voices = SimpleNamespace(parameters=PARAMETERS[:learned])
    return SimpleNamespace(labels=("low", "high"), critic=critic, critic_by_ear=by_ear, voices=voices)


def values(rows, column):
    """Values of a column for the first sounds, in their order."""
    by_id = dict(rows.select("sound_id", column).iter_rows())
    return [by_id[sound_id] for sound_id in IDS[: len(rows)]]


@pytest.fixture
def voices():
    """Rows of `training_set`; the last label is unknown to the model."""
    labels = pl.Series(["low", "high", "low", "high", "elsewhere"])
    return pl.DataFrame(PARAMETERS[:5], schema=list(PARAMETER_NAMES)).with_columns(
        sound_id=pl.Series(IDS[:5]), label=labels
    )


def test_each_sound_is_scored_with_its_label(voices):
    rows = score_corpus(model(Critic()), ONE, voices, NOTHING)
    Realness.validate(rows)
    assert rows.columns == Realness.column_names()
    assert rows["sound_id"].to_list() == sorted(IDS[:4])
    assert values(rows, "realness") == [0, 101, 2, 103]
    assert values(rows, "label") == ["low", "high", "low", "high"]
    assert values(rows, "learned") == [True, False, False, False]
    assert rows["model_id"].unique().to_list() == [ONE]


def test_known_scores_are_not_computed_again(voices):
    critic = Critic()
    known = score_corpus(model(critic), ONE, voices.head(2), NOTHING)
    cold = score_corpus(model(Critic()), ONE, voices, NOTHING)
    assert_frame_equal(score_corpus(model(critic), ONE, voices, known), cold)
    assert_frame_equal(score_corpus(model(critic), ONE, voices, cold), cold)
    assert critic.counts == [2, 2, 0]


def test_another_model_scores_everything(voices):
    known = score_corpus(model(Critic()), ONE, voices, NOTHING)
    critic = Critic(shift=7)
    rows = score_corpus(model(critic), OTHER, voices, known)
    assert critic.counts == [4]
    assert (rows["realness"] == known["realness"] + 7).all()
    assert rows["model_id"].unique().to_list() == [OTHER]


def test_another_label_is_scored_again(voices):
    known = score_corpus(model(Critic()), ONE, voices, NOTHING)
    critic = Critic()
    changed = voices.with_columns(label=pl.when(sound_id=IDS[0]).then(pl.lit("high")).otherwise("label"))
    rows = score_corpus(model(critic), ONE, changed, known)
    assert critic.counts == [1]
    assert values(rows, "realness") == [100, 101, 2, 103]


def test_learned_sounds_are_those_of_the_model_now(voices):
    known = score_corpus(model(Critic()), ONE, voices, NOTHING)
    assert values(score_corpus(model(Critic(), learned=3), ONE, voices, known), "learned") == [True] * 3 + [False]


def test_removed_sounds_are_dropped(voices):
    known = score_corpus(model(Critic()), ONE, voices, NOTHING)
    assert len(score_corpus(model(Critic()), ONE, voices.head(2), known)) == 2
    nothing = score_corpus(model(Critic()), ONE, voices.head(0), known)
    assert nothing.is_empty()
    Realness.validate(nothing)


def test_sounds_are_scored_by_ear_if_all_of_them_were_rendered(voices):
    class ByEar(Critic):
        def realness(self, voices, sound):
            assert sound.shape == (len(voices), FEATURE_BYTES)
            return super().realness(voices)

    audio = compute_voice_features(PARAMETERS, AudioFeatures.create_empty(), silent)
    known_voices = voices.filter(pl.col("label") != "elsewhere")
    one = model(Critic(), by_ear=ByEar(shift=7))
    unheard = score_corpus(one, ONE, voices, NOTHING)
    rows = score_corpus(one, ONE, voices, unheard, audio)
    Realness.validate(rows)
    assert rows["by_ear"].all() and not unheard["by_ear"].any()
    assert ((rows["realness"] - unheard["realness"]) == 7).all()
    assert one.critic_by_ear.counts == [len(known_voices)]
    # One sound without audio, and all are scored without.
    some = audio.filter(pl.col("sound_id") != known_voices["sound_id"].sort()[0])
    assert not score_corpus(one, ONE, voices, rows, some)["by_ear"].any()
    assert not score_corpus(model(Critic()), ONE, voices, rows, audio)["by_ear"].any()
