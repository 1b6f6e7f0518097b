"""Every command and Python example of the README, the pages in docs and the docstrings of `api` runs."""

import doctest
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from deepdx_core import api
from tests.docs.pages import blocks, commands
from tests.support.paths import ROOT
from tests.support.toy_models import SMALL_GAN, SMALL_TRAINING

pytestmark = pytest.mark.slow

BACKUP = ("deepdx backup my-deepdx.zip", "deepdx restore my-deepdx.zip")
# These have tests of their own.
ELSEWHERE = {"deepdx ui", "deepdx explore", "deepdx ports", *BACKUP}
# tests/cli/test_midi.py simulates a synth, tests/cli/test_render.py an audio output.
NEEDS_HARDWARE = ("deepdx send", "deepdx receive", "deepdx play")
RUN = [command for command in commands() if command not in ELSEWHERE and not command.startswith(NEEDS_HARDWARE)]
WRITTEN = {
    "five.syx": {"five-01.syx", "five-02.syx"},
    "best.syx": {"best-01.syx", "best-02.syx"},
    "keys.syx": {"keys-01.syx", "keys-02.syx"},
    "pianos.syx": {"pianos-01.syx", "pianos-02.syx"},
}  # files written, where not the one named after -o
SHORTER = {
    "deepdx evaluate": "deepdx evaluate --gan-steps 100",
    "deepdx run": shlex.join(["deepdx", "run", *SMALL_TRAINING]),
    "deepdx run --without audio": shlex.join(["deepdx", "run", "--without", "audio", *SMALL_TRAINING]),
    "deepdx run --steps 2000 --set seed=1": shlex.join(["deepdx", "run", *SMALL_TRAINING, "--set", "seed=1"]),
    "deepdx run --model gan": shlex.join(["deepdx", "run", *SMALL_GAN]),
    "deepdx run --model gan --steps 4000 --set width=64": shlex.join(["deepdx", "run", *SMALL_GAN, "--set", "seed=1"]),
    ".venv/bin/python -m mkdocs serve": f"{sys.executable} -m mkdocs build --strict --site-dir {{tmp_path}}/built",
}
"""Replacements for commands that take minutes or do not end."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Environment with a home as `make run` leaves it, but after short trainings, of a GAN too."""
    home = tmp_path_factory.mktemp("documentation")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"DEEPDX_HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT)}
    runs = (shlex.join(["deepdx", "run", *options]) for options in (SMALL_TRAINING, SMALL_GAN))
    for command in ("deepdx add data/demo", *runs):
        subprocess.run(shlex.split(command), cwd=ROOT, env=environment, check=True)
    return environment


@pytest.fixture
def folder(tmp_path):
    """A folder with the demo corpus and the workspace where commands and examples look for them."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo").symlink_to(ROOT / "data" / "demo")
    shutil.copy(ROOT / "workspace.yaml", tmp_path)
    return tmp_path


def test_commands_with_special_treatment_are_in_the_documentation():
    assert set(commands()) >= ELSEWHERE | SHORTER.keys()


@pytest.mark.parametrize("command", RUN)
def test_a_command_runs_and_writes_its_file(command, environment, folder, tmp_path_factory):
    program, _, arguments = command.partition(" ")
    run = SHORTER.get(command, command).replace("{tmp_path}", str(tmp_path_factory.mktemp("site")))
    if program == "make":
        run = f"make --dry-run {arguments}"  # .ci/run makes them all
    in_checkout = program in ("make", "dg") or program.startswith(".")
    result = subprocess.run(
        shlex.split(run),
        cwd=ROOT if in_checkout else folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    _, option, output = command.partition(" -o ")
    expected = {output} if option else set()
    if command.startswith("deepdx export "):
        expected = {command.split()[2]}
    if command.startswith("deepdx explore --export "):
        expected = {command.split()[3]}
    written = {path.name for path in folder.iterdir()} - {"data", "workspace.yaml"}
    assert written == WRITTEN.get(output, expected)


@pytest.mark.parametrize("block", blocks("python"))
def test_a_python_example_runs(block, environment, folder):
    result = subprocess.run(
        [sys.executable, "-c", block], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert bool(result.stdout) == ("print(" in block)


def test_examples_in_docstrings_give_the_shown_results(environment, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DEEPDX_HOME", environment["DEEPDX_HOME"])
    failed, tried = doctest.testmod(api)
    assert tried > 5
    assert not failed


def test_a_backup_is_restored(environment, tmp_path):
    for command in BACKUP:
        subprocess.run(shlex.split(command), cwd=tmp_path, env=environment, check=True, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == ["my-deepdx.zip"]


def test_a_bank_in_the_inbox_reaches_the_tables_while_the_ui_runs(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"DEEPDX_HOME": str(tmp_path), "PATH": path}
    ui = subprocess.Popen(
        ["deepdx", "ui", "--port", "3987"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(lambda: answers("http://127.0.0.1:3987/server_info"), "answer of the web server")
        shutil.copytree(ROOT / "data" / "demo" / "Keys", tmp_path / "inbox" / "Keys")
        wait_for((tmp_path / "corpus.duckdb").is_file, "run of the sensor")
        wait_for(lambda: sounds(environment) > 100, "bank in the tables")
    finally:
        os.killpg(ui.pid, signal.SIGTERM)
        ui.wait(60)  # a run that is under way ends first


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def sounds(environment):
    result = subprocess.run(
        ["deepdx", "sql", "SELECT count(*) AS n FROM unique_voices", "--format", "csv"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return int(result.stdout.split()[1]) if result.returncode == 0 else 0


def wait_for(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(1)
