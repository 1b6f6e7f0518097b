"""The network that writes, and how it is asked: what it may know at which place, and what comes of it."""

import numpy as np
import pytest
import torch

from deepdx_core.codec.packing import require_legal
from deepdx_core.voice.parameters import INDEX
from deepdx_core.writer.layout import OPERATOR, PLACES, SIZES, SYMMETRIES, VALUES, unwritten, written
from deepdx_core.writer.model import Block, Conditions, Writer
from deepdx_core.writer.sampling import write_voices
from deepdx_core.writer.training import bits
from tests.support.toy_models import toy_voices
from tests.support.voices import random_voices

COUNT = 6


@pytest.fixture(scope="module")
def writer():
    torch.manual_seed(0)
    writer = Writer(labels=3, width=16, depth=2, heads=2, dropout=0.2)
    for parameter in writer.parameters():  # far from its beginnings, where many weights are 0
        torch.nn.init.normal_(parameter, std=0.3)
    return writer.eval()


@pytest.fixture(scope="module")
def voices():
    return torch.from_numpy(written(random_voices(COUNT, seed=1)[0]))


@pytest.fixture(scope="module")
def wishes():
    parents = torch.from_numpy(written(random_voices(COUNT, seed=2)[0]))
    return Conditions(
        parents=parents,
        differing=torch.tensor([-1, 0, 5, 20, 145, -1]),
        labels=torch.tensor([0, 1, 2, 0, 1, 2]),
        parent_labels=torch.tensor([0, 2, 1, 1, 1, 2]),
        moved=torch.tensor([False, True, False, False, True, False]),
    )


def rows(wishes, which):
    return Conditions(*(wish[which] for wish in wishes))


@torch.no_grad()
def scores(writer, voices, wishes):
    return writer(voices, wishes)


@pytest.mark.parametrize("place", [0, 1, 5, 18, 19, 60, 143, 144])
def test_a_value_changes_no_score_at_its_place_or_before(writer, voices, wishes, place):
    other = voices.clone()
    other[:, place] = (other[:, place] + 1) % SIZES[place]
    before, after = scores(writer, voices, wishes), scores(writer, other, wishes)
    assert torch.equal(before[:, : place + 1], after[:, : place + 1])
    if place + 1 < PLACES:
        assert (before[:, place + 1] != after[:, place + 1]).any(dim=1).all()


def test_what_comes_after_a_place_may_be_anything(writer, voices, wishes):
    other = voices.clone()
    other[:, 70:] = 0
    assert torch.equal(scores(writer, voices, wishes)[:, :71], scores(writer, other, wishes)[:, :71])


def test_writing_place_by_place_scores_as_reading_the_whole(writer, voices, wishes):
    whole = scores(writer, voices, wishes)
    with torch.no_grad():
        writing = writer.begin(wishes)
        for place in range(PLACES):
            found = writing.scores()
            legal = torch.arange(VALUES) < SIZES[place]
            assert torch.allclose(found[:, legal], whole[:, place, legal], rtol=0, atol=1e-4)
            writing.write(voices[:, place])
    assert torch.equal(writing.voices, voices)


def test_what_is_remembered_is_where_the_weights_are():
    memory = Block(16, 2, 0.0).to("meta").memory(2, PLACES)
    assert {tensor.device.type for tensor in memory} == {"meta"}


def test_values_out_of_range_have_no_chance(writer, voices, wishes):
    chances = scores(writer, voices, wishes).double().softmax(dim=-1)
    illegal = torch.from_numpy(np.arange(VALUES) >= SIZES[:, None])
    assert (chances[:, illegal] == 0).all()
    assert (chances[:, ~illegal] > 0).all()
    assert torch.allclose(chances.sum(dim=-1), torch.ones(()).double())


def test_the_parent_of_an_orphan_is_not_seen(writer, voices, wishes):
    other = wishes._replace(
        parents=torch.from_numpy(written(random_voices(COUNT, seed=3)[0])), parent_labels=(wishes.parent_labels + 1) % 3
    )
    orphan = wishes.differing < 0
    one, another = scores(writer, voices, wishes), scores(writer, voices, other)
    assert torch.equal(one[orphan], another[orphan])
    assert (one[~orphan] != another[~orphan]).any(dim=2).all()


@pytest.mark.parametrize("wish", ["differing", "labels", "parent_labels", "moved"])
def test_every_wish_is_heard_from_the_first_place_on(writer, voices, wishes, wish):
    with_parent = rows(wishes, slice(1, 5))
    value = getattr(with_parent, wish)
    other = ~value if wish == "moved" else (value + 1) % (3 if "label" in wish else 1000)
    one = scores(writer, voices[1:5], with_parent)
    another = scores(writer, voices[1:5], with_parent._replace(**{wish: other}))
    # That 145 or more differ is no difference.
    assert (one != another).any(dim=2).all(dim=1).tolist() == [True, True, True, wish != "differing"]


