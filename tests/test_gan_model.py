"""Training, storing and asking a model, with networks small enough to learn while one waits."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.curation.audibility import inaudible
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.model import ModelError, load_model, save_model
from deepdx_core.gan.sampling import sample
from deepdx_core.gan.training import CHECKPOINT, train
from deepdx_core.voice.parameters import INDEX

LABELS = ("Low", "High", "Rare")
TINY = GanConfig(steps=12, batch_size=8, noise_size=8, width=4, checkpoint_every=5, threads=1)


def toy_voices(count=600):
    """Voices whose label can be read off operator 1: low, high or middling coarse frequency and rates."""
    random = np.random.default_rng(0)
    label_ids = random.choice(3, size=count, p=[0.48, 0.48, 0.04])
    voices = np.tile(INIT_VOICE, (count, 1))
    voices[:, INDEX["op1_coarse"]] = np.array([1, 31, 15])[label_ids]
    for rate in ("op1_eg_rate_1", "op1_eg_rate_2", "op1_eg_rate_3"):
        voices[:, INDEX[rate]] = np.array([10, 90, 50])[label_ids] + random.integers(-9, 10, count)
    voices[:, INDEX["lfo_speed"]] = random.integers(0, 100, count)
    voices[:, INDEX["algorithm"]] = random.choice([0, 4, 31], size=count)
    voices[:, INDEX["feedback"]] = np.where(voices[:, INDEX["algorithm"]] == 31, 7, 0)
    return voices, label_ids.astype(np.int64)


def fit(folder, config=TINY, progress=lambda _: None):
    return train(*toy_voices(), LABELS, config, folder, progress)


def weights(result):
    return {name: tensor.clone() for name, tensor in result.model.generator.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    config = replace(TINY, steps=400, batch_size=32, width=12, noise_size=16, ema_decay=0.99, checkpoint_every=1000)
    return fit(tmp_path_factory.mktemp("learnt"), config).model


@pytest.fixture
def stored(tmp_path, learnt):
    save_model(tmp_path, learnt)
    return tmp_path


def test_training_is_reproducible(tmp_path):
    one, other = fit(tmp_path / "one"), fit(tmp_path / "other")
    assert same(weights(one), weights(other))
    assert (one.history == other.history).all()
    assert not same(weights(one), weights(fit(tmp_path / "third", replace(TINY, seed=1))))


def test_training_leaves_torch_as_it_was(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    fit(tmp_path)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_run_that_diverges_says_so(tmp_path):
    with pytest.raises(FloatingPointError, match="diverged in step"):
        fit(tmp_path, replace(TINY, steps=50, generator_learning_rate=1e30, discriminator_learning_rate=1e30))


class KilledError(Exception):
    """What stands for a run that dies at once."""


def die_at(step, error):
    def progress(done):
        if done.step == step:
            raise error

    return progress


@pytest.mark.parametrize(("error", "kept"), [(KilledError(), 5), (KeyboardInterrupt(), 8)])
def test_a_run_that_was_cut_off_ends_as_an_unbroken_one(tmp_path, error, kept):
    unbroken = fit(tmp_path / "unbroken")
    with pytest.raises(type(error)):
        fit(tmp_path / "broken", progress=die_at(8, error))
    steps = []
    resumed = fit(tmp_path / "broken", progress=lambda done: steps.append(done.step))
    assert steps[0] == kept + 1
    assert same(weights(unbroken), weights(resumed))
    assert (unbroken.history == resumed.history).all()


def test_ctrl_c_finishes_the_step_and_keeps_it(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, progress=lambda done: os.kill(os.getpid(), signal.SIGINT) if done.step == 3 else None)
    steps = []
    fit(tmp_path, progress=lambda done: steps.append(done.step))
    assert steps[0] == 4


@pytest.mark.parametrize("change", ["settings", "data", "damage"])
def test_a_checkpoint_of_another_run_is_not_taken_up(tmp_path, change):
    voices, label_ids = toy_voices()
    with pytest.raises(KilledError):
        fit(tmp_path, progress=die_at(8, KilledError()))
    config = replace(TINY, label_weight=0.5) if change == "settings" else TINY
    if change == "data":
        voices[0, 0] = 0
    if change == "damage":
        (tmp_path / CHECKPOINT).write_bytes((tmp_path / CHECKPOINT).read_bytes()[:100])
    steps = []
    train(voices, label_ids, LABELS, config, tmp_path, lambda done: steps.append(done.step))
    assert steps[0] == 1


def test_labels_and_algorithms_are_obeyed(learnt):
    low, high, rare = (sample(learnt, 50, seed=0, label=label).parameters for label in LABELS)
    rates = [voices[:, INDEX["op1_eg_rate_1"]] for voices in (low, high, rare)]
    assert (rates[0] < 35).mean() > 0.9
    assert (rates[1] > 65).mean() > 0.9
    assert np.median(rates[0]) < np.median(rates[2]) < np.median(rates[1])
    with_feedback = sample(learnt, 50, seed=0, algorithm=32).parameters
    without = sample(learnt, 50, seed=0, label="High", algorithm=5).parameters
    assert (with_feedback[:, INDEX["algorithm"]] == 31).all()
    assert (without[:, INDEX["algorithm"]] == 4).all()
    assert (with_feedback[:, INDEX["feedback"]] == 7).mean() > 0.9
    assert (without[:, INDEX["feedback"]] == 0).mean() > 0.9


def test_conditions_nobody_asked_for_come_as_in_training(learnt):
    voices = sample(learnt, 300, seed=0)
    assert set(np.unique(voices.parameters[:, INDEX["algorithm"]])) == {0, 4, 31}
    assert 0.35 < (voices.label_ids == 0).mean() < 0.6
    assert 0 < (voices.label_ids == 2).mean() < 0.12


def test_a_pair_never_seen_can_be_asked_for(learnt):
    voices = sample(learnt, 5, seed=0, label="Low", algorithm=17)
    assert (voices.parameters[:, INDEX["algorithm"]] == 16).all()
    assert (voices.label_ids == 0).all()


def test_voices_are_legal_different_and_audible(learnt):
    voices = sample(learnt, 200, seed=0).parameters
    assert (voices <= MAXIMA).all()
    assert len(np.unique(voices, axis=0)) == 200
    assert not inaudible(voices).any()


def test_a_voice_depends_on_its_seed_and_not_on_how_many_are_asked_for(learnt):
    few, many = sample(learnt, 5, seed=3), sample(learnt, 70, seed=3)
    assert (few.parameters == many.parameters[:5]).all()
    assert (few.label_ids == many.label_ids[:5]).all()
    assert (sample(learnt, 5, seed=4).parameters != few.parameters).any()


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"label": "Spoons"}, "'Spoons'.*Low, High, Rare"),
        ({"algorithm": 0}, "1 to 32"),
        ({"algorithm": 33}, "1 to 32"),
        ({"count": 0}, "at least 1"),
    ],
)
def test_an_impossible_wish_is_refused(learnt, wish, reason):
    with pytest.raises(ValueError, match=reason):
        sample(learnt, **{"count": 4, "seed": 0, **wish})


def test_a_model_that_repeats_itself_is_refused_rather_than_waited_for(learnt, stored):
    model = load_model(stored)
    with torch.no_grad():
        for tensor in model.generator.parameters():
            tensor.zero_()
    with pytest.raises(ValueError, match="repetitions"):
        sample(model, 40, seed=0, algorithm=1)


def test_a_stored_model_gives_the_same_voices(learnt, stored):
    model = load_model(stored)
    assert model.config == learnt.config
    assert model.labels == learnt.labels
    assert model.summary == learnt.summary
    assert (sample(model, 40, seed=1).parameters == sample(learnt, 40, seed=1).parameters).all()


def description_with(**changes):
    def change(folder):
        path = folder / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "model.json").unlink(), "model.json: No such file"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors: not readable"),
        (lambda folder: (folder / "model.json").write_text("{"), "model.json: not the description"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"12345678901"), "model.safetensors: not readable"),
        (description_with(format=99), "format 99"),
        (description_with(labels=["A", "A", "B"]), "different strings"),
        (description_with(labels=["A", "B"]), "pair_counts"),
        (description_with(pair_counts=[[0] * 32] * 3), "all 0"),
        (description_with(config={"wings": 2}), "unknown settings wings"),
        (description_with(config={}), "does not hold the network"),
    ],
)
def test_a_damaged_model_is_refused(stored, damage, reason):
    damage(stored)
    with pytest.raises(ModelError, match=reason):
        load_model(stored)


def test_weights_of_another_model_are_refused(stored, learnt):
    save_model(stored / "other", replace(learnt, summary=replace(learnt.summary, fingerprint="other")))
    (stored / "other" / "model.safetensors").replace(stored / "model.safetensors")
    with pytest.raises(ModelError, match="belongs to another"):
        load_model(stored)


def test_settings_survive_json():
    config = GanConfig(seed=7, label_weight=0.0, width=8)
    assert GanConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    "text", ['{"step": 3}', "[]", '{"steps": 0}', '{"steps": "3"}', '{"ema_decay": 1}', '{"label_weight": NaN}', "{"]
)
def test_settings_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError):
        GanConfig.from_json(text)


@pytest.mark.parametrize("label_ids", [[0, 1, 3], [0, -1, 0], [0, 1]])
def test_labels_that_do_not_fit_the_voices_are_refused(tmp_path, label_ids):
    with pytest.raises(ValueError, match="label"):
        train(np.tile(INIT_VOICE, (3, 1)), np.array(label_ids), LABELS, TINY, tmp_path, lambda _: None)
