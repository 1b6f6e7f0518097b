"""`deepdx diff` after real runs on a small inbox, and the metadata of their materializations."""

import json
import os
import shutil
import signal
import subprocess
import sys

import dagster as dg
import pytest

from deepdx_core.database.snapshot import query
from deepdx_core.home import Home
from deepdx_pipeline.definitions import build_defs
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO, ROOT

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
CONFIG = QUIET | {"ops": {"audio_features": {"config": {"render": False}}}}
BANK = DEMO / "Mixed" / "MIXED1.syx"
KILLED = """
import os, signal, sys
from deepdx_core.labels import sounds
sounds.label_sounds = lambda evidence: os.kill(os.getpid(), signal.SIGKILL)
from deepdx_pipeline.cli.app import main
sys.argv = ["deepdx", "run", "--without", "training", "--without", "audio"]
main()
"""
"""A run that is killed after it has written the verdicts."""


def execute(home):
    """Run the job `corpus` in this process. Return its id and the metadata of the tables that it wrote."""
    job = build_defs(home).resolve_job_def("refresh_corpus")
    result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), run_config=CONFIG)
    events = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return result.run_id, {event.asset_key.to_user_string(): event.metadata for event in events}


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """A home after a run on one bank. Tests work on copies."""
    home = Home(tmp_path_factory.mktemp("diff") / "home")
    home.inbox.mkdir(parents=True)
    shutil.copy(DEMO / "Keys" / "EPIANOS1.syx", home.inbox)
    execute(home)
    return home


@pytest.fixture
def home(run_once, tmp_path, monkeypatch):
    shutil.copytree(run_once.root, tmp_path / "home")
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


@pytest.fixture
def diff(capsys):
    """Run `deepdx diff --json` and return the tables that changed and the moves, both as dictionaries."""

    def run(*arguments):
        code, output, errors = run_deepdx(capsys, "diff", "--json", *arguments)
        assert (code, errors) == (0, "")
        document = json.loads(output)
        tables = {
            row["table"]: counts
            for row in document["tables"]
            if any(counts := (row["added"], row["gone"], row["changed"]))
        }
        return tables, {(row["column"], row["sound_id"]): (row["before"], row["after"]) for row in document["sounds"]}

    return run


def a_sound(home, where="TRUE"):
    """Return the id, name, label and category of a valid sound."""
    sounds = query(home.database, f"SELECT sound_id, name, label, category FROM voices WHERE label <> '' AND {where}")
    return sounds.sort("sound_id").row(0)


def test_a_bank_that_is_added_and_removed_again(home, diff):
    shutil.copy(BANK, home.inbox)
    added, metadata = execute(home)
    tables, _ = diff()
    assert tables["raw_files"] == (1, 0, 0)
    assert tables["decoded_voices"] == (32, 0, 0)
    assert tables["unique_voices"][0] == len(query(home.database, "FROM unique_voices")) - 32
    for table, counts in tables.items():
        found = [metadata[table][f"rows_{kind}"].value for kind in ("added", "gone", "changed")]
        assert tuple(found) == counts, table
    (home.inbox / BANK.name).unlink()
    removed, _ = execute(home)
    assert diff(removed)[0]["decoded_voices"] == (0, 32, 0)
    assert diff(added)[0]["decoded_voices"] == (32, 0, 0)
    # Splits of sounds that are gone are kept.
    assert diff("first", "last")[0].keys() <= {"training_splits"}


def test_a_run_without_news_changes_nothing(home, diff, capsys):
    _, metadata = execute(home)
    assert diff() == ({}, {})
    assert all(found["rows_changed"].value == 0 for table, found in metadata.items() if "rows_changed" in found)
    code, output, _ = run_deepdx(capsys, "diff")
    assert code == 0
    assert output.endswith("No row changed.\n")


@pytest.mark.slow
def test_a_verdict_moves_and_back(home, diff, capsys):
    sound_id, name, *_ = a_sound(home)
    assert run_deepdx(capsys, "verdict", sound_id, "corrupt")[0] == 0
    _, metadata = execute(home)
    tables, moves = diff()
    assert moves["verdict", sound_id] == ("valid", "corrupt")
    assert tables["verdicts"] == (0, 0, 1)
    assert tables["labeled_voices"][1] >= 1
    shown = metadata["verdicts"]
    assert "| verdict | valid | corrupt | 1 |" in shown["moved"].md_str
    assert sound_id in shown["sounds_that_moved"].md_str
    output = run_deepdx(capsys, "diff")[1]
    assert next(line.split() for line in output.splitlines() if sound_id in line) == [
        *("verdict", "valid", "corrupt"),
        *(*name.split(), sound_id),
    ]
    assert run_deepdx(capsys, "verdict", sound_id, "--forget")[0] == 0
    execute(home)
    assert diff()[1]["verdict", sound_id] == ("corrupt", "valid")
    tables, moves = diff("first", "last")
    assert not moves
    assert tables.keys() <= {"training_splits"}  # the reason for a split names the latest event


