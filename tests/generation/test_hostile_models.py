"""Model folders that are damaged or malicious: each is refused at once, in a message that names the file."""

import os
import random
import shutil
import signal
import socket
import sys
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import pytest

from deepdx_core.generation import registry
from deepdx_core.generation.model import WEIGHTS, load_model, save_model
from deepdx_core.generation.model_card import MODEL_CARD, ModelError, read_model_card
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.sampling import sample
from deepdx_pipeline.cli.app import main
from tests.support.toy_models import TINY, blank_model

FILES = (MODEL_CARD, WEIGHTS)
SECONDS = 20
ANY = SamplingRequest(avoid_copies=False)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    save_model(folder, blank_model())
    return folder


@pytest.fixture
def folder(original, tmp_path):
    return shutil.copytree(original, tmp_path / "model")


@contextmanager
def at_once():
    """Fail if the block takes longer than SECONDS."""

    def hung(*_):
        raise AssertionError(f"no answer within {SECONDS} s")

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refused(folder, name):
    """Return the message with which a folder is refused; it must name the file."""
    with at_once(), pytest.raises(ModelError) as raised:
        load_model(folder)
    message = str(raised.value)
    assert message.startswith(f"{folder / name}: ")
    assert message.isprintable()
    return message


def cut(share):
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def in_its_place(make):
    """Return a damage that puts something else in the place of the file."""

    def damage(path):
        path.unlink()
        make(path)

    return damage


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        before = os.open(".", os.O_RDONLY)
        os.chdir(path.parent)  # the name of a socket must be short
        try:
            made.bind(path.name)
        finally:
            os.fchdir(before)
            os.close(before)


def a_sparse_file(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no room


DAMAGES = {
    **{f"cut to {share:g} of its length": cut(share) for share in (0.0, 0.001, 0.3, 0.9, 0.999)},
    "emptied": lambda path: path.write_bytes(b""),
    "deleted": lambda path: path.unlink(),
    "an additional byte": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "a folder": in_its_place(lambda path: path.mkdir()),
    "a FIFO": in_its_place(os.mkfifo),
    "a socket": in_its_place(a_socket),
    "a sparse file of a terabyte": in_its_place(a_sparse_file),
    "a link to nowhere": in_its_place(lambda path: path.symlink_to("nowhere")),
    "a link to itself": in_its_place(lambda path: path.symlink_to(path.name)),
    "a link to a device": in_its_place(lambda path: path.symlink_to("/dev/zero")),
    "a link to a folder": in_its_place(lambda path: path.symlink_to("/")),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_at_once_and_named(folder, name, damage):
    DAMAGES[damage](folder / name)
    refused(folder, name)


def test_a_flipped_bit_is_refused_or_changes_nothing(original, folder):
    draw = random.Random(11)
    before = sample(load_model(original), 2, 1, ANY).parameters
    taken = 0
    for name in FILES * 60:
        data = bytearray((original / name).read_bytes())
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        (folder / name).write_bytes(data)
        try:
            model = load_model(folder)
        except ModelError as error:
            assert str(error).startswith(f"{folder / name}: ")
        else:  # for example between two words of the card
            assert name == MODEL_CARD
            assert (sample(model, 2, 1, ANY).parameters == before).all()
            taken += 1
        shutil.copy(original / name, folder / name)
    assert taken < 20


def test_every_bit_of_a_weight_counts(original, folder):
    data = bytearray((original / WEIGHTS).read_bytes())
    at = len(data) - 1 - 8 * 100
    for bit in range(8):
        data[at] ^= 1 << bit
        (folder / WEIGHTS).write_bytes(data)
        assert "damaged, or of another model" in refused(folder, WEIGHTS)
        data[at] ^= 1 << bit


def test_files_of_two_models_are_refused_together(original, folder, tmp_path):
    model = blank_model()
    other = tmp_path / "other"
    save_model(other, replace(model, writer=type(model.writer)(3, TINY).eval()))
    shutil.copy(other / WEIGHTS, folder / WEIGHTS)
    assert "damaged, or of another model" in refused(folder, WEIGHTS)


@pytest.mark.parametrize(
    "text",
    [
        b'{"format": 4, "format": ' + b"[" * 200_000,
        b'{"format": 1' + b"0" * 5000 + b"}",
        b'{"format": NaN}',
        b'{"format": "\\u001b[2J"}',
        b'{"format": "\\ud800"}',
        b'{"\\u001b[2J": 1, "format": 4}',
        b'"' + b"x" * 40_000_000 + b'"',
        b'{"format": "' + b"x" * 20_000_000 + b'"}',
        b"null",
        b"[3]",
        b"\x1b[2J",
    ],
    ids=["nested", "digits", "nan", "escape", "surrogate", "key", "40 MB", "20 MB", "null", "list", "no json"],
)
def test_a_file_that_is_no_model_card_is_refused_in_a_printable_message(folder, text):
    (folder / MODEL_CARD).write_bytes(text)
    assert len(refused(folder, MODEL_CARD)) < 1000
    with at_once(), pytest.raises(ModelError):
        read_model_card(folder)


@pytest.mark.parametrize("make", [lambda path: path.write_text("no folder"), os.mkfifo], ids=["a file", "a FIFO"])
def test_a_file_in_place_of_a_model_folder_is_refused(folder, make):
    shutil.rmtree(folder)
    make(folder)
    refused(folder, MODEL_CARD)


def test_a_link_to_a_whole_file_is_followed(folder, tmp_path):
    (folder / WEIGHTS).rename(tmp_path / "elsewhere")
    (folder / WEIGHTS).symlink_to(tmp_path / "elsewhere")
    assert load_model(folder).summary == blank_model().summary


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["a FIFO", "emptied", "a folder"])
def test_the_command_reports_a_damaged_model_in_one_line(folder, home, tmp_path, monkeypatch, capsys, name, damage):
    DAMAGES[damage](folder / name)
    monkeypatch.setattr(registry, "champion_folder", lambda _: folder)
    monkeypatch.setenv("COLUMNS", "1000")
    arguments = ["deepdx", "generate", "-o", str(tmp_path / "out.syx")]
    with at_once(), patch.object(sys, "argv", arguments), pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    errors = capsys.readouterr().err
    assert str(folder / name) in errors
    assert len(errors.splitlines()) == 1
    assert not (tmp_path / "out.syx").exists()
