"""`deepdx find`: names in files, folders, archives, and in the corpus of a home."""

import csv
import io
import json
from functools import partial

import numpy as np
import pytest

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_bank
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.intake.survey import survey
from deepdx_core.synths import kinds
from deepdx_core.synths.messages import write_messages
from deepdx_core.tables.storage import Tables
from tests.support.archives import make_zip
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO
from tests.support.voices import random_voices

KEYS = DEMO / "Keys"


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsys, home):
    """`run_deepdx` in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return partial(run_deepdx, capsys)


def bank(name, slot):
    parameters, _ = random_voices(32, seed=1)
    names = ["other"] * 32
    names[slot - 1] = name
    return write_bank(parameters, text_to_names(names))


def four_operator_voice(name):
    kind = kinds.FOUR_OPERATOR_VOICE
    records = np.zeros((1, kind.layout.size), np.uint8)
    records[:, 77:87] = np.frombuffer(name.ljust(10).encode(), np.uint8)
    return write_messages(kind, records)[0]


def test_a_part_of_a_name_is_found_in_files_archives_and_other_synths_in_the_order_given(deepdx, tmp_path):
    (tmp_path / "b.syx").write_bytes(bank("My Piano 1", 7) + bank("PIANO", 32))
    (tmp_path / "a.zip").write_bytes(make_zip(("in/one.syx", bank("pIaNoforte", 1)), ("two.syx", bank("Organ", 1))))
    (tmp_path / "c.syx").write_bytes(four_operator_voice("Piano TX"))
    code, output, errors = deepdx("find", "piano", "b.syx", "a.zip", "c.syx", "--format", "json")
    assert (code, errors) == (0, "")
    assert [tuple(row.values()) for row in json.loads(output)] == [
        ("b.syx", None, 0, 7, "My Piano 1", "DX7"),
        ("b.syx", None, 4104, 32, "PIANO", "DX7"),
        ("a.zip", "in/one.syx", 0, 1, "pIaNoforte", "DX7"),
        ("c.syx", None, 0, 1, "Piano TX", "4-operator"),
    ]
    rows = list(csv.DictReader(io.StringIO(deepdx("find", "PIANO", "b.syx", "-f", "csv")[1])))
    assert [(row["path"], row["slot"], row["name"]) for row in rows] == [
        ("b.syx", "7", "My Piano 1"), ("b.syx", "32", "PIANO"),
    ]  # fmt: skip
    assert "My Piano 1" in deepdx("find", "my p", ".")[1]


def test_signs_of_a_name_have_no_meaning(deepdx, tmp_path):
    (tmp_path / "a.syx").write_bytes(bank("A*B.[C]", 3))
    assert deepdx("find", "*b.[", "a.syx")[0] == 0
    code, output, errors = deepdx("find", "A.B", "a.syx")
    assert (code, output, errors) == (1, "", "deepdx: no voice has A.B in its name\n")


def test_a_file_that_cannot_be_read_is_named_and_does_not_hide_others(deepdx, tmp_path):
    (tmp_path / "a.syx").write_bytes(bank("PIANO", 3))
    (tmp_path / "empty").mkdir()
    code, output, errors = deepdx("find", "piano", "missing", "empty", "a.syx")
    assert code == 1
    assert "PIANO" in output
    assert errors == "missing: cannot be read: No such file or directory\nempty: empty folder\n"
    assert deepdx("find", " ", "a.syx")[0] == 2


def test_without_files_the_corpus_is_searched(deepdx, home):
    code, _, errors = deepdx("find", "piano")
    assert (code, "run `deepdx run` first" in errors) == (1, True)
    found = survey(KEYS)
    tables = Tables(home)
    tables.write("raw_files", found.raw_files)
    tables.write("decoded_voices", decode_dumps(found.dumps))
    in_corpus = json.loads(deepdx("find", "piano", "-f", "json")[1])
    in_files = json.loads(deepdx("find", "piano", KEYS, "-f", "json")[1])
    assert len(in_corpus) == len(in_files) > 10
    assert [(row["slot"], row["name"]) for row in in_corpus] == [(row["slot"], row["name"]) for row in in_files]
    assert all(len(row["sound_id"]) == 20 for row in in_corpus)
