"""Standard input and output, and links, where a user names files."""

import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from deepdx_core.intake import limits
from deepdx_core.synths import kinds
from deepdx_core.synths.messages import write_messages
from tests.support.archives import make_zip
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO

BANK = DEMO / "Keys" / "EPIANOS1.syx"


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsysbinary):
    """The command in an empty working directory, with some bytes as standard input, None if that is closed."""

    def run(*arguments, given=b""):
        stream = None if given is None else SimpleNamespace(buffer=io.BytesIO(given))
        monkeypatch.setattr(sys, "stdin", stream)
        code, output, errors = run_deepdx(capsysbinary, *arguments)
        return code, output, errors.decode()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return run


@pytest.mark.parametrize("given", [BANK.read_bytes(), make_zip(("a.syx", BANK.read_bytes()))])
def test_a_dash_is_standard_input(deepdx, tmp_path, given):
    (tmp_path / "-").write_bytes(b"a file of that name")
    code, lines, errors = deepdx("inspect", "--json", "-", given=given)
    found = [json.loads(line) for line in lines.splitlines()]
    assert (code, errors, len(found)) == (0, "", 32)
    assert {line["file"] for line in found} == {"standard input"}
    assert deepdx("convert", "-", "-o", "out.syx", given=given)[0] == 0
    assert (tmp_path / "out.syx").read_bytes() == BANK.read_bytes()


def test_messages_of_other_yamahas_are_read_from_standard_input_in_the_same_pass(deepdx):
    kind = kinds.FOUR_OPERATOR_VOICE
    (message,) = write_messages(kind, np.zeros((1, kind.layout.size), np.uint8))
    assert b"4-operator" in deepdx("inspect", "-", given=message)[1]
    code, _, _ = deepdx("convert", "-", "--to", "dx7", "-o", "out.syx", given=message + BANK.read_bytes())
    assert code == 0
    assert len(deepdx("inspect", "--json", "out-01.syx", "out-02.syx")[1].splitlines()) == 64


def test_a_file_named_dash_in_a_folder_is_that_file(deepdx, tmp_path):
    (tmp_path / "-").write_bytes(BANK.read_bytes())
    code, output, _ = deepdx("inspect", ".", given=b"something else")
    assert (code, output.splitlines()[0]) == (0, b"-: 32-voice dump")


def test_standard_output_takes_one_file(deepdx):
    code, output, errors = deepdx("convert", DEMO / "Keys", "--to", "syx", "-o", "-")
    assert (code, errors) == (0, "192 voices: standard output\n")
    assert output == b"".join(path.read_bytes() for path in sorted((DEMO / "Keys").iterdir()))
    for target in ("vced", "volca", "dx7ii", "mid", "json", "parquet"):
        code, converted, _ = deepdx("convert", "-", "--to", target, "-o", "-", given=BANK.read_bytes())
        assert code == 0 and converted
    assert len(deepdx("convert", BANK, "--to", "csv", "-o", "-")[1].splitlines()) == 33


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "- does not end in .syx"),
        (("--to", "deluge"), "deluge is a folder of files"),
        (("--to", "minidexed"), "minidexed is a folder of files"),
    ],
)
def test_standard_output_needs_a_format_of_one_file(deepdx, arguments, reason):
    code, output, errors = deepdx("convert", BANK, "-o", "-", *arguments)
    assert (code, output) == (2, b"")
    assert reason in errors


def test_standard_input_has_the_limits_of_files(deepdx, monkeypatch):
    monkeypatch.setattr(limits, "MAX_FILE", 4096)
    code, _, errors = deepdx("inspect", "-", given=bytes(4097))
    assert (code, errors) == (1, "standard input: larger than 0 MiB\n")
    assert deepdx("inspect", "-", given=None)[::2] == (1, "standard input: closed\n")
    assert deepdx("inspect", "-")[1] == b"standard input: no voices: empty file\n"


def test_slots_of_standard_input_are_rendered(deepdx, tmp_path, compiled_engine):
    code, _, errors = deepdx("render", "--seconds", "0.2", "-o", "out", "--", "-:2", given=BANK.read_bytes())
    assert (code, errors) == (0, "")
    assert [path.name for path in (tmp_path / "out" / "standard input").iterdir()] == ["02 E.PIANO 2.wav"]


def test_standard_input_is_added(deepdx, home):
    assert deepdx("add", "-", given=BANK.read_bytes())[0] == 0
    assert (home.inbox / "standard input").read_bytes() == BANK.read_bytes()


def test_links_are_followed_where_a_user_names_them_and_not_inside_folders(deepdx, tmp_path):
    (tmp_path / "folder").mkdir()
    for link in ("link.syx", "folder/inner.syx"):
        (tmp_path / link).symlink_to(BANK)
    (tmp_path / "to folder").symlink_to(DEMO / "Keys")
    (tmp_path / "link.csv").symlink_to(tmp_path / "table.csv")
    (tmp_path / "dangling.syx").symlink_to("nowhere")
    code, output, errors = deepdx("inspect", "link.syx")
    assert (code, output.splitlines()[0], errors) == (0, b"link.syx: 32-voice dump", "")
    assert deepdx("convert", "to folder", "--slots", "1", "-o", "table.csv")[1].startswith(b"6 voices")
    assert deepdx("convert", "link.csv", "-o", "six.syx")[1].startswith(b"6 voices")
    code, _, errors = deepdx("inspect", "folder", "dangling.syx")
    assert (code, errors.splitlines()) == (
        1,
        ["folder/inner.syx: symbolic link, not followed", "dangling.syx: cannot be read: No such file or directory"],
    )
