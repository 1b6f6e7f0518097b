"""How the writer learns: the same each time, interrupted or not, and what ends its training."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from deepdx_core.dataset.arrays import Splits
from deepdx_core.training.checkpoints import read_checkpoint, write_checkpoint
from deepdx_core.writer.model import Writer
from deepdx_core.writer.parents import find_parents
from deepdx_core.writer.training import CHECKPOINT, HISTORY, TrainingSet, best_validation, draw_parents, train_writer
from tests.support.toy_models import LABELS, TINY, toy_splits, toy_voices

SPLITS = toy_splits(validation=1)  # to tell written voices from more would take most of the time
SOME = replace(TINY, steps=12, patience=9)
"""Steps of which every second one is followed by a validation, and so by a checkpoint."""


def learn(folder, config=SOME, progress=lambda _: None, fingerprint="this run", splits=SPLITS):
    train, validation = splits.train, splits.validation
    parents = [
        find_parents(voices.parameters, voices.families, train.parameters, train.families)
        for voices in (train, validation)
    ]
    return train_writer(train, validation, tuple(parents), len(LABELS), config, fingerprint, folder, progress)


def same(one, other):
    """Whether two runs came to the same weights and history, bit for bit."""
    (writer, history), (other_writer, other_history) = one, other
    weights, others = writer.state_dict(), other_writer.state_dict()
    return (
        weights.keys() == others.keys()
        and all(torch.equal(weights[name], others[name]) for name in weights)
        and np.array_equal(history, other_history, equal_nan=True)
    )


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    return learn(tmp_path_factory.mktemp("unbroken"))


class KilledError(Exception):
    """What stands for a run that dies at once."""


def die_at(step, error):
    def progress(done):
        if done.step == step:
            raise error

    return progress


def test_the_same_settings_give_the_same_writer(tmp_path, unbroken):
    assert same(learn(tmp_path / "again"), unbroken)
    assert not same(learn(tmp_path / "other", replace(SOME, seed=1)), unbroken)


def test_what_was_random_before_makes_no_difference(tmp_path, unbroken):
    torch.manual_seed(123)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert same(learn(tmp_path), unbroken)
    finally:
        torch.set_num_threads(threads)


def test_a_history_has_a_row_for_each_validation(tmp_path):
    told = []
    _, history = learn(tmp_path, progress=told.append, splits=toy_splits())
    assert history.shape == (6, len(HISTORY))
    assert history[:, 0].tolist() == [2, 4, 6, 8, 10, 12]
    assert [at.step for at in told] == list(range(1, 13))
    assert {at.steps for at in told} == {12}
    assert np.isnan(told[0].validation_loss)
    assert told[2].validation_loss == history[0, 2]
    assert told[11].validation_c2st == history[5, 3]
    assert history[0, 1] == pytest.approx(np.mean([at.training_loss for at in told[:2]]), rel=1e-5)


@pytest.mark.parametrize(
    ("steps", "every", "at"), [(7, 1000, [2, 4, 6, 7]), (2, 1000, [1, 2]), (14, 2, range(2, 15, 2))]
)
def test_short_runs_are_validated_often_enough_to_see_a_curve(tmp_path, steps, every, at):
    _, history = learn(tmp_path, replace(TINY, steps=steps, validate_every=every, patience=9))
    assert history[:, 0].tolist() == list(at)


# A run that dies keeps its last checkpoint, an interrupted one its step.
@pytest.mark.parametrize(
    ("error", "step", "kept"),
    [
        (KilledError(), 4, 4),
        (KilledError(), 5, 4),
        (KeyboardInterrupt(), 2, 2),
        (KeyboardInterrupt(), 3, 3),
        (KeyboardInterrupt(), 4, 4),
        (KeyboardInterrupt(), 12, 12),
    ],
)
def test_a_run_that_was_cut_off_ends_as_an_unbroken_one(tmp_path, unbroken, error, step, kept):
    with pytest.raises(type(error)):
        learn(tmp_path, progress=die_at(step, error))
    steps = []
    resumed = learn(tmp_path, progress=lambda done: steps.append(done.step))
    assert steps == list(range(kept + 1, 13))
    assert same(resumed, unbroken)


def test_a_run_that_is_cut_off_again_and_again_ends_as_an_unbroken_one(tmp_path, unbroken):
    for step in (1, 2, 5):
        with pytest.raises(KeyboardInterrupt):
            learn(tmp_path, progress=die_at(step, KeyboardInterrupt()))
    assert same(learn(tmp_path), unbroken)


def test_ctrl_c_finishes_the_step_and_keeps_it(tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path, progress=lambda done: os.kill(os.getpid(), signal.SIGINT) if done.step == 2 else None)
    assert signal.getsignal(signal.SIGINT) is handler
    steps = []
    with pytest.raises(KilledError):
        learn(tmp_path, progress=lambda done: (steps.append(done.step), die_at(3, KilledError())(done)))
    assert steps == [3]


def tampered(change):
    """A checkpoint of this run whose tensors somebody changed, and then signed as we do."""

    def damage(path):
        state = read_checkpoint(path, "this run")
        change(state)
        write_checkpoint(path, "this run", state)

    return damage


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def a_fifo(path):
    path.unlink()
    os.mkfifo(path)


def a_folder(path):
    path.unlink()
    path.mkdir()
    (path / "something").write_text("in the way")


def a_link(path):
    path.unlink()
    path.symlink_to(path)


DAMAGES = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "empty": lambda path: path.write_bytes(b""),
    "nonsense": lambda path: path.write_bytes(b"nonsense" * 9),
    "a flipped bit": flipped,
    "a folder": a_folder,
    "a FIFO": a_fifo,
    "a loop of links": a_link,
    "a tensor missing": tampered(lambda state: state.pop("average/bias")),
    "no history": tampered(lambda state: state.pop("history")),
    "no step": tampered(lambda state: state.pop("step")),
    "a tensor more": tampered(lambda state: state.update(wings=torch.ones(2))),
    "optimizer of another shape": tampered(lambda state: state.update({"optimizer/0/exp_avg": torch.ones(2)})),
    "optimizer of another name": tampered(lambda state: state.update({"optimizer/x/y/z": torch.ones(2)})),
    "history of another shape": tampered(lambda state: state.update(history=torch.zeros(3))),
    "weights of another type": tampered(lambda state: state.update({"writer/bias": state["writer/bias"].int()})),
    "not a number": tampered(lambda state: state["writer/bias"].fill_(float("nan"))),
    "a step beyond the last": tampered(lambda state: state["step"].fill_(10**12)),
    "a step before the first": tampered(lambda state: state["step"].fill_(-1)),
}


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The first checkpoint of a run."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.raises(KilledError):
        learn(folder, progress=die_at(2, KilledError()))
    return read_checkpoint(folder / CHECKPOINT, "this run")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_checkpoint_that_is_damaged_or_hostile_is_as_good_as_none(tmp_path, begun, damage):
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path, progress=die_at(1, KeyboardInterrupt()))
    DAMAGES[damage](tmp_path / CHECKPOINT)
    steps = []
    with pytest.raises(KilledError):
        learn(tmp_path, progress=lambda done: (steps.append(done.step), die_at(2, KilledError())(done)))
    assert steps == [1, 2]
    state = read_checkpoint(tmp_path / CHECKPOINT, "this run")
    assert state.keys() == begun.keys()
    assert all(torch.equal(state[name].nan_to_num(), begun[name].nan_to_num()) for name in begun)


def test_a_checkpoint_of_another_run_is_not_taken_up(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path, progress=die_at(1, KeyboardInterrupt()))
    steps = []
    with pytest.raises(KilledError):
        learn(
            tmp_path,
            progress=lambda done: (steps.append(done.step), die_at(1, KilledError())(done)),
            fingerprint="another",
        )
    assert steps == [1]


@pytest.mark.parametrize("ends", ["well", "with an error"])
def test_torch_is_left_as_it_was(tmp_path, ends):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        if ends == "well":
            learn(tmp_path, replace(TINY, steps=2))
        else:
            with pytest.raises(KilledError):
                learn(tmp_path, progress=die_at(1, KilledError()))
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.get_num_threads() == 3
        assert torch.equal(torch.rand(3), expected)
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)


@pytest.mark.parametrize("validate_every", [1, 50])
def test_a_run_that_diverges_says_so(tmp_path, validate_every):
    config = replace(TINY, steps=50, learning_rate=1e30, ema_decay=0.0, validate_every=validate_every)
    with pytest.raises(FloatingPointError, match="diverged in step"):
        learn(tmp_path, config)


def test_the_loss_falls(tmp_path):
    config = replace(TINY, steps=12, batch_size=8, learning_rate=0.02, ema_decay=0.5, validate_every=4)
    writer, history = learn(tmp_path, config)
    assert history[2, 1] < 0.8 * history[0, 1]
    assert history[2, 2] < 0.8 * history[0, 2]
    assert not writer.training


def test_the_weights_of_the_best_validation_are_kept(tmp_path):
    config = replace(TINY, seed=1, steps=5, learning_rate=0.1, ema_decay=0.0, validate_every=1, patience=9)
    writer, history = learn(tmp_path / "whole", config)
    best = best_validation(history)
    assert best < 4
    with pytest.raises(KilledError):
        learn(tmp_path, config, die_at(best + 1, KilledError()))
    state = read_checkpoint(tmp_path / CHECKPOINT, "this run")
    assert all(torch.equal(state[f"average/{name}"], kept) for name, kept in writer.state_dict().items())


def test_operators_may_stand_in_for_one_another_while_learning(tmp_path, unbroken):
    assert not same(learn(tmp_path, replace(SOME, moved=0.9)), unbroken)


@pytest.mark.parametrize(("steps", "rising"), [(6, 1), (45, 5), (10_000, 200)])
def test_the_learning_rate_rises_over_a_tenth_of_the_steps_or_200(tmp_path, steps, rising):
    """Of the first step: Adam changes each weight by the rate, whatever the gradient."""
    config = replace(TINY, steps=steps, learning_rate=0.01, dropout=0.0)
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path, config, die_at(1, KeyboardInterrupt()))
    torch.manual_seed(config.seed)
    before = Writer(len(LABELS), config.width, config.depth, config.heads, config.dropout).state_dict()
    after = read_checkpoint(tmp_path / CHECKPOINT, "this run")
    changes = (after["writer/norm.weight"] - before["norm.weight"]).abs()
    assert changes.max().item() == pytest.approx(0.01 / rising, rel=1e-2)


def test_on_a_small_corpus_each_voice_is_seen_so_many_times_at_most(tmp_path):
    steps = []
    learn(tmp_path, replace(TINY, steps=1000, passes=1, batch_size=50), lambda done: steps.append(done.steps))
    assert steps == [240 // 50] * (240 // 50)


def test_training_ends_once_patience_does(tmp_path):
    # Nothing is learned, so that no validation is better than the first but by chance.
    config = replace(TINY, steps=30, learning_rate=0.0, validate_every=1, patience=2)
    _, history = learn(tmp_path, config)
    best = best_validation(history)
    assert len(history) < 30
    assert len(history) - 1 - best == 2
    steps = []
    learn(tmp_path, config, lambda done: steps.append(done.step))
    assert steps == []


NAN = float("nan")


@pytest.mark.parametrize(
    ("losses", "told", "best"),
    [
        ([5, 4, 3], [0.9, 0.7, 0.8], 1),
        ([5, 4, 3], [1.0, 1.0, 1.0], 2),
        ([5, 3, 4], [0.5, 0.5, 0.9], 1),
        ([5, 3, 4], [NAN, NAN, NAN], 1),
        ([1, 3, 4], [NAN, 0.9, 0.8], 2),
        ([1, 3, 4], [0.9, NAN, 1.0], 0),
        ([4], [NAN], 0),
    ],
)
def test_the_validation_that_is_kept_is_the_one_least_told_from_real_voices(losses, told, best):
    rows = len(losses)
    assert best_validation(np.column_stack([np.arange(rows), np.zeros(rows), losses, told])) == best


def test_voices_of_large_families_are_drawn_by_the_root_of_their_number():
    train = toy_voices(30)
    train.families[:] = [0] * 25 + [1] * 4 + [2]
    lessons = TrainingSet.of(train, find_parents(train.parameters, train.families, train.parameters, train.families))
    chances = np.diff(lessons.drawn, prepend=0)
    of_family = np.bincount(train.families, chances)
    assert of_family == pytest.approx(np.array([5, 2, 1]) / 8)
    assert chances[:25] == pytest.approx(5 / 8 / 25)
    assert lessons.drawn[-1] == 1


def test_likenesses_are_those_of_voices_of_the_label():
    train = toy_voices(120)
    parents = find_parents(train.parameters, train.families, train.parameters, train.families)
    wanted = np.repeat([0, 2, 7], 300)  # nobody has label 7
    rows, differing = draw_parents(train.labels, parents, wanted, np.random.default_rng(0))
    for label in (0, 2):
        own = np.flatnonzero(train.labels == label)
        of_label = {(row, far) for i in own for row, far in zip(parents.rows[i], parents.differing[i], strict=True)}
        drawn = set(zip(rows[wanted == label].tolist(), differing[wanted == label].tolist(), strict=True))
        assert drawn <= of_label
        assert len(drawn) > 50
    assert len(set(rows[wanted == 7].tolist())) > 50


def test_a_likeness_does_not_hang_on_what_else_is_wanted():
    train = toy_voices(120)
    parents = find_parents(train.parameters, train.families, train.parameters, train.families)
    one, other = (
        draw_parents(train.labels, parents, np.array([0, 1, 2, 1, *rest]), np.random.default_rng(0))
        for rest in ([0, 0, 0, 0], [2, 1, 1, 2])
    )
    assert (one[0][:4] == other[0][:4]).all()
    assert (one[1][:4] == other[1][:4]).all()


def test_a_split_of_one_voice_to_validate_with_is_enough(tmp_path):
    splits = Splits(SPLITS.train, SPLITS.validation[np.array([0])], SPLITS.test, LABELS)
    _, history = learn(tmp_path, replace(TINY, steps=2, validate_every=1), splits=splits)
    assert np.isfinite(history[:, :3]).all()
    assert np.isnan(history[:, 3]).all()
