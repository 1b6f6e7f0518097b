"""What training runs have in common: settings as data, checkpoints, fingerprints, the same result each time."""

import os
import signal
import threading
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from deepdx_core.training.checkpoints import digest, read_checkpoint, run_fingerprint, write_checkpoint
from deepdx_core.training.runs import follow, interrupts_held, reproducible, restore, tensors_of
from deepdx_core.training.settings import Settings
from deepdx_core.writer.config import WriterConfig
from tests.support.toy_models import TINY, toy_voices


@dataclass(frozen=True)
class Some(Settings):
    """Settings of nothing."""

    steps: int = 10
    rate: float = 0.5
    mixed: bool = True

    def __post_init__(self):
        super().__post_init__()
        self.require(("steps",), 1, 100)
        self.require(("rate",), 0)


@given(st.builds(Some, st.integers(1, 99), st.floats(0, 1e300), st.booleans()))
def test_settings_survive_json(some):
    assert Some.from_json(some.to_json()) == some


def test_the_writers_settings_survive_json():
    assert WriterConfig.from_json(TINY.to_json()) == TINY
    assert WriterConfig.from_json("{}") == WriterConfig()


def test_what_is_not_named_keeps_its_default():
    assert Some.from_json('{"rate": 2}') == Some(rate=2)
    assert Some.from_json("{}") == Some()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"step": 3, "wings": 2}', "unknown settings step, wings; there are steps, rate, mixed"),
        ("[]", "must be a JSON object"),
        ("3", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("{", "Expecting"),
        ("", "Expecting"),
        ('{"steps": "3"}', "steps must be of the type int, got '3'"),
        ('{"steps": 3.0}', "steps must be of the type int"),
        ('{"steps": true}', "steps must be of the type int"),
        ('{"steps": null}', "steps must be of the type int"),
        ('{"steps": [3]}', "steps must be of the type int"),
        ('{"rate": "fast"}', "rate must be of the type float"),
        ('{"rate": false}', "rate must be of the type float"),
        ('{"mixed": 1}', "mixed must be of the type bool"),
        ('{"steps": 0}', "steps must be at least 1 and below 100, got 0"),
        ('{"steps": 100}', "steps must be at least 1 and below 100"),
        ('{"rate": -0.1}', "rate must be at least 0, got -0.1"),
        ('{"rate": NaN}', "rate must be at least 0, got nan"),
        ('{"rate": Infinity}', "rate must be at least 0"),
        ('{"rate": 1e999}', "rate must be at least 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        Some.from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        *({name: 0} for name in ("steps", "passes", "batch_size", "width", "depth", "heads", "validate_every")),
        *({name: 0} for name in ("patience", "written", "threads")),
        *({name: 1.0} for name in ("dropout", "ema_decay", "orphans", "moved")),
        *({name: -0.1} for name in ("dropout", "learning_rate", "orphans", "moved")),
        *({name: float("nan")} for name in ("dropout", "learning_rate", "ema_decay", "moved")),
        {"seed": -1},
        {"seed": 1 << 32},
        {"heads": 3},
        {"heads": 32},
    ],
)
def test_the_writers_settings_are_within_what_works(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be|heads must divide"):
        replace(TINY, **change)


def test_a_fingerprint_tells_its_parts_apart():
    parts = [("",), ("", ""), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ("a, b",)]
    found = {run_fingerprint(*some) for some in parts}
    assert len(found) == len(parts)
    assert {len(each) for each in found} == {64}


def other_than(value):
    return not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else value / 2 + 0.01


def test_each_setting_counts_in_a_fingerprint():
    own = {field.name: other_than(getattr(TINY, field.name)) for field in fields(TINY)} | {"heads": 4, "width": 32}
    changed = [replace(TINY, **{name: value}) for name, value in own.items()]
    assert len({run_fingerprint(config.to_json()) for config in (TINY, *changed)}) == len(own) + 1


def test_a_digest_is_that_of_values_types_and_shapes():
    voices = toy_voices(6)
    parameters, labels = voices.parameters, voices.labels
    one_more = parameters.copy()
    one_more[3, 100] ^= 1
    found = [
        digest(parameters, labels),
        digest(one_more, labels),
        digest(parameters[::-1], labels),
        digest(parameters, labels + 1),
        digest(parameters, labels.astype(np.int32)),
        digest(labels, parameters),
        digest(parameters[:4], parameters[4:], labels),
        digest(parameters.reshape(-1), labels),
        digest(parameters),
        digest(),
    ]
    assert len(set(found)) == len(found)
    assert {len(each) for each in found} == {64}


def test_a_digest_does_not_hang_on_how_arrays_lie_in_memory():
    parameters = toy_voices(6).parameters
    assert digest(np.asfortranarray(parameters)) == digest(parameters) == digest(parameters.repeat(2, axis=1)[:, ::2])


STATE = {"step": torch.tensor(3), "weights": torch.rand(4, 5), "sum": torch.rand(2).double()}


def test_a_checkpoint_is_read_as_it_was_written(tmp_path):
    write_checkpoint(tmp_path / "new" / "run", "mine", STATE)
    found = read_checkpoint(tmp_path / "new" / "run", "mine")
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) and found[name].dtype == STATE[name].dtype for name in STATE)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["run"]


