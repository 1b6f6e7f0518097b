"""Training of the GAN and sampling from it, with networks that train in seconds."""

import numpy as np
import pytest
import torch

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.training import train
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.voice.parameters import INDEX

LOW, HIGH, RARE, UNSEEN = range(4)
TINY = GanConfig(steps=12, batch_size=8, noise_size=8, width=4, threads=1)


def toy_voices(count=600):
    """Return voices whose label determines the coarse frequency and rates of operator 1: low, high or in between.

    Voices with algorithm 32 have feedback, and none of them is low.
    """
    random = np.random.default_rng(0)
    label_ids = random.choice(3, size=count, p=[0.48, 0.48, 0.04])
    voices = np.tile(INIT_VOICE, (count, 1))
    voices[:, INDEX["op1_coarse"]] = np.array([1, 31, 15])[label_ids]
    for rate in ("op1_eg_rate_1", "op1_eg_rate_2", "op1_eg_rate_3"):
        voices[:, INDEX[rate]] = np.array([10, 90, 50])[label_ids] + random.integers(-9, 10, count)
    voices[:, INDEX["lfo_speed"]] = random.integers(0, 100, count)
    voices[:, INDEX["algorithm"]] = np.where(
        label_ids == LOW, random.choice([0, 4], size=count), random.choice([4, 31], size=count)
    )
    voices[:, INDEX["feedback"]] = np.where(voices[:, INDEX["algorithm"]] == 31, 7, 0)
    return voices, label_ids.astype(np.int64)


def fit(config=TINY, **options):
    return train(*toy_voices(), 4, config, **options)[0]


def same_weights(one, other):
    ours, theirs = one.generator.state_dict(), other.generator.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def voices_of(gan, label, count=50, seed=0):
    return gan.sample(np.full(count, label), seed)


@pytest.fixture(scope="module")
def trained():
    return fit(TINY.replace(steps=400, batch_size=32, width=12, noise_size=16, ema_decay=0.99))


def test_training_is_reproducible():
    one = fit()
    assert same_weights(one, fit())
    assert not same_weights(one, fit(TINY.replace(seed=1)))


def test_training_reports_every_step():
    reports = []
    fit(report=lambda *at: reports.append(at))
    assert reports == [("training", step, 12) for step in range(1, 13)]


def test_training_and_sampling_leave_torch_as_it_was():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    voices_of(fit(), LOW, 3)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_diverging_run_raises():
    with pytest.raises(FloatingPointError, match="diverged in step"):
        fit(TINY.replace(steps=50, generator_learning_rate=1e30, discriminator_learning_rate=1e30))


def test_voices_follow_their_label(trained):
    rates = [voices_of(trained, label)[:, INDEX["op1_eg_rate_1"]] for label in (LOW, HIGH, RARE)]
    assert (rates[LOW] < 35).mean() > 0.9
    assert (rates[HIGH] > 65).mean() > 0.9
    assert np.median(rates[LOW]) < np.median(rates[RARE]) < np.median(rates[HIGH])


def test_voices_are_in_the_order_of_their_labels(trained):
    labels = np.arange(60) % 2
    high = trained.sample(labels, 0)[:, INDEX["op1_eg_rate_1"]] > 50
    assert (high == (labels == HIGH)).mean() > 0.9


def test_algorithms_are_drawn_by_their_frequency_in_the_label_and_voices_follow_them(trained):
    low, high, unseen = (voices_of(trained, label, 200) for label in (LOW, HIGH, UNSEEN))
    algorithms = [voices[:, INDEX["algorithm"]] for voices in (low, high, unseen)]
    assert [set(own) for own in algorithms] == [{0, 4}, {4, 31}, {0, 4, 31}]
    assert 0.35 < (algorithms[0] == 4).mean() < 0.65
    feedback = high[:, INDEX["feedback"]]
    assert (feedback[algorithms[1] == 31] == 7).mean() > 0.9
    assert (feedback[algorithms[1] == 4] == 0).mean() > 0.9


def test_voices_are_legal_distinct_and_audible(trained):
    voices = trained.sample(np.arange(200) % 3, 0)
    assert (voices <= MAXIMA).all()
    assert len(np.unique(voices, axis=0)) == 200
    assert not is_inaudible(voices).any()


def test_rejected_voices_are_drawn_again(trained, monkeypatch):
    plain = voices_of(trained, LOW)
    rejected = {voice.tobytes() for voice in plain[::2]}
    monkeypatch.setattr(
        "deepdx_core.gan.sampling.is_inaudible", lambda voices: np.array([v.tobytes() in rejected for v in voices])
    )
    others = voices_of(trained, LOW)
    assert (others[1::2] == plain[1::2]).all()
    assert not rejected & {voice.tobytes() for voice in others}


def test_voices_depend_on_the_seed(trained):
    assert (voices_of(trained, HIGH, seed=3) == voices_of(trained, HIGH, seed=3)).all()
    assert (voices_of(trained, HIGH, seed=3) != voices_of(trained, HIGH, seed=4)).any()


def test_a_sample_may_be_empty(trained):
    assert voices_of(trained, LOW, 0).shape == (0, 145)


def test_a_generator_of_duplicates_raises_after_some_attempts():
    gan = fit()
    with torch.no_grad():
        for tensor in gan.generator.parameters():
            tensor.zero_()
    with pytest.raises(ValueError, match="only silent or duplicate voices"):
        voices_of(gan, LOW, 40)


def test_settings_survive_json():
    config = GanConfig(seed=7, label_weight=0.0, width=8)
    assert GanConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    "text", ['{"step": 3}', "[]", '{"steps": 0}', '{"steps": "3"}', '{"ema_decay": 1}', '{"label_weight": NaN}', "{"]
)
def test_invalid_settings_are_refused(text):
    with pytest.raises(ValueError):
        GanConfig.from_json(text)


@pytest.mark.parametrize("label_ids", [[0, 1, 3], [0, -1, 0], [0, 1]])
def test_labels_that_do_not_match_the_voices_are_refused(label_ids):
    with pytest.raises(ValueError, match="label"):
        train(np.tile(INIT_VOICE, (3, 1)), np.array(label_ids), 3, TINY)
