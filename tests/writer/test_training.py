"""The writer's training: reproducible, interrupted or not; when it ends, and which weights it keeps."""

import os
import signal

import numpy as np
import pytest
import torch

from deepdx_core.dataset.arrays import Splits
from deepdx_core.training.checkpoints import read_checkpoint, write_checkpoint
from deepdx_core.writer.batches import TrainingSet
from deepdx_core.writer.history import HISTORY, best_validation
from deepdx_core.writer.model import Writer
from deepdx_core.writer.parents import find_parents
from deepdx_core.writer.training import CHECKPOINT, train_writer
from tests.support.toy_models import LABELS, TINY, earlier_names, toy_splits, toy_voices

SPLITS = toy_splits(validation=1)  # the C2ST of more voices would take most of the time
SOME = TINY.replace(steps=12, patience=9)
"""Twelve steps, with a validation, and so a checkpoint, after every second one."""


def run_training(folder, config=SOME, progress=lambda _: None, fingerprint="this run", splits=SPLITS):
    train, validation = splits.train, splits.validation
    parents = [
        find_parents(voices.parameters, voices.families, train.parameters, train.families)
        for voices in (train, validation)
    ]
    return train_writer(train, validation, tuple(parents), len(LABELS), config, fingerprint, folder, progress)


def same(one, other):
    """Return True if two runs have the same weights and history, bit for bit."""
    (writer, history), (other_writer, other_history) = one, other
    weights, others = writer.state_dict(), other_writer.state_dict()
    return (
        weights.keys() == others.keys()
        and all(torch.equal(weights[name], others[name]) for name in weights)
        and np.array_equal(history, other_history, equal_nan=True)
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return run_training(tmp_path_factory.mktemp("uninterrupted"))


class KilledError(Exception):
    """Raised in place of a kill."""


def stop_at(step, error):
    def progress(done):
        if done.step == step:
            raise error

    return progress


def test_the_same_settings_give_the_same_writer(tmp_path, uninterrupted):
    assert same(run_training(tmp_path / "again"), uninterrupted)
    assert not same(run_training(tmp_path / "other", SOME.replace(seed=1)), uninterrupted)


def test_the_state_of_torch_before_makes_no_difference(tmp_path, uninterrupted):
    torch.manual_seed(123)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert same(run_training(tmp_path), uninterrupted)
    finally:
        torch.set_num_threads(threads)


def test_a_history_has_a_row_for_each_validation(tmp_path):
    reports = []
    _, history = run_training(tmp_path, progress=reports.append, splits=toy_splits())
    assert history.shape == (6, len(HISTORY))
    assert history[:, 0].tolist() == [2, 4, 6, 8, 10, 12]
    assert [at.step for at in reports] == list(range(1, 13))
    assert {at.steps for at in reports} == {12}
    assert np.isnan(reports[0].validation_loss)
    assert reports[2].validation_loss == history[0, 2]
    assert reports[11].validation_c2st == history[5, 3]
    assert history[0, 1] == pytest.approx(np.mean([at.training_loss for at in reports[:2]]), rel=1e-5)


@pytest.mark.parametrize(
    ("steps", "every", "at"), [(7, 1000, [2, 4, 6, 7]), (2, 1000, [1, 2]), (14, 2, range(2, 15, 2))]
)
def test_short_runs_have_enough_validations_for_a_curve(tmp_path, steps, every, at):
    _, history = run_training(tmp_path, TINY.replace(steps=steps, validate_every=every, patience=9))
    assert history[:, 0].tolist() == list(at)


# A run that is killed keeps its last checkpoint, an interrupted one its last step.
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
def test_a_resumed_run_ends_like_an_uninterrupted_one(tmp_path, uninterrupted, error, step, kept):
    with pytest.raises(type(error)):
        run_training(tmp_path, progress=stop_at(step, error))
    steps = []
    resumed = run_training(tmp_path, progress=lambda done: steps.append(done.step))
    assert steps == list(range(kept + 1, 13))
    assert same(resumed, uninterrupted)


def test_a_run_resumed_several_times_ends_like_an_uninterrupted_one(tmp_path, uninterrupted):
    for step in (1, 2, 5):
        with pytest.raises(KeyboardInterrupt):
            run_training(tmp_path, progress=stop_at(step, KeyboardInterrupt()))
    assert same(run_training(tmp_path), uninterrupted)


def test_ctrl_c_finishes_the_step_and_saves_it(tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path, progress=lambda done: os.kill(os.getpid(), signal.SIGINT) if done.step == 2 else None)
    assert signal.getsignal(signal.SIGINT) is handler
    steps = []
    with pytest.raises(KilledError):
        run_training(tmp_path, progress=lambda done: (steps.append(done.step), stop_at(3, KilledError())(done)))
    assert steps == [3]


def tampered(change):
    """Damage a checkpoint by changing its tensors, with a matching digest."""

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
    "a tensor under both names": tampered(lambda state: state.update({"writer/score": state["writer/output"].clone()})),
    "an additional tensor": tampered(lambda state: state.update(wings=torch.ones(2))),
    "optimizer of another shape": tampered(lambda state: state.update({"optimizer/0/exp_avg": torch.ones(2)})),
    "optimizer of another name": tampered(lambda state: state.update({"optimizer/x/y/z": torch.ones(2)})),
    "history of another shape": tampered(lambda state: state.update(history=torch.zeros(3))),
    "weights of another type": tampered(lambda state: state.update({"writer/bias": state["writer/bias"].int()})),
    "not a number": tampered(lambda state: state["writer/bias"].fill_(float("nan"))),
    "a step beyond the last": tampered(lambda state: state["step"].fill_(10**12)),
    "a step before the first": tampered(lambda state: state["step"].fill_(-1)),
}


