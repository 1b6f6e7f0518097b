"""The writer's network: what its logits depend on, incremental decoding, sampling, earlier versions."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from deepdx_core.codec.packing import require_legal
from deepdx_core.generation.model import load_model, save_model
from deepdx_core.voice.parameters import INDEX
from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.layout import LENGTH, OPERATOR, SIZES, SYMMETRIES, VALUES, from_sequence, to_sequence
from deepdx_core.writer.model import (
    Attention,
    IncrementalDecoder,
    Writer,
    bits_per_voice,
    upgrade_keys,
)
from deepdx_core.writer.sampling import write_voices
from tests.support.toy_models import blank_model, earlier_names, toy_voices
from tests.support.voices import random_voices

COUNT = 6


@pytest.fixture(scope="module")
def writer():
    torch.manual_seed(0)
    writer = Writer(3, WriterConfig(width=16, depth=2, heads=2, dropout=0.2))
    for parameter in writer.parameters():  # far from the initialization, where many weights are 0
        torch.nn.init.normal_(parameter, std=0.3)
    return writer.eval()


@pytest.fixture(scope="module")
def voices():
    return torch.from_numpy(to_sequence(random_voices(COUNT, seed=1)[0]))


@pytest.fixture(scope="module")
def conditions():
    parents = torch.from_numpy(to_sequence(random_voices(COUNT, seed=2)[0]))
    return Conditions(
        parents=parents,
        differing=torch.tensor([-1, 0, 5, 20, 145, -1]),
        labels=torch.tensor([0, 1, 2, 0, 1, 2]),
        parent_labels=torch.tensor([0, 2, 1, 1, 1, 2]),
        moved=torch.tensor([False, True, False, False, True, False]),
    )


def take(conditions, rows):
    return Conditions(*(condition[rows] for condition in conditions))


@torch.no_grad()
def logits(writer, voices, conditions):
    return writer(voices, conditions)


# Logits


@pytest.mark.parametrize("position", [0, 1, 5, 18, 19, 60, 143, 144])
def test_a_value_changes_only_the_logits_of_later_positions(writer, voices, conditions, position):
    other = voices.clone()
    other[:, position] = (other[:, position] + 1) % SIZES[position]
    before, after = logits(writer, voices, conditions), logits(writer, other, conditions)
    assert torch.equal(before[:, : position + 1], after[:, : position + 1])
    if position + 1 < LENGTH:
        assert (before[:, position + 1] != after[:, position + 1]).any(dim=1).all()


def test_later_positions_may_have_any_values(writer, voices, conditions):
    other = voices.clone()
    other[:, 70:] = 0
    assert torch.equal(logits(writer, voices, conditions)[:, :71], logits(writer, other, conditions)[:, :71])


def test_values_out_of_range_have_probability_0(writer, voices, conditions):
    probabilities = logits(writer, voices, conditions).double().softmax(dim=-1)
    out_of_range = torch.from_numpy(np.arange(VALUES) >= SIZES[:, None])
    assert (probabilities[:, out_of_range] == 0).all()
    assert (probabilities[:, ~out_of_range] > 0).all()
    assert torch.allclose(probabilities.sum(dim=-1), torch.ones(()).double())


def test_an_orphans_parent_has_no_influence(writer, voices, conditions):
    other = conditions._replace(
        parents=torch.from_numpy(to_sequence(random_voices(COUNT, seed=3)[0])),
        parent_labels=(conditions.parent_labels + 1) % 3,
    )
    orphan = conditions.differing < 0
    one, another = logits(writer, voices, conditions), logits(writer, voices, other)
    assert torch.equal(one[orphan], another[orphan])
    assert (one[~orphan] != another[~orphan]).any(dim=2).all()


@pytest.mark.parametrize("name", ["differing", "labels", "parent_labels", "moved"])
def test_every_condition_has_an_influence_from_the_first_position_on(writer, voices, conditions, name):
    with_parent = take(conditions, slice(1, 5))
    value = getattr(with_parent, name)
    other = ~value if name == "moved" else (value + 1) % (3 if "label" in name else 1000)
    one = logits(writer, voices[1:5], with_parent)
    another = logits(writer, voices[1:5], with_parent._replace(**{name: other}))
    # 145 differing parameters and 146 are the same.
    assert (one != another).any(dim=2).all(dim=1).tolist() == [True, True, True, name != "differing"]


def test_values_a_few_steps_from_the_parents_have_logits_of_their_own(voices, conditions):
    writer = Writer(3, WriterConfig(width=16, depth=1, heads=2, dropout=0))
    with torch.no_grad():
        for parameter in writer.parameters():
            parameter.zero_()
        writer.step.bias.copy_(torch.tensor([1.0, 2, 3, 4, 5, 6]))
    scores = logits(writer, voices, conditions)
    parents = conditions.parents
    for bias, step in enumerate((-3, -2, -1, 1, 2, 3), start=1):
        stepped = parents + step
        in_range = (stepped >= 0) & (stepped < torch.from_numpy(SIZES))
        of_step = scores.gather(-1, stepped.clamp(0, VALUES - 1)[..., None])[..., 0]
        assert (of_step[1:5][in_range[1:5]] == bias).all()
    allowed = torch.from_numpy(np.arange(VALUES) < SIZES[:, None])
    assert (scores[1:5].where(allowed, 0).count_nonzero(dim=-1) <= 6).all()
    assert not scores[[0, 5]].where(allowed, 0).any()  # without a parent


def test_the_remaining_differences_are_counted(writer, voices, conditions):
    """Two voices that are equal from some position on, but not in how much they differ from the parent before it."""
    one = take(conditions, [3])
    same = one.parents.clone()
    unlike = same.clone()
    unlike[:, 30] = (unlike[:, 30] + 1) % SIZES[30]
    counted = [
        logits(writer, voice, one._replace(differing=torch.tensor([differing])))[:, 100:]
        for voice, differing in ((same, 9), (unlike, 9), (unlike, 10))
    ]
    assert not torch.allclose(counted[0], counted[1])
    assert not torch.allclose(counted[1], counted[2])


def test_logits_do_not_depend_on_the_other_voices_of_a_batch(writer, voices, conditions):
    together = logits(writer, voices, conditions)
    for i in range(COUNT):
        alone = logits(writer, voices[i : i + 1], take(conditions, slice(i, i + 1)))
        assert torch.allclose(alone[0], together[i], rtol=0, atol=1e-4)


def test_bits_are_the_negative_log_likelihood(writer, voices, conditions):
    log_probabilities = logits(writer, voices, conditions).double().log_softmax(dim=-1)
    expected = -log_probabilities.gather(-1, voices[..., None]).sum(dim=(1, 2)) / np.log(2)
    with torch.no_grad():
        assert torch.allclose(bits_per_voice(writer, voices, conditions).double(), expected, rtol=1e-5)


def test_dropout_is_active_in_training_only(writer, voices, conditions):
    assert torch.equal(logits(writer, voices, conditions), logits(writer, voices, conditions))
    writer.train()
    try:
        torch.manual_seed(0)
        assert not torch.equal(logits(writer, voices, conditions), logits(writer, voices, conditions))
    finally:
        writer.eval()


# Incremental decoding and sampling


def test_incremental_decoding_has_the_logits_of_the_whole_sequence(writer, voices, conditions):
    whole = logits(writer, voices, conditions)
    with torch.no_grad():
        decoder = IncrementalDecoder(writer, conditions)
        for position in range(LENGTH):
            found = decoder.logits()
            in_range = torch.arange(VALUES) < SIZES[position]
            assert torch.allclose(found[:, in_range], whole[:, position, in_range], rtol=0, atol=1e-4)
            decoder.append(voices[:, position])
    assert torch.equal(decoder.voices, voices)


def test_the_kv_cache_is_on_the_device_of_the_weights():
    kv_cache = Attention(16, 2, 1).to("meta").empty_kv_cache(2)
    assert {tensor.device.type for tensor in kv_cache} == {"meta"}


def toy_conditions(count):
    toys = toy_voices(count)
    labels = torch.from_numpy(toys.labels)
    return Conditions(
        torch.from_numpy(to_sequence(toys.parameters)),
        torch.arange(count) % 30 - 1,
        labels,
        labels.flip(0),
        torch.zeros(count, dtype=torch.bool),
    )


@pytest.mark.slow
def test_written_voices_are_legal_and_depend_on_the_seed_alone(writer):
    conditions = toy_conditions(260)  # more than a batch
    voices = [write_voices(writer, conditions, np.random.default_rng(seed)) for seed in (0, 0)]
    assert voices[0].shape == (260, LENGTH)
    require_legal(from_sequence(voices[0].numpy()))
    assert torch.equal(voices[0], voices[1])
    other = write_voices(writer, take(conditions, slice(5)), np.random.default_rng(1))
    assert (voices[0][:5] != other).any(dim=1).all()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    write_voices(writer, take(conditions, slice(2)), np.random.default_rng(0))
    assert torch.equal(torch.rand(3), expected)


def test_a_given_algorithm_is_written(writer):
    conditions = toy_conditions(64)
    given = torch.full((64, LENGTH), -1)
    given[::2, 0] = torch.arange(32)
    voices = write_voices(writer, conditions, np.random.default_rng(0), given=given)
    free = write_voices(writer, conditions, np.random.default_rng(0))
    found = from_sequence(voices.numpy())[:, INDEX["algorithm"]]
    assert (found[::2] == np.arange(32)).all()
    assert torch.equal(voices[1::2], free[1::2])


def test_given_values_are_kept_wherever_they_are(writer):
    conditions = toy_conditions(32)
    random = np.random.default_rng(1)
    kept = torch.from_numpy(random.random((32, LENGTH)) < 0.6)
    given = torch.where(kept, conditions.parents, -1)
    voices = write_voices(writer, conditions, np.random.default_rng(0), given=given)
    assert torch.equal(voices[kept], conditions.parents[kept])
    assert (voices[~kept] != conditions.parents[~kept]).any()
    require_legal(from_sequence(voices.numpy()))


def test_a_lower_temperature_writes_likelier_voices(writer):
    conditions = toy_conditions(24)
    bits = []
    with torch.no_grad():
        for temperature in (0.05, 1.0, 5.0):
            voices = write_voices(writer, conditions, np.random.default_rng(0), temperature)
            bits.append(bits_per_voice(writer, voices, conditions).mean().item())
    assert bits[0] < 0.8 * bits[1]
    assert bits[1] < 0.95 * bits[2]


def test_values_are_drawn_by_their_probability(writer):
    conditions = take(toy_conditions(1), [0] * 500)
    voices = write_voices(writer, conditions, np.random.default_rng(0))
    first = logits(writer, voices[:1], take(conditions, [0]))[0, 0].softmax(dim=0)[:32].numpy()
    found = np.bincount(voices[:, 0].numpy(), minlength=32) / 500
    assert np.abs(found - first).max() < 4 * np.sqrt(first.max() / 500)


def test_a_symmetry_moves_operators_as_a_whole():
    voice = random_voices(1, seed=4)[0]
    voice[:, INDEX["algorithm"]] = 31
    sequence = to_sequence(voice)
    moved = from_sequence(sequence[:, SYMMETRIES[31][-1]])
    columns = [[i for name, i in INDEX.items() if name.startswith(f"op{operator}_")] for operator in range(1, 7)]
    before, after = ([tuple(parameters[0, own]) for own in columns] for parameters in (voice, moved))
    assert before != after
    assert sorted(before) == sorted(after)
    assert before[5] == after[5]
    common = np.flatnonzero(OPERATOR == 0)
    assert (to_sequence(moved)[:, common] == sequence[:, common]).all()


# Earlier versions


def test_a_state_dict_with_the_names_of_an_earlier_version_gives_the_same_logits(writer, voices, conditions):
    earlier = earlier_names(writer.state_dict())
    assert {"score", "left.weight", "take_over.bias", "reader.ask.weight", "blocks.1.down.bias"} <= earlier.keys()
    upgraded = upgrade_keys(earlier)
    assert upgraded.keys() == writer.state_dict().keys()
    other = Writer(3, WriterConfig(width=16, depth=2, heads=2, dropout=0.2)).eval()
    other.load_state_dict(upgraded)
    assert torch.equal(logits(other, voices, conditions), logits(writer, voices, conditions))
    assert upgrade_keys(upgraded).keys() == upgraded.keys()


def test_a_tensor_under_both_names_is_refused(writer):
    with pytest.raises(ValueError, match="twice"):
        upgrade_keys(writer.state_dict() | {"score": writer.output})


def test_a_model_stored_by_an_earlier_version_is_loaded(tmp_path):
    model = blank_model()
    earlier = earlier_names(model.writer.state_dict())
    save_model(tmp_path, replace(model, writer=SimpleNamespace(state_dict=lambda: earlier)))
    loaded, expected = load_model(tmp_path).writer.state_dict(), model.writer.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[name], expected[name]) for name in loaded)
