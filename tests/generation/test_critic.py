"""The critic: it distinguishes real voices from others, with the results of scikit-learn bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from deepdx_core.dataset.arrays import generated_voices
from deepdx_core.evaluation.metrics.c2st import area
from deepdx_core.generation.critic import fit_critic
from deepdx_core.progress import silent
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.sound.feature_bytes import FEATURE_BYTES, feature_bytes
from deepdx_core.tables.audio import AudioFeatures
from tests.support.toy_models import toy_voices
from tests.support.voices import init_voice, random_voices

NOT_FEATURES = {*("sound_id", "note", "velocity", "renderer", "sample_rate", "held_seconds", "after_seconds")}


def junk(count, seed):
    return generated_voices(random_voices(count, seed)[0], np.random.default_rng(seed).integers(0, 3, count))


def roc_area(critic, real, other):
    """The area under the critic's ROC curve."""
    scores = np.concatenate([critic.realness(real), critic.realness(other)])
    return area(scores, np.arange(len(scores)) < len(real), np.arange(len(scores)))[0]


@pytest.fixture(scope="module")
def trained():
    return fit_critic(toy_voices(200), junk(200, 1), seed=0)


def test_real_voices_are_distinguished_from_random_ones(trained):
    real, random = toy_voices(60, seed=2), junk(60, 3)
    assert roc_area(trained, real, random) > 0.95
    assert trained.realness(real).dtype == np.float64
    assert (trained.realness(real) > 0).mean() > 0.85
    assert (trained.realness(random) < 0).mean() > 0.85


def test_voices_of_the_same_distribution_are_not_distinguished():
    critic = fit_critic(toy_voices(160), toy_voices(160, seed=1), seed=0)
    assert 0.35 < roc_area(critic, toy_voices(200, seed=2), toy_voices(200, seed=3)) < 0.65


@pytest.mark.parametrize(("real", "written"), [(400, 100), (100, 400)])
def test_both_classes_have_the_same_weight_whatever_their_sizes(real, written):
    # Two voices, equally often real.
    voices = generated_voices(np.zeros((500, 145), dtype=np.uint8), np.arange(500) % 2)
    critic = fit_critic(voices[np.arange(real)], voices[np.arange(written)], seed=0)
    assert critic.realness(voices) == pytest.approx(np.zeros(500), abs=1e-6)


def test_realness_depends_on_the_label():
    voices = toy_voices(120)
    real, written = (replace(voices, labels=np.full(120, label)) for label in (0, 2))
    critic = fit_critic(real, written, seed=0)
    assert (critic.realness(real) > 0).all()
    assert (critic.realness(written) < 0).all()


def test_an_unknown_label_is_accepted(trained):
    voices = toy_voices(5)
    assert np.isfinite(trained.realness(replace(voices, labels=np.full(5, 7)))).all()


def test_fitting_is_reproducible(trained):
    voices = toy_voices(50, seed=4)
    again = fit_critic(toy_voices(200), junk(200, 1), seed=0)
    assert (again.realness(voices) == trained.realness(voices)).all()
    other = fit_critic(toy_voices(200), toy_voices(200, seed=1), seed=0)
    assert (other.realness(voices) != trained.realness(voices)).any()


def sklearn_realness(real, written, seed):
    """The log-odds of scikit-learn's own estimator, as a function of voices."""
    columns = [np.column_stack([voices.parameters, voices.labels]) for voices in (real, written)]
    is_real = np.repeat([True, False], [len(real), len(written)])
    trees = HistGradientBoostingClassifier(
        categorical_features=[145], max_iter=300, early_stopping=False, random_state=seed
    )
    with threadpool_limits(1, "openmp"):
        trees.fit(np.concatenate(columns), is_real, sample_weight=np.where(is_real, len(written) / len(real), 1.0))
    return lambda voices: trees.decision_function(np.column_stack([voices.parameters, voices.labels]))