def test_how_many_parameters_are_left_is_counted(writer, voices, wishes):
    """Two voices with the same parent that agree from some place on but not in how much they differ before it."""
    one = rows(wishes, [3])
    same = one.parents.clone()
    unlike = same.clone()
    unlike[:, 30] = (unlike[:, 30] + 1) % SIZES[30]
    counted = [
        scores(writer, voice, one._replace(differing=torch.tensor([differing])))[:, 100:]
        for voice, differing in ((same, 9), (unlike, 9), (unlike, 10))
    ]
    assert not torch.allclose(counted[0], counted[1])
    assert not torch.allclose(counted[1], counted[2])


def test_a_voice_has_the_same_scores_in_any_company(writer, voices, wishes):
    together = scores(writer, voices, wishes)
    for i in range(COUNT):
        alone = scores(writer, voices[i : i + 1], rows(wishes, slice(i, i + 1)))
        assert torch.allclose(alone[0], together[i], rtol=0, atol=1e-4)


def test_bits_are_those_of_the_scores(writer, voices, wishes):
    chances = scores(writer, voices, wishes).double().log_softmax(dim=-1)
    expected = -chances.gather(-1, voices[..., None]).sum(dim=(1, 2)) / np.log(2)
    with torch.no_grad():
        assert torch.allclose(bits(writer, voices, wishes).double(), expected, rtol=1e-5)


def test_dropout_is_for_training_only(writer, voices, wishes):
    assert torch.equal(scores(writer, voices, wishes), scores(writer, voices, wishes))
    writer.train()
    try:
        torch.manual_seed(0)
        assert not torch.equal(scores(writer, voices, wishes), scores(writer, voices, wishes))
    finally:
        writer.eval()


def many_wishes(count):
    some = toy_voices(count)
    labels = torch.from_numpy(some.labels)
    return Conditions(
        torch.from_numpy(written(some.parameters)),
        torch.arange(count) % 30 - 1,
        labels,
        labels.flip(0),
        torch.zeros(count, dtype=torch.bool),
    )


@pytest.mark.slow
def test_what_is_written_is_legal_and_hangs_on_the_seed_alone(writer):
    asked = many_wishes(260)  # more than are written at once
    made = [write_voices(writer, asked, np.random.default_rng(seed)) for seed in (0, 0)]
    assert made[0].shape == (260, PLACES)
    require_legal(unwritten(made[0].numpy()))
    assert torch.equal(made[0], made[1])
    other = write_voices(writer, rows(asked, slice(5)), np.random.default_rng(1))
    assert (made[0][:5] != other).any(dim=1).all()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    write_voices(writer, rows(asked, slice(2)), np.random.default_rng(0))
    assert torch.equal(torch.rand(3), expected)


def test_the_algorithm_that_is_wished_is_written(writer):
    asked = many_wishes(64)
    algorithms = torch.where(torch.arange(64) % 2 == 0, torch.arange(64) // 2, -1)
    made = write_voices(writer, asked, np.random.default_rng(0), algorithms=algorithms)
    free = write_voices(writer, asked, np.random.default_rng(0))
    found = unwritten(made.numpy())[:, INDEX["algorithm"]]
    assert (found[::2] == np.arange(32)).all()
    assert torch.equal(made[1::2], free[1::2])


def test_the_colder_the_likelier(writer):
    asked = many_wishes(24)
    with torch.no_grad():
        needed = [
            bits(writer, write_voices(writer, asked, np.random.default_rng(0), temperature), asked).mean().item()
            for temperature in (0.05, 1.0, 5.0)
        ]
    assert needed[0] < 0.8 * needed[1]
    assert needed[1] < 0.9 * needed[2]


def test_what_is_written_comes_as_often_as_its_chance_says(writer):
    asked = rows(many_wishes(1), [0] * 500)
    made = write_voices(writer, asked, np.random.default_rng(0))
    first = scores(writer, made[:1], rows(asked, [0]))[0, 0].softmax(dim=0)[:32].numpy()
    found = np.bincount(made[:, 0].numpy(), minlength=32) / 500
    assert np.abs(found - first).max() < 4 * np.sqrt(first.max() / 500)


def test_operators_that_stand_in_for_one_another_are_moved_as_a_whole():
    voice = random_voices(1, seed=4)[0]
    voice[:, INDEX["algorithm"]] = 31
    places = written(voice)
    moved = unwritten(places[:, SYMMETRIES[31][-1]])
    columns = [[i for name, i in INDEX.items() if name.startswith(f"op{operator}_")] for operator in range(1, 7)]
    before, after = ([tuple(some[0, own]) for own in columns] for some in (voice, moved))
    assert before != after
    assert sorted(before) == sorted(after)
    assert before[5] == after[5]
    shared = np.flatnonzero(OPERATOR == 0)
    assert (written(moved)[:, shared] == places[:, shared]).all()
