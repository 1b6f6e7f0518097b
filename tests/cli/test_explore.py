"""`deepdx explore`: start, requests of other hosts, exports."""

import os
import socket
import subprocess
import sys
from functools import partial

import httpx
import pytest

from deepdx_core.exchange.inspection import inspect_files
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO, ROOT

BANK = DEMO / "Keys" / "EPIANOS1.syx"
CLAVS = DEMO / "Keys" / "CLAVS1.syx"


@pytest.fixture
def deepdx(home, capsys, compiled_engine):
    return partial(run_deepdx, capsys)


def test_the_server_starts_without_a_corpus_and_refuses_other_hosts(home):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "deepdx_pipeline.cli", "explore", "--no-open", "--port", str(port)]
    environment = os.environ | {"DEEPDX_HOME": str(home.root)}
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith(f"Serving the explorer at http://127.0.0.1:{port} ")
        status = httpx.get(f"http://127.0.0.1:{port}/api/status", timeout=30)
        other = httpx.get(f"http://127.0.0.1:{port}/api/status", headers={"Host": "attacker.example"})
        process.send_signal(2)
    assert "deepdx run" in status.json()["corpus"]
    assert other.status_code == 403
    assert process.returncode == 0


def test_a_port_in_use_is_an_error(deepdx):
    with socket.create_server(("127.0.0.1", 0)) as server:
        code, _, errors = deepdx("explore", "--no-open", "--port", server.getsockname()[1])
    assert code == 1
    assert "in use" in errors


def test_a_bank_becomes_a_page(deepdx, tmp_path):
    code, output, errors = deepdx("explore", "--export", tmp_path / "page", "--bank", BANK)
    assert (code, errors) == (0, "")
    assert "32 voices" in output
    assert len(inspect_files([tmp_path / "page" / "bank.syx"])[1]) == 32
    code, _, errors = deepdx("explore", "--export", tmp_path / "page", "--bank", BANK)
    assert code == 1
    assert "exists already; nothing was written (--force overwrites)" in errors
    assert deepdx("explore", "--export", tmp_path / "page", "--bank", CLAVS, "--force")[0] == 0
    assert (
        inspect_files([tmp_path / "page" / "bank.syx"])[1]["name"].to_list()
        == inspect_files([CLAVS])[1]["name"].to_list()
    )
    (tmp_path / "page" / "mine.txt").write_text("mine")
    code, _, errors = deepdx("explore", "--export", tmp_path / "page", "--bank", BANK, "--force")
    assert (code, "holds other files, such as mine.txt; nothing was written" in errors) == (1, True)


def test_a_folder_that_is_no_page_is_never_replaced(deepdx, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    code, _, errors = deepdx("explore", "--export", tmp_path / "site", "--bank", BANK, "--force")
    assert (code, "holds other files, such as index.html" in errors) == (1, True)
    assert (tmp_path / "site" / "index.html").read_text() == "mine"


def test_a_collection_becomes_a_page(deepdx, tmp_path):
    assert deepdx("collection", "import", "Mine", BANK)[0] == 0
    assert deepdx("explore", "--export", tmp_path / "page", "--collection", "Mine")[0] == 0
    assert (tmp_path / "page" / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--export", "page"), "needs either --collection or --bank"),
        (("--bank", BANK), "needs --export DIR"),
        (("--allow-host", "http://x"), "is not a host name"),
        (("--export", "page", "--bank", BANK, "--collection", "x"), "needs either"),
    ],
)
def test_invalid_options_are_usage_errors(deepdx, arguments, reason):
    code, _, errors = deepdx("explore", *arguments)
    assert code == 2
    assert reason in errors


def test_a_file_without_voices_writes_nothing(deepdx, tmp_path):
    (tmp_path / "text.txt").write_text("just text")
    code, _, errors = deepdx("explore", "--export", tmp_path / "page", "--bank", tmp_path / "text.txt")
    assert code == 1
    assert "no voices" in errors
    assert not (tmp_path / "page").exists()
