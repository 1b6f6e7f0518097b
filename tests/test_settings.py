"""Settings: deepdx.toml and the variables over it, with an error that names the place."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from deepdx_core.settings import SECTIONS, SettingsError, load_settings, variable, variables_set
from deepdx_pipeline.cli.app import app


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deepdx.toml"


def test_without_a_file_every_setting_has_its_default(path):
    settings = load_settings(path, {})
    assert (settings.ui.port, settings.run.audio, settings.training.steps) == (3000, True, 5000)
    assert variables_set({}) == []


def test_every_setting_is_described():
    assert all(field.description for model in SECTIONS.values() for field in model.model_fields.values())


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(path):
    path.write_text("[ui]\nport = 4000\nsensor_seconds = 9\n[training]\nwidth = 64\n")
    settings = load_settings(path, {"DEEPDX_UI_PORT": "5000", "DEEPDX_HOME": "/elsewhere"})
    assert (settings.ui.port, settings.ui.sensor_seconds, settings.training.width) == (5000, 9, 64)
    assert variables_set({"DEEPDX_UI_PORT": "5000", "DEEPDX_UI_PRT": "1"}) == ["DEEPDX_UI_PORT"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("ui_allow_hosts", "synth.local,pi", ["synth.local", "pi"]),
        ("run_audio", "false", False),
        ("run_audio", "1", True),
        ("training_learning_rate", "1e-3", 0.001),
        ("sql_memory_gb", "4", 4.0),
        ("alerts_webhook", "https://example.org/x", "https://example.org/x"),
    ],
)
def test_variables_have_the_types_of_their_keys(path, name, text, value):
    section, _, key = name.partition("_")
    settings = load_settings(path, {variable(section, key): text})
    assert getattr(getattr(settings, section), key) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[ui]\nport = 99999", "deepdx.toml: ui.port: must be at most 65535, not 99999"),
        ("[ui]\nport = '3000'", "deepdx.toml: ui.port: must be a whole number"),
        ("[ui]\nprot = 1", "deepdx.toml: ui.prot: unknown key; known keys are host, port"),
        ("[uii]\nport = 1", "deepdx.toml: uii: unknown key; known keys are run, training"),
        ("ui = 3", "deepdx.toml: ui: must be a table, not 3"),
        ("[training]\nwidth = 64\nheads = 5", "deepdx.toml: training: heads must divide the width, got 5 for 64"),
        ("[training]\nkv_heads = 3", "deepdx.toml: training: kv_heads must divide heads, got 3 for 4"),
        ("[training]\nstepps = 1", "deepdx.toml: training.stepps: unknown key"),
        ("[alerts]\nwebhook = 'http://example.org'", "deepdx.toml: alerts.webhook: must begin with https://"),
        ("[alerts]\nwebhook = 'http://localhost.example.org'", "must begin with https://"),
        ("[alerts]\nwebhook = 'https://'", "must begin with https://"),
        ("[ui]\nretraining_cron = 'daily'", "deepdx.toml: ui.retraining_cron: must have five fields"),
        ("[ui]\nretraining_timezone = 'Mars/Base'", "deepdx.toml: ui.retraining_timezone: is not a time zone"),
        ("[ui", "deepdx.toml: Expected ']'"),
        ("[a" + ".b" * 100 + "]", "nested over 16 deep"),
    ],
)
def test_an_error_in_the_file_names_file_key_and_reason(path, text, message):
    path.write_text(text)
    with pytest.raises(SettingsError) as refused:
        load_settings(path, {})
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("DEEPDX_UI_PORT", "x", "must be a valid integer"),
        ("DEEPDX_UI_PORT", "0", "must be at least 1, not 0"),
        ("DEEPDX_RUN_AUDIO", "perhaps", "must be a valid boolean"),
        ("DEEPDX_ALERTS_WEBHOOK", "ftp://x", "must begin with https://"),
    ],
)
def test_an_error_in_a_variable_names_the_variable(path, name, text, reason):
    with pytest.raises(SettingsError, match=f"^{name}: {reason}"):
        load_settings(path, {name: text})


def test_a_wrong_file_stops_a_run_before_any_work(path, monkeypatch):
    monkeypatch.setenv("DEEPDX_HOME", str(path.parent))
    path.write_text("[run]\naudio = 3\n")
    refused = CliRunner().invoke(app, ["run"])
    assert isinstance(refused.exception, SettingsError)
    assert [found.name for found in path.parent.iterdir()] == ["deepdx.toml"]


def test_help_does_not_read_settings(path):
    path.write_text("[[")
    command = [sys.executable, "-m", "deepdx_pipeline.cli", "run", "--help"]
    done = subprocess.run(command, env={"DEEPDX_HOME": str(path.parent), "PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 0 and "Usage" in done.stdout