@pytest.mark.slow
def test_a_label_moves(home, diff, capsys):
    sound_id, _, label, category = a_sound(home, "label <> 'Perc'")
    assert run_deepdx(capsys, "label", sound_id, "bell")[0] == 0
    _, metadata = execute(home)
    moves = diff()[1]
    assert moves["label", sound_id] == (label, "Perc")
    assert moves["category", sound_id] == (category, "bell")
    assert f"| label | {label} | Perc |" in metadata["labeled_voices"]["moved"].md_str


@pytest.mark.slow
def test_a_rule_moves_verdicts(home, diff):
    algorithm = query(home.database, "SELECT mode(algorithm) FROM voice_parameters").item()
    meant = query(home.database, f"SELECT sound_id FROM voice_parameters WHERE algorithm = {algorithm}")["sound_id"]
    rule = f'verdict = "corrupt"\nwhen = "algorithm = {algorithm}"\nreason = "a test"\n'
    home.rules.write_text(f"[rule.mine]\n{rule}")
    execute(home)
    moved = {sound_id: move for (column, sound_id), move in diff()[1].items() if column == "verdict"}
    assert moved == dict.fromkeys(meant, ("valid", "corrupt"))


@pytest.mark.slow
def test_a_killed_run_is_recorded_by_the_next_and_compared_across(home, diff, capsys):
    sound_id, *_ = a_sound(home)
    assert run_deepdx(capsys, "verdict", sound_id, "corrupt")[0] == 0
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=os.environ, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    code, output, errors = run_deepdx(capsys, "diff")
    assert code == 0
    assert sound_id not in output
    assert "not included: it is under way, or was killed" in errors
    shutil.copy(BANK, home.inbox)
    last, _ = execute(home)
    code, output, _ = run_deepdx(capsys, "diff", "--runs", "--json")
    runs = json.loads(output)
    assert [run["ended"] is None for run in runs] == [False, True, False]
    assert runs[0]["run_id"] == last
    tables, moves = diff(runs[1]["run_id"])
    assert tables == {"verdicts": (0, 0, 1)}
    assert moves == {("verdict", sound_id): ("valid", "corrupt")}
    tables, moves = diff()
    assert ("verdict", sound_id) not in moves
    assert tables["decoded_voices"] == (32, 0, 0)
    assert tables["labeled_voices"][1] >= 1  # the label of the sound that became corrupt
    tables, moves = diff("first", "last")
    assert moves["verdict", sound_id] == ("valid", "corrupt")
    assert tables["decoded_voices"] == (32, 0, 0)


@pytest.mark.slow
def test_a_failed_run_is_recorded(home, diff, capsys):
    sound_id, *_ = a_sound(home)
    assert run_deepdx(capsys, "verdict", sound_id, "corrupt")[0] == 0
    broken = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "1 / 0")
    failed = subprocess.run([sys.executable, "-c", broken], cwd=ROOT, env=os.environ, capture_output=True, check=False)
    assert failed.returncode == 1
    assert diff() == ({"verdicts": (0, 0, 1)}, {("verdict", sound_id): ("valid", "corrupt")})


@pytest.mark.slow
def test_the_number_of_sounds_and_runs_is_limited(home, capsys):
    home.rules.write_text('[rule.mine]\nverdict = "corrupt"\nwhen = "algorithm >= 0"\nreason = "a test"\n')
    execute(home)
    output = run_deepdx(capsys, "diff", "--limit", 2)[1]
    assert "more; --limit 0 shows all" in output
    assert len(output.splitlines()) + 20 < len(run_deepdx(capsys, "diff", "--limit", 0)[1].splitlines())
    assert "... and 1 more; --limit 0 shows all" in run_deepdx(capsys, "diff", "--runs", "--limit", 1)[1]


def test_invalid_requests_are_refused(home, tmp_path, monkeypatch, capsys):
    for arguments, code, reason in (
        (["nothing\x1b[31m"], 1, r"no recorded run has an id that begins with 'nothing\x1b[31m'"),
        (["--runs", "last"], 2, "give no RUN"),
        (["--limit", "-1"], 2, "--limit"),
    ):
        found, output, errors = run_deepdx(capsys, "diff", *arguments)
        assert (found, output) == (code, "")
        assert reason in errors
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "empty"))
    code, _, errors = run_deepdx(capsys, "diff")
    assert code == 1
    assert "no run is recorded" in errors
    assert not (tmp_path / "empty").exists()
