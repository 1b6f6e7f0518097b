"""GANs as models: trained, stored, loaded and sampled like writers."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from deepdx_core.gan.history import HISTORY
from deepdx_core.generation.model import WEIGHTS, load_model, save_model
from deepdx_core.generation.model_card import MODEL_CARD, ModelError
from deepdx_core.generation.model_readme import describe_model
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.sampling import sample
from deepdx_core.generation.training import model_fingerprint
from deepdx_core.generation.voice_model import GanModel
from deepdx_core.voice.parameters import INDEX
from tests.support.toy_models import LABELS, TINY, blank_model, fit, toy_splits, toy_voices, trained_gan

FREE = SamplingRequest(avoid_copies=False)


@pytest.fixture
def stored(tmp_path):
    save_model(tmp_path, trained_gan())
    return tmp_path


def test_training_gives_a_gan_with_critics_and_a_history():
    model = trained_gan()
    assert isinstance(model, GanModel)
    assert model.kind == "gan"
    assert (model.labels, model.summary.steps, model.summary.validation_loss) == (LABELS, 8, None)
    assert model.history.shape[1] == len(HISTORY)
    assert model.history[-1, 0] == 8
    assert 0.5 <= model.summary.validation_c2st <= 1
    assert model.critic_by_ear is not None
    assert 0 < len(model.written) <= 60


def test_the_same_settings_give_the_same_gan_and_others_another(tmp_path):
    config = trained_gan().config
    again, other = fit(tmp_path, config), fit(tmp_path, config.replace(seed=1))
    weights, same, others = (gan.gan.generator.layers[0].weight for gan in (trained_gan(), again, other))
    assert torch.equal(weights, same)
    assert not torch.equal(weights, others)
    assert (sample(again, 4, 1, FREE).parameters == sample(trained_gan(), 4, 1, FREE).parameters).all()
    splits = toy_splits()
    fingerprints = {model_fingerprint(splits, setting) for setting in (config, config.replace(seed=1), TINY)}
    assert len(fingerprints) == 3


def test_a_stored_gan_is_loaded_as_it_was(stored):
    loaded, model = load_model(stored), trained_gan()
    assert isinstance(loaded, GanModel)
    assert (loaded.config, loaded.summary, loaded.labels) == (model.config, model.summary, model.labels)
    np.testing.assert_array_equal(loaded.history, model.history)
    np.testing.assert_array_equal(loaded.gan.pair_counts, model.gan.pair_counts)
    assert not loaded.gan.generator.training
    for label in LABELS:
        request = replace(FREE, label=label)
        assert (sample(loaded, 6, 3, request).parameters == sample(model, 6, 3, request).parameters).all()


def test_values_are_fulfilled_and_the_temperature_matters():
    voices = sample(trained_gan(), 6, 1, replace(FREE, set={"algorithm": 6, "op2_coarse": 5})).parameters
    assert (voices[:, [INDEX["algorithm"], INDEX["op2_coarse"]]] == [6, 5]).all()
    cold = sample(trained_gan(), 6, 1, replace(FREE, temperature=0.05)).parameters
    hot = sample(trained_gan(), 6, 1, replace(FREE, temperature=5.0)).parameters
    assert (cold != hot).any()


@pytest.mark.parametrize(
    ("key", "request_"),
    [
        ("like", SamplingRequest(like=toy_voices(1).parameters[0])),
        ("parents", SamplingRequest(parents=toy_voices(3).parameters[:2])),
        ("between", SamplingRequest(between=tuple(toy_voices(3).parameters[:2]))),
        ("keep", SamplingRequest(keep=("op1",))),
        ("novelty", SamplingRequest(novelty=2.0)),
    ],
)
def test_a_gan_says_that_it_derives_from_no_voice(key, request_):
    with pytest.raises(ValueError, match=f"{key} needs a writer, and this model is a GAN"):
        sample(trained_gan(), 2, 1, request_)


def test_a_readme_says_what_the_model_is(stored, tmp_path):
    shown = (stored / "README.md").read_text()
    assert "Kind `gan`" in shown
    assert f"{len(trained_gan().voices):,} voices of the training split" in shown
    assert "states none" in shown
    assert "| steps | 8 |" in shown
    assert "bits a validation voice" not in shown
    save_model(tmp_path / "writer", blank_model())
    assert "| bits a validation voice, given its parent | 130.5 |" in (tmp_path / "writer" / "README.md").read_text()
    named = replace(trained_gan(), labels=("<b>", "x\n# y", "z"))
    assert "\n# y" not in describe_model(named)


def edit_weights(folder, change):
    """Change tensors, and name their new digest in the card, as whoever wants to harm the user would."""
    import hashlib

    path = folder / WEIGHTS
    tensors = load_file(path)
    fingerprint = json.loads((folder / MODEL_CARD).read_text())["summary"]["fingerprint"]
    change(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, {"fingerprint": fingerprint})
    from deepdx_core.generation.model_card import read_model_card, write_model_card

    card = read_model_card(folder)
    write_model_card(folder, card.model_copy(update={"weights": hashlib.sha256(path.read_bytes()).hexdigest()}))


CHANGES = {
    "pair counts of other labels": lambda tensors: tensors.update(pair_counts=torch.ones(7, 32, dtype=torch.int64)),
    "negative pair counts": lambda tensors: tensors["pair_counts"].neg_(),
    "no pair counts": lambda tensors: tensors.pop("pair_counts"),
    "a weight of nan": lambda tensors: tensors["generator/layers.0.weight"].fill_(float("nan")),
    "a huge weight": lambda tensors: tensors["generator/layers.0.weight"].fill_(1e30),
    "weights of another shape": lambda tensors: tensors.update({"generator/layers.0.weight": torch.zeros(1)}),
    "a history of other columns": lambda tensors: tensors.update(history=torch.zeros(1, 9, dtype=torch.float64)),
    "an unknown tensor": lambda tensors: tensors.update(extra=torch.zeros(1)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_damaged_weights_are_an_error_that_names_the_file(stored, change):
    edit_weights(stored, change)
    with pytest.raises(ModelError, match=WEIGHTS):
        load_model(stored)


@pytest.mark.parametrize(
    ("key", "value"),
    [("kind", "other"), ("kind", "writer"), ("format", 5), ("config", {"width": 10_000_000}), ("config", {"depth": 4})],
)
def test_a_card_that_does_not_fit_is_an_error(stored, key, value):
    from deepdx_core.generation import model_card

    path = stored / MODEL_CARD
    document = json.loads(path.read_text())
    document[key] = value
    document.pop("digest")
    document["digest"] = model_card._compute_digest(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ModelError, match=MODEL_CARD):
        load_model(stored)