@pytest.fixture(scope="module")
def first_checkpoint(tmp_path_factory):
    """The first checkpoint of a run."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.raises(KilledError):
        run_training(folder, progress=stop_at(2, KilledError()))
    return read_checkpoint(folder / CHECKPOINT, "this run")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_hostile_checkpoint_is_ignored(tmp_path, first_checkpoint, damage):
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path, progress=stop_at(1, KeyboardInterrupt()))
    DAMAGES[damage](tmp_path / CHECKPOINT)
    steps = []
    with pytest.raises(KilledError):
        run_training(tmp_path, progress=lambda done: (steps.append(done.step), stop_at(2, KilledError())(done)))
    assert steps == [1, 2]
    state = read_checkpoint(tmp_path / CHECKPOINT, "this run")
    assert state.keys() == first_checkpoint.keys()
    assert all(
        torch.equal(state[name].nan_to_num(), expected.nan_to_num()) for name, expected in first_checkpoint.items()
    )


def test_a_checkpoint_with_the_names_of_an_earlier_version_is_resumed(tmp_path, uninterrupted):
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path, progress=stop_at(3, KeyboardInterrupt()))
    state = read_checkpoint(tmp_path / CHECKPOINT, "this run")
    earlier = earlier_names(state)
    assert "average/blocks.0.ask.weight" in earlier
    write_checkpoint(tmp_path / CHECKPOINT, "this run", earlier)
    steps = []
    resumed = run_training(tmp_path, progress=lambda done: steps.append(done.step))
    assert steps == list(range(4, 13))
    assert same(resumed, uninterrupted)


def test_a_checkpoint_of_another_run_is_ignored(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path, progress=stop_at(1, KeyboardInterrupt()))
    steps = []
    with pytest.raises(KilledError):
        run_training(
            tmp_path,
            progress=lambda done: (steps.append(done.step), stop_at(1, KilledError())(done)),
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
            run_training(tmp_path, TINY.replace(steps=2))
        else:
            with pytest.raises(KilledError):
                run_training(tmp_path, progress=stop_at(1, KilledError()))
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.get_num_threads() == 3
        assert torch.equal(torch.rand(3), expected)
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(threads)


@pytest.mark.parametrize("validate_every", [1, 50])
def test_a_diverging_run_raises(tmp_path, validate_every):
    config = TINY.replace(steps=50, learning_rate=1e30, ema_decay=0.0, validate_every=validate_every)
    with pytest.raises(FloatingPointError, match="diverged in step"):
        run_training(tmp_path, config)


def test_the_loss_falls(tmp_path):
    config = TINY.replace(steps=12, batch_size=8, learning_rate=0.02, ema_decay=0.5, validate_every=4)
    writer, history = run_training(tmp_path, config)
    assert history[2, 1] < 0.8 * history[0, 1]
    assert history[2, 2] < 0.8 * history[0, 2]
    assert not writer.training


def test_the_weights_of_the_best_validation_are_returned(tmp_path):
    config = TINY.replace(
        seed=0, distance_noise=0, steps=5, learning_rate=2.0, ema_decay=0.0, validate_every=1, patience=9
    )
    writer, history = run_training(tmp_path / "whole", config)
    best = best_validation(history)
    assert best < 4
    with pytest.raises(KilledError):
        run_training(tmp_path, config, stop_at(best + 1, KilledError()))
    state = read_checkpoint(tmp_path / CHECKPOINT, "this run")
    assert all(torch.equal(state[f"average/{name}"], kept) for name, kept in writer.state_dict().items())


def test_operators_may_be_permuted_in_training(tmp_path, uninterrupted):
    assert not same(run_training(tmp_path, SOME.replace(moved=0.9)), uninterrupted)


@pytest.mark.parametrize(("steps", "rising"), [(6, 1), (45, 5), (10_000, 200)])
def test_the_learning_rate_rises_over_a_tenth_of_the_steps_or_200(tmp_path, steps, rising):
    """Adam's first step changes each weight by the learning rate, whatever the gradient."""
    config = TINY.replace(steps=steps, learning_rate=0.01, dropout=0.0)
    with pytest.raises(KeyboardInterrupt):
        run_training(tmp_path, config, stop_at(1, KeyboardInterrupt()))
    torch.manual_seed(config.seed)
    before = Writer(len(LABELS), config).state_dict()
    after = read_checkpoint(tmp_path / CHECKPOINT, "this run")
    changes = (after["writer/norm.weight"] - before["norm.weight"]).abs()
    assert changes.max().item() == pytest.approx(0.01 / rising, rel=1e-2)