def test_a_checkpoint_that_is_foreign_or_missing_is_none(tmp_path):
    write_checkpoint(tmp_path / "run", "mine", STATE)
    assert read_checkpoint(tmp_path / "run", "another") is None
    assert read_checkpoint(tmp_path / "none", "mine") is None
    assert read_checkpoint(tmp_path, "mine") is None


def test_a_checkpoint_cut_short_anywhere_is_none(tmp_path):
    path = tmp_path / "run"
    write_checkpoint(path, "mine", STATE)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert read_checkpoint(path, "mine") is None


def small_run(seed=0):
    torch.manual_seed(seed)
    network = torch.nn.Linear(3, 2)
    return network, torch.optim.Adam(network.parameters(), 0.1)


def advance(network, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()


def test_networks_and_optimizers_go_on_where_they_were():
    network, optimizer = small_run()
    advance(network, optimizer, 3)
    state = {name: tensor.clone() for name, tensor in tensors_of({"own": network}, {"adam": optimizer}).items()}
    advance(network, optimizer, 3)
    other, of_other = small_run(seed=1)
    restore(state, {"own": other}, {"adam": of_other})
    advance(other, of_other, 3)
    assert torch.equal(network.weight, other.weight)
    assert torch.equal(network.bias, other.bias)


def test_an_average_follows_and_is_short_at_first():
    average, network = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    with torch.no_grad():
        network.weight.fill_(11.0)
        network.num_batches_tracked.fill_(7)
    follow(average, network, 0.5, step=0)
    assert average.weight.tolist() == pytest.approx([10.0, 10.0])  # a tenth of what it was
    assert average.num_batches_tracked == 7
    follow(average, network, 0.5, step=1000)
    assert average.weight.tolist() == pytest.approx([10.5, 10.5])


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_torch_computes_as_told_and_then_as_before(mode):
    threads = torch.get_num_threads()
    torch.set_deterministic_debug_mode(mode)
    try:
        with pytest.raises(KeyError), reproducible(threads + 1):
            assert torch.get_num_threads() == threads + 1
            assert torch.get_deterministic_debug_mode() == 2
            raise KeyError
        assert torch.get_deterministic_debug_mode() == mode
        assert torch.get_num_threads() == threads
    finally:
        torch.set_deterministic_debug_mode(0)


def test_an_interrupt_is_held_and_told():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_held() as interrupted:
        assert not interrupted.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.wait(5)
    assert signal.getsignal(signal.SIGINT) is before


def test_beside_the_main_thread_nothing_is_held():
    told = []

    def run():
        with interrupts_held() as interrupted:
            told.append(interrupted.is_set())

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert told == [False]
    assert signal.getsignal(signal.SIGINT) is before
