"""`deepdx similar`: voices and recordings, formats, banks, and wrong usage."""

import csv
import io
import json
import shutil
from functools import partial

import numpy as np
import pytest

from deepdx_core.home import Home
from deepdx_core.similarity.index import SoundIndex
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO
from tests.support.runs import run_job
from tests.support.similarity import as_file, note_of

BANK = DEMO / "Keys" / "EPIANOS1.syx"
VOICE = f"{BANK}:5"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("similar") / "home")
    home.inbox.mkdir(parents=True)
    shutil.copy(BANK, home.inbox)
    assert run_job(home, ops={}).success
    return home


@pytest.fixture
def deepdx(ran, monkeypatch, tmp_path, capsys):
    """`run_deepdx` in an empty working directory, with a home after a run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPDX_HOME", str(ran.root))
    return partial(run_deepdx, capsys)


def rows(deepdx, *arguments):
    code, out, _ = deepdx("similar", *arguments, "--format", "json")
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize("by", ["ear", "parameters"])
def test_the_nearest_sounds_of_a_voice(deepdx, by):
    found = rows(deepdx, VOICE, "--by", by, "--count", 7)
    assert len(found) == 7 and list(found[0]) == ["distance", "name", "label", "files", "sound_id"]
    assert [row["distance"] for row in found] == sorted(row["distance"] for row in found)
    code, table, _ = deepdx("similar", VOICE, "--by", by, "--count", 7)
    assert code == 0 and table.splitlines()[0].split() == list(found[0])
    assert [line.split()[-1] for line in table.splitlines()[1:]] == [row["sound_id"] for row in found]
    _, text, _ = deepdx("similar", VOICE, "--by", by, "--count", 7, "--format", "csv")
    assert [row["sound_id"] for row in csv.DictReader(io.StringIO(text))] == [row["sound_id"] for row in found]


def test_a_sound_id_names_a_sound_of_the_corpus(deepdx):
    nearest = rows(deepdx, VOICE, "--count", 1)[0]["sound_id"]
    found = rows(deepdx, nearest, "--count", 40)
    assert found and nearest not in {row["sound_id"] for row in found}


def test_a_recording_finds_its_voice(deepdx, ran, tmp_path):
    index = SoundIndex.load(ran)
    (tmp_path / "A NOTE.WAV").write_bytes(as_file(note_of(index.parameters[3], 55)))
    for arguments in ((), ("--note", "G3")):
        found = rows(deepdx, "A NOTE.WAV", "--count", 3, *arguments)
        assert index.sound_ids[3] in {row["sound_id"] for row in found} and found[0]["note"] == 55


@pytest.mark.parametrize(("count", "names"), [(9, ["like.syx"]), (33, ["like.syx"])])
def test_a_bank_has_the_sounds_in_their_order(deepdx, tmp_path, count, names):
    code, out, err = deepdx("similar", VOICE, "--count", count, "-o", "like.syx", "--format", "json")
    assert code == 0 and "like.syx" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    code, inspected, _ = deepdx("inspect", "like.syx", "--json")
    written = [json.loads(line)["sound_id"] for line in inspected.splitlines()]
    expected = [row["sound_id"] for row in json.loads(out)]
    assert written[: len(expected)] == expected
    code, _, err = deepdx("similar", VOICE, "-o", "like.syx")
    assert code == 1 and "exists already" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nothing",), 1, "is not FILE:SLOT"),
        (("f" * 20,), 1, "no sound ffffffffffffffffffff"),
        (("gone.wav",), 1, "gone.wav: No such file"),
        (("text.wav",), 1, "text.wav: not a recording"),
        (("quiet.wav",), 1, "quiet.wav: silent"),
        (("quiet.wav", "--by", "parameters"), 2, "a recording has no parameters"),
        (("quiet.wav", "--note", "C99"), 2, "--note"),
        (("quiet.wav", "--note", "C0"), 2, "not a note from C1 to C8"),
        ((VOICE, "--note", "C3"), 2, "only a recording plays a note"),
        ((VOICE, "-o", "out.wav"), 2, "does not end in .syx"),
        ((VOICE, "--count", "0"), 2, "--count"),
    ],
)
def test_wrong_usage_is_explained(deepdx, tmp_path, arguments, code, message):
    (tmp_path / "text.wav").write_text("not audio")
    (tmp_path / "quiet.wav").write_bytes(as_file(np.zeros(1000)))
    found, out, err = deepdx("similar", *arguments)
    assert (found, out) == (code, "") and message in " ".join(err.split())


def test_without_a_run_it_says_so(deepdx, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "empty"))
    code, _, err = deepdx("similar", VOICE)
    assert code == 1 and "run `deepdx run` first" in err
