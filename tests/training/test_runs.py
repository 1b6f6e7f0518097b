"""Parts shared by training runs: settings, checkpoints, fingerprints, determinism."""

import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from deepdx_core.gan.config import GanConfig
from deepdx_core.training.checkpoints import digest, read_checkpoint, run_fingerprint, write_checkpoint
from deepdx_core.training.runs import (
    collect_tensors,
    interrupts_deferred,
    mixed_precision,
    reproducible,
    restore_tensors,
    update_average,
)
from deepdx_core.training.settings import Settings
from deepdx_core.writer.config import WriterConfig
from tests.support.toy_models import TINY, toy_voices


class Some(Settings):
    """Settings for these tests."""

    steps: int = Field(default=10, ge=1, lt=100)
    rate: float = Field(default=0.5, ge=0)
    mixed: bool = True


@given(st.builds(Some, steps=st.integers(1, 99), rate=st.floats(0, 1e300), mixed=st.booleans()))
def test_settings_survive_json(some):
    assert Some.from_json(some.to_json()) == some


def test_the_writers_settings_survive_json():
    assert WriterConfig.from_json(TINY.to_json()) == TINY
    assert WriterConfig.from_json("{}") == WriterConfig()


def test_missing_settings_take_their_defaults():
    assert Some.from_json('{"rate": 2}') == Some(rate=2)
    assert Some.from_json("{}") == Some()


def test_the_json_of_settings_never_changes_because_fingerprints_depend_on_it():
    assert WriterConfig().to_json() == (
        '{"seed": 0, "steps": 5000, "passes": 12, "batch_size": 32, "width": 128, "depth": 3, "heads": 4, '
        '"kv_heads": 1, "dropout": 0.05, "learning_rate": 0.0012, "ema_decay": 0.998, "orphans": 0.1, "moved": 0.0, '
        '"distance_noise": 0.2, "validate_every": 1000, "patience": 3, "rounds": 0, "round_steps": 188, '
        '"adversarial_learning_rate": 0.0003, "written": 12000, "mixed": true, "threads": 2}'
    )
    assert GanConfig().to_json() == (
        '{"seed": 0, "steps": 2000, "batch_size": 64, "noise_size": 64, "width": 32, '
        '"generator_learning_rate": 0.001, "discriminator_learning_rate": 0.001, "ema_decay": 0.995, '
        '"label_weight": 1.0, "algorithm_weight": 1.0, "generator_classification_weight": 0.15, "written": 12000, '
        '"threads": 1}'
    )


def test_an_int_given_for_a_float_stays_an_int_in_json_but_is_equal():
    assert Some.from_json('{"mixed": false, "rate": 2}').to_json() == '{"steps": 10, "rate": 2, "mixed": false}'
    assert Some(rate=2.0).to_json() == '{"steps": 10, "rate": 2.0, "mixed": true}'
    assert Some(rate=2) == Some(rate=2.0) != Some(rate=3)
    assert hash(Some(rate=2)) == hash(Some(rate=2.0))
    assert len({Some(), Some(steps=10), Some(steps=11)}) == 2


def test_settings_are_checked_on_construction_and_frozen():
    assert Some().replace(steps=7) == Some(steps=7)
    for make in (lambda: Some(steps=0), lambda: Some().replace(steps=0), lambda: Some().replace(wings=2)):
        with pytest.raises(ValidationError):
            make()
    with pytest.raises(ValidationError, match="frozen"):
        Some().steps = 3


def test_each_setting_has_a_description_and_importing_them_does_not_import_torch():
    for config in (WriterConfig, GanConfig):
        assert all(field.description for field in config.model_fields.values())
    code = "import sys, deepdx_core.gan.config, deepdx_core.writer.config; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"step": 3, "wings": 2}', "unknown settings step, wings; known are steps, rate, mixed"),
        ("[]", "must be a JSON object"),
        ("3", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("{", "Expecting"),
        ("", "Expecting"),
        ('{"steps": "3"}', "steps: Input should be a valid integer, got '3'"),
        ('{"steps": 3.0}', "steps: Input should be a valid integer"),
        ('{"steps": true}', "steps: Input should be a valid integer"),
        ('{"steps": null}', "steps: Input should be a valid integer"),
        ('{"steps": [3]}', "steps: Input should be a valid integer"),
        ('{"rate": "fast"}', "rate: Input should be a valid number"),
        ('{"rate": false}', "rate: Input should be a valid number"),
        ('{"mixed": 1}', "mixed: Input should be a valid boolean"),
        ('{"steps": 0}', "steps: Input should be greater than or equal to 1, got 0"),
        ('{"steps": 100}', "steps: Input should be less than 100, got 100"),
        ('{"rate": -0.1}', "rate: Input should be greater than or equal to 0, got -0.1"),
        ('{"rate": NaN}', "rate: Input should be a finite number, got nan"),
        ('{"rate": Infinity}', "rate: Input should be a finite number, got inf"),
        ('{"rate": 1e999}', "rate: Input should be a finite number, got inf"),
    ],
)
def test_invalid_settings_are_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        Some.from_json(text)


