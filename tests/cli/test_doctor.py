"""deepdx doctor: each kind of trouble is found and has a remedy; nothing is changed, and no check stops the others."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from deepdx_core.files import STAGING
from deepdx_core.home import Home
from deepdx_core.state.migrations import VERSION
from deepdx_core.state.store import open_state
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import MANIFEST, Tables
from deepdx_pipeline import doctor
from deepdx_pipeline.cli.app import app
from tests.support.homes import file_contents


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with state and a table, and a free port."""
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("DEEPDX_UI_PORT", str(free.getsockname()[1]))
    made = Home(tmp_path)
    open_state(made, print)
    Tables(made).write("families", TABLES["families"].create_empty())
    columns = TABLES["training_splits"].column_names()
    Tables(made).write("training_splits", pl.DataFrame([("a" * 20, "train", "a test", True)], columns, orient="row"))
    return made


def findings(*checks):
    """Status and text by check, after `deepdx doctor --json` with some of the checks."""
    done = CliRunner().invoke(app, ["doctor", "--json"])
    found = [f for f in json.loads(done.stdout) if f["check"] in checks]
    assert done.exit_code == any(f["status"] == "problem" for f in json.loads(done.stdout))
    return [(f["status"], f["found"], f["remedy"]) for f in found]


def test_a_sound_home_has_no_problem_and_is_left_as_it_is(home):
    before = file_contents(home.root)
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0, done.output
    assert "problem" not in done.output
    for name in doctor.CHECKS:
        assert name in done.output or name == "home"
    assert file_contents(home.root) == before


def test_a_home_that_does_not_exist_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "new"))
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0
    assert not (tmp_path / "new").exists()


def test_a_wrong_setting_is_a_problem_with_its_place(home):
    home.settings.write_text("[ui]\nprot = 1\n")
    ((status, found, _),) = findings("your files")
    assert status == "problem" and "deepdx.toml: ui.prot: unknown key" in found


def test_wrong_rules_are_a_problem_with_their_place(home):
    home.rules.write_text("[rule.x]\nverdict = 'lovely'\n")
    ((status, found, _),) = findings("your files")
    assert status == "problem" and "rules.toml: rule.x.verdict" in found


def test_damaged_state_is_a_problem(home):
    Tables(home).path("training_splits").write_bytes(b"PAR1")
    ((status, found, _),) = findings("state")
    assert status == "problem" and "training_splits.parquet" in found and "deepdx restore" in found


def test_state_of_an_older_version_will_be_migrated(home):
    manifest = home.state / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": VERSION - 1}))
    ((status, found, remedy),) = findings("state")
    assert (status, found) == ("warning", f"of version {VERSION - 1}") and "migrates" in remedy


def test_a_damaged_cache_is_a_warning(home):
    Tables(home).path("families").write_bytes(b"PAR1")
    (damaged, _) = findings("tables")
    assert damaged[0] == "warning" and "families.parquet" in damaged[1] and damaged[2] == "deepdx run"


def test_a_damaged_database_is_a_warning(home):
    home.database.write_bytes(b"no database")
    ((status, _, remedy),) = findings("database")
    assert (status, remedy) == ("warning", "deepdx run")


def test_a_damaged_history_is_a_warning(home):
    (home.dagster / "history").mkdir(parents=True)
    (home.dagster / "history" / "runs.db").write_bytes(b"no database" * 100)
    ((status, found, _),) = findings("history of runs")
    assert status == "warning" and found.startswith("runs.db: ")


def test_work_in_progress_and_leftovers_are_told_apart(home):
    (home.tables / STAGING.replace("*", "x")).mkdir()
    assert findings("work")[0][0] == "warning"
    home.locks.mkdir(exist_ok=True)
    with FileLock(home.locks / "run.lock"):
        assert findings("work") == [("ok", "a run, backup or restore is in progress", "")]


def test_a_port_in_use_is_a_warning(home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as used:
        monkeypatch.setenv("DEEPDX_UI_PORT", str(used.getsockname()[1]))
        ((status, found, remedy),) = findings("port of the UI")
    assert status == "warning" and "in use" in found.lower() and "--port" in remedy


def test_libraries_of_other_versions_are_a_problem(home, monkeypatch):
    monkeypatch.setattr(doctor, "requires", lambda name: ["numpy>=99", "no-such-library", "torch>=1; extra == 'x'"])
    ((status, found, _),) = findings("libraries")
    assert status == "problem" and "numpy" in found and "no-such-library is missing" in found and "torch" not in found


def test_a_broken_library_behind_an_extra_is_a_warning(home, monkeypatch, tmp_path):
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "rtmidi.py").write_text("raise OSError('libasound.so.2: cannot open')")
    monkeypatch.syspath_prepend(tmp_path / "libs")
    sys.modules.pop("rtmidi", None)
    statuses = {found: status for status, found, _ in findings("extras")}
    assert statuses["midi cannot be used: libasound.so.2: cannot open"] == "warning"


def test_a_check_that_fails_stops_no_other(home, monkeypatch):
    def broken(_):
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(doctor, "CHECKS", {"python": broken, "tables": doctor.CHECKS["tables"]})
    failed, intact = findings("python", "tables")
    assert failed[0] == "problem" and failed[1].startswith("the check failed: ZeroDivisionError: by")
    assert "\n" not in failed[1] and intact == ("ok", "1 intact", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_home_that_cannot_be_written_is_a_problem(home):
    home.root.chmod(0o500)
    try:
        assert findings("home")[0][0] == "problem"
    finally:
        home.root.chmod(0o700)


def test_it_runs_as_a_command_in_seconds(home):
    command = [sys.executable, "-m", "deepdx_pipeline.cli", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout + done.stderr