@pytest.mark.parametrize("labels", [1, 3, 40, 255])
def test_realness_is_that_of_scikit_learn_to_the_last_bit(labels):
    def relabeled(voices, seed, count):
        random = np.random.default_rng(seed)
        own = np.where(random.random(len(voices)) < 0.5, voices.parameters[:, 7], random.integers(0, 256, len(voices)))
        return replace(voices, labels=own * 7 % count)

    real, written = relabeled(toy_voices(700), 1, labels), relabeled(toy_voices(300, seed=1), 2, max(labels - 5, 1))
    expected, critic = sklearn_realness(real, written, 4), fit_critic(real, written, 4)
    for voices in (real, written, relabeled(junk(2000, 5), 3, 256)):
        assert (critic.realness(voices) == expected(voices)).all()
    (by_label,) = np.nonzero((critic.trees.columns == 0).any(axis=1) & (critic.trees.sent_right != 0).any(axis=(1, 2)))
    assert len(by_label) > 0 or labels == 1


def test_realness_does_not_depend_on_other_voices(trained):
    voices = toy_voices(300)
    odds = trained.realness(voices)
    assert odds.shape == (300,)
    assert (odds == trained.realness(voices)).all()
    some = np.array([299, 3, 150])
    assert (trained.realness(voices[some]) == odds[some]).all()


def test_no_voices_have_no_scores(trained):
    assert trained.realness(toy_voices(4)[np.arange(0)]).shape == (0,)


def test_two_voices_are_enough_for_training():
    critic = fit_critic(toy_voices(1), junk(1, 1), seed=0)
    assert critic.realness(toy_voices(3)) == pytest.approx(np.zeros(3))


def test_a_critic_by_ear_hears_what_parameters_do_not_show():
    voices = toy_voices(200)
    random = np.random.default_rng(0)
    bright, dull = (random.integers(low, low + 100, (200, FEATURE_BYTES)).astype(np.uint8) for low in (0, 120))
    critic = fit_critic(voices, voices, 0, (bright, dull))
    assert critic.by_ear
    assert (critic.realness(voices, bright) > 2).all() and (critic.realness(voices, dull) < -2).all()
    with pytest.raises(ValueError, match="needs the sound"):
        critic.realness(voices)
    deaf = fit_critic(voices, junk(200, 1), seed=0)
    with pytest.raises(ValueError, match="needs the sound"):
        deaf.realness(voices, bright)


def test_audio_features_as_bytes_follow_the_features():
    loud, soft = init_voice(), init_voice(op1_output_level=80)
    silent_voice = init_voice(op1_output_level=0)
    parameters = np.stack([loud, soft, silent_voice, loud])
    audio = compute_voice_features(parameters, AudioFeatures.create_empty(), silent)
    sound = feature_bytes(parameters, audio)
    assert sound.shape == (4, FEATURE_BYTES) and sound.dtype == np.uint8
    assert (sound[0] == sound[3]).all()
    assert (feature_bytes(parameters[[1]], audio) == sound[[1]]).all()
    assert (sound[2] == 255).any() and (sound[0] != sound[1]).any()
    # A step of a level byte is half a decibel: 19 steps of output level, of 0.75 dB each.
    columns = [name for name in AudioFeatures.column_names() if name not in NOT_FEATURES]
    peaks = sound[:, columns.index("peak_db") :: len(columns)].astype(int)
    assert (abs(peaks[0] - peaks[1] - 2 * 19 * 0.7526) <= 2).all()


def test_no_voices_have_no_audio_features():
    assert feature_bytes(toy_voices(2).parameters[:0], AudioFeatures.create_empty()).shape == (0, FEATURE_BYTES)


def test_calibration_moves_odds_and_keeps_their_order():
    real, written = toy_voices(240), generated_voices(random_voices(240)[0], np.zeros(240, dtype=np.int64))
    critic = fit_critic(real, written, 0)
    random = np.random.default_rng(0)  # scores that hardly tell the two apart: the odds are too sure
    calibrated = critic.calibrated(random.normal(1.0, 3.0, 300), random.normal(0.5, 3.0, 300))
    both = generated_voices(np.concatenate([real.parameters, written.parameters]), np.zeros(480, dtype=np.int64))
    before, after = critic.realness(both), calibrated.realness(both)
    assert after.std() < 0.3 * before.std()
    slope, offset = np.polyfit(before, after, 1)
    assert np.allclose(after, slope * before + offset)


def test_few_voices_calibrate_nothing():
    critic = fit_critic(toy_voices(40), generated_voices(random_voices(40)[0], np.zeros(40, dtype=np.int64)), 0)
    assert critic.calibrated(np.zeros(199), np.ones(500)) is critic
