"""Every command of the README does what it says there."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.toy_models import SMALL_TRAINING

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text()
# These have tests of their own below, or are what runs the tests.
BACKUP = ("deepdx backup my-deepdx.zip", "deepdx restore my-deepdx.zip")
ELSEWHERE = {"make run", "make test", "deepdx ui", "deepdx ports", *BACKUP}
NEEDS_A_SYNTH = ("deepdx send", "deepdx receive")  # tests/test_ports.py has one that is made up
WRITTEN = {
    "five.syx": {"five-01.syx", "five-02.syx"},
    "pianos.syx": {"pianos-01.syx", "pianos-02.syx"},
}  # where it is not the file named after -o
SHORTER = {"deepdx evaluate": "deepdx evaluate --gan-steps 100"}
"""Commands that take minutes, and what is run in their place."""


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands():
    lines = (line for block in blocks("sh") for line in block.splitlines())
    found = [shlex.join(shlex.split(line, comments=True)) for line in lines if line.strip()]
    return [command for command in found if command not in ELSEWHERE and not command.startswith(NEEDS_A_SYNTH)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A home where the main job ran once, as after `make run`, but with a short training."""
    home = tmp_path_factory.mktemp("readme")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"DEEPDX_HOME": str(home), "PATH": path}
    for command in ("deepdx add data/demo", shlex.join(["deepdx", "run", *SMALL_TRAINING])):
        subprocess.run(shlex.split(command), cwd=ROOT, env=environment, check=True)
    return environment


def test_elsewhere_is_in_the_readme():
    text = "\n".join(blocks("sh"))
    assert all(command in text for command in ELSEWHERE)


@pytest.mark.parametrize("command", commands())
def test_command(command, environment, tmp_path):
    # Commands name files of the checkout, and write beside where they are called.
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo").symlink_to(ROOT / "data" / "demo")
    shutil.copy(ROOT / "workspace.yaml", tmp_path)
    where = ROOT if command.startswith("dg ") else tmp_path
    result = subprocess.run(
        shlex.split(SHORTER.get(command, command)),
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    _, option, output = command.partition(" -o ")
    written = {path.name for path in tmp_path.iterdir()} - {"data", "workspace.yaml"}
    assert written == WRITTEN.get(output, {output} if option else set())


def test_a_backup_is_restored(environment, tmp_path):
    for command in BACKUP:
        subprocess.run(shlex.split(command), cwd=tmp_path, env=environment, check=True, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == ["my-deepdx.zip"]


@pytest.mark.parametrize("block", blocks("python"))
def test_python(block):
    result = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "shape" in result.stdout


def test_the_ui_takes_in_a_bank_by_itself(tmp_path):
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
        wait_for(lambda: answers("http://127.0.0.1:3987/server_info"), "the web server")
        shutil.copytree(ROOT / "data" / "demo" / "Keys", tmp_path / "inbox" / "Keys")
        wait_for((tmp_path / "corpus.duckdb").is_file, "the sensor's run")
        wait_for(lambda: sounds(environment) > 100, "the bank in the tables")
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
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(1)