def test_the_number_of_passes_over_a_small_corpus_is_limited(tmp_path):
    steps = []
    run_training(tmp_path, TINY.replace(steps=1000, passes=1, batch_size=50), lambda done: steps.append(done.steps))
    assert steps == [240 // 50] * (240 // 50)


def test_training_ends_without_improvement_for_as_long_as_patience(tmp_path):
    # Without learning, a validation is better than the first only by chance.
    config = TINY.replace(steps=30, learning_rate=0.0, validate_every=1, patience=2)
    _, history = run_training(tmp_path, config)
    best = best_validation(history)
    assert len(history) < 30
    assert len(history) - 1 - best == 2
    steps = []
    run_training(tmp_path, config, lambda done: steps.append(done.step))
    assert steps == []


@pytest.mark.parametrize(("losses", "best"), [([5, 4, 3], 2), ([5, 3, 4], 1), ([3, 5, 3], 0), ([4], 0)])
def test_the_best_validation_has_the_lowest_loss(losses, best):
    rows = len(losses)
    c2st = np.full(rows, float("nan"))
    assert best_validation(np.column_stack([np.arange(rows), np.zeros(rows), losses, c2st])) == best


def test_families_are_drawn_by_the_square_root_of_their_size():
    voices = toy_voices(30)
    voices.families[:] = [0] * 25 + [1] * 4 + [2]
    parents = find_parents(voices.parameters, voices.families, voices.parameters, voices.families)
    training_set = TrainingSet.from_voices(voices, parents)
    chances = np.diff(training_set.cumulative, prepend=0)
    of_family = np.bincount(voices.families, chances)
    assert of_family == pytest.approx(np.array([5, 2, 1]) / 8)
    assert chances[:25] == pytest.approx(5 / 8 / 25)
    assert training_set.cumulative[-1] == 1


def test_a_single_validation_voice_is_enough(tmp_path):
    splits = Splits(SPLITS.train, SPLITS.validation[np.array([0])], SPLITS.test, LABELS)
    _, history = run_training(tmp_path, TINY.replace(steps=2, validate_every=1), splits=splits)
    assert np.isfinite(history[:, :3]).all()
    assert np.isnan(history[:, 3]).all()