def test_a_reason_quotes_a_long_value_only_in_part():
    with pytest.raises(ValueError, match="steps: Input should be a valid integer") as caught:
        Some.from_json(json.dumps({"steps": "9" * 10_000}))
    assert len(str(caught.value)) < 100


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
        {"threads": 1025},
        {"heads": 3},
        {"heads": 32},
    ],
)
def test_the_writers_settings_are_within_their_ranges(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))}: Input should be|heads must divide"):
        WriterConfig.from_json(json.dumps(dict(TINY) | change))


def test_a_fingerprint_depends_on_each_part_and_where_it_ends():
    parts = [("",), ("", ""), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ("a, b",)]
    found = {run_fingerprint(*some) for some in parts}
    assert len(found) == len(parts)
    assert {len(each) for each in found} == {64}


def changed_value(value):
    return not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else value / 2 + 0.01


def test_a_fingerprint_depends_on_each_setting():
    changes = {name: changed_value(value) for name, value in TINY} | {"heads": 4, "kv_heads": 1, "width": 32}
    changed = [TINY.replace(**{name: value}) for name, value in changes.items()]
    assert len({run_fingerprint(config.to_json()) for config in (TINY, *changed)}) == len(changes) + 1


def test_a_digest_depends_on_values_types_and_shapes():
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


def test_a_digest_does_not_depend_on_memory_layout():
    parameters = toy_voices(6).parameters
    assert digest(np.asfortranarray(parameters)) == digest(parameters) == digest(parameters.repeat(2, axis=1)[:, ::2])


STATE = {"step": torch.tensor(3), "weights": torch.rand(4, 5), "sum": torch.rand(2).double()}


def test_a_checkpoint_survives_a_round_trip(tmp_path):
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


def test_networks_and_optimizers_continue_from_their_tensors():
    network, optimizer = small_run()
    advance(network, optimizer, 3)
    state = {name: tensor.clone() for name, tensor in collect_tensors({"own": network}, {"adam": optimizer}).items()}
    advance(network, optimizer, 3)
    other, other_optimizer = small_run(seed=1)
    restore_tensors(state, {"own": other}, {"adam": other_optimizer})
    advance(other, other_optimizer, 3)
    assert torch.equal(network.weight, other.weight)
    assert torch.equal(network.bias, other.bias)


def test_an_average_is_updated_faster_in_the_first_steps():
    average, network = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    with torch.no_grad():
        network.weight.fill_(11.0)
        network.num_batches_tracked.fill_(7)
    update_average(average, network, 0.5, step=0)
    assert average.weight.tolist() == pytest.approx([10.0, 10.0])  # a tenth of the old weights
    assert average.num_batches_tracked == 7
    update_average(average, network, 0.5, step=1000)
    assert average.weight.tolist() == pytest.approx([10.5, 10.5])


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_torch_is_deterministic_inside_and_as_before_outside(mode):
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


@pytest.mark.parametrize(
    ("device", "enabled", "bf16", "expected"),
    [
        *(("cpu", True, True, True), ("cpu", True, False, False), ("cpu", True, None, False)),
        *(("cpu", False, True, False), ("cuda", True, False, True), ("cuda", False, True, False)),
    ],
)
def test_bfloat16_is_used_where_it_is_enabled_and_fast(monkeypatch, device, enabled, bf16, expected):
    found = {} if bf16 is None else {"avx512_bf16": bf16}  # no such key on ARM
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    autocast = []
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **options: autocast.append((arguments, options)))
    mixed_precision(torch.device(device), enabled)
    assert autocast == [((device, torch.bfloat16), {"enabled": expected})]


def test_an_interrupt_is_deferred_and_reported():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_deferred() as interrupted:
        assert not interrupted.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupted.wait(5)
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_deferred():
    found = []

    def run():
        with interrupts_deferred() as interrupted:
            found.append(interrupted.is_set())

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [False]
    assert signal.getsignal(signal.SIGINT) is before
