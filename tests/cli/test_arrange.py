"""`deepdx convert --sort`, `--without` and `--rename`."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.codec.writer import write_bank
from deepdx_core.exchange.inspection import inspect_files
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO, ROOT
from tests.support.voices import random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"
BASSES = DEMO / "Basses" / "EBASS1.syx"


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsys, home, compiled_engine):
    """`run_deepdx` in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return partial(run_deepdx, capsys)


def names(path):
    return inspect_files([Path(path)])[1]["name"].to_list()


@pytest.mark.parametrize("sort", ["name", "category", "similarity", "original"])
def test_voices_are_sorted_and_all_there(deepdx, sort):
    code, output, errors = deepdx("convert", BASSES, BANK, "--sort", sort, "--one-file", "-o", "out.syx")
    assert (code, output, errors) == (0, "64 voices: out.syx\n", "")
    before, after = names(BASSES) + names(BANK), names("out.syx")
    assert sorted(after) == sorted(before)
    assert (after == before) == (sort == "original")
    if sort == "name":
        assert after == sorted(before, key=str.lower)
    if sort == "category":  # pianos come first in the taxonomy
        assert set(after[:20]) <= set(names(BANK))


def test_empty_slots_are_left_out_and_listed(deepdx, tmp_path):
    parameters, texts = random_voices(32, seed=3)
    parameters[4:6] = INIT_VOICE
    parameters[31] = 0
    (tmp_path / "in.syx").write_bytes(write_bank(parameters, texts))
    kept = names("in.syx")
    code, output, errors = deepdx("convert", "in.syx", "--without", "empty", "-o", "out.csv")
    assert (code, output) == (0, "29 voices: out.csv\n")
    assert errors.splitlines() == [
        f"in.syx: slot {slot} ({kept[slot - 1]}): left out: an empty slot" for slot in (5, 6, 32)
    ]
    code, _, errors = deepdx("convert", "in.syx", "--slots", "5,6,32", "--without", "empty", "-o", "none.csv")
    assert (code, errors.splitlines()[-1]) == (1, "deepdx: no voices to write")
    (tmp_path / "blank.syx").write_bytes(write_bank(parameters[[31] * 32], texts))
    errors = deepdx("convert", "blank.syx", "--without", "empty", "-o", "none.csv")[2].splitlines()
    assert (len(errors), errors[20]) == (22, "... and 12 more left out for such reasons")


def test_voices_that_sound_like_an_earlier_one_are_left_out_and_listed(deepdx):
    assert deepdx("convert", BANK, BANK, "--without", "sounds-alike", "-o", "one.syx")[0] == 0
    assert deepdx("convert", BANK, "--without", "sounds-alike", "-o", "same.syx")[0] == 0
    assert names("one.syx") == names("same.syx")
    code, _, errors = deepdx("convert", BANK, "--without", "sounds-alike", "-o", "out.csv")
    assert code == 0
    assert errors == f"{BANK}: slot 25 (TINE EP 4): left out: sounds like {BANK}: slot 19 (EXPRFMEP2)\n"


@pytest.mark.parametrize(
    ("renames", "changes"),
    [
        (["e.piano 2=GRAND EP"], {"E.PIANO 2": "GRAND EP"}),
        (["E.P*=EP*", "*PIANO*=PNO"], {"E.PIANO 2": "EPIANO 2", "E.PNO RAW": "EPNO RAW", "EL PIANO": "PNO"}),
        (["RH*ES *=* $1 *"], {"RHODES RAW": "OD $1 RAW", "RHODES 2": "OD $1 2"}),
        (["E.PIANO 2="], {"E.PIANO 2": ""}),
    ],
)
def test_voices_are_renamed_by_their_names(deepdx, renames, changes):
    options = [part for rename in renames for part in ("--rename", rename)]
    assert deepdx("convert", BANK, *options, "-o", "out.syx")[0] == 0
    renamed = dict(zip(names(BANK), names("out.syx"), strict=True))
    assert {old: renamed[old] for old in changes} == changes
    untouched = {old for old in renamed if not old.upper().startswith(("E.P", "RHODES")) and "PIANO" not in old.upper()}
    assert all(renamed[old] == old for old in untouched)


@pytest.mark.parametrize(
    ("rename", "reason"),
    [
        ("E.PIANO 2", "'E.PIANO 2' is not OLD=NEW"),
        ("=X", "'=X' is not OLD=NEW"),
        ("*" * 100_000 + "=X", "is not OLD=NEW"),
        ("E*=**", "'E*=**': NEW has more * than OLD"),
        ("NO SUCH=X", "'NO SUCH=X': no voice has such a name"),
        ("E.PIANO 2=GRAND PIANO", "slot 2 (E.PIANO 2): 'GRAND PIANO' is not a name: up to 10 characters of a DX7"),
        ("E.PIANO 2=Gr\u00fcn", "slot 2 (E.PIANO 2): 'Gr\u00fcn' is not a name: up to 10 characters of a DX7"),
    ],
)
def test_a_rename_that_cannot_be_carried_out_writes_nothing(deepdx, tmp_path, rename, reason):
    code, _, errors = deepdx("convert", BANK, "--rename", rename, "-o", "out.syx")
    assert code == 1
    assert errors.startswith("deepdx: ") and reason in errors
    assert not (tmp_path / "out.syx").exists()


@pytest.mark.parametrize(
    "options", [("--sort", "name"), ("--without", "empty"), ("--rename", "a=b"), ("--slots", "1"), ("--unique",)]
)
def test_performances_take_voices_as_they_are(deepdx, options):
    code, _, errors = deepdx("convert", BANK, *options, "--to", "minidexed", "-o", "folder")
    assert code == 2
    assert options[0] in errors and "as they are" in errors


def test_a_conversion_without_these_options_imports_none_of_what_they_need(tmp_path):
    program = (
        "import sys; from deepdx_pipeline.cli.app import app; "
        f"app(['convert', {str(BANK)!r}, '-o', {str(tmp_path / 'out.syx')!r}], standalone_mode=False); "
        "print(sorted({'numba', 'scipy', 'sklearn', 'torch', 'deepdx_core.arranging'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
