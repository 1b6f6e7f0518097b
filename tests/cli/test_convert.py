"""`deepdx convert`: reading, selecting, clamping, skipping and writing voices, and its messages."""

import zipfile
from functools import partial

import mido
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.packing import pack_vmem
from deepdx_core.codec.reader import read
from deepdx_core.codec.writer import frame, write_banks, write_singles, write_volca_singles
from deepdx_core.exchange.conversion import collect_voices, make_writable, select_voices, to_arrays
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.synths.dx7ii.writer import write_dx7ii_singles
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO
from tests.support.voices import legal_voices, random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"
NET = DEMO / "From the net"


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsys):
    """`run_deepdx` in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return partial(run_deepdx, capsys)


def voices_of(*paths):
    _, voices = inspect_files(paths)
    assert voices["checksum"].unique().to_list() in (["right"], [None])
    return voices.select("name", *PARAMETER_NAMES)


def test_a_bank_comes_back_byte_for_byte(deepdx, tmp_path):
    code, output, _ = deepdx("convert", BANK, "-o", "out.syx")
    assert (code, output) == (0, "32 voices: out.syx\n")
    assert (tmp_path / "out.syx").read_bytes() == BANK.read_bytes()


@pytest.mark.parametrize("extension", ["csv", "json", "jsonl", "parquet"])
def test_a_bank_survives_a_table_and_back(deepdx, tmp_path, extension):
    assert deepdx("convert", BANK, "-o", f"out.{extension}")[0] == 0
    assert deepdx("convert", f"out.{extension}", "-o", "out.syx")[0] == 0
    assert (tmp_path / "out.syx").read_bytes() == BANK.read_bytes()


@pytest.mark.parametrize("kind", ["vced", "volca", "dx7ii"])
def test_single_voices_are_written_to_one_file_or_a_folder(deepdx, tmp_path, kind):
    assert deepdx("convert", BANK, "--to", kind, "-o", "all.syx")[0] == 0
    code, output, _ = deepdx("convert", BANK, "--to", kind, "-o", "singles")
    assert code == 0
    paths = sorted((tmp_path / "singles").iterdir())
    assert (len(paths), paths[0].name) == (32, "01 E_PIANO 3.syx")
    assert "32 voices in 32 files" in output
    assert voices_of(tmp_path / "all.syx").equals(voices_of(BANK))
    assert b"".join(path.read_bytes() for path in paths) == (tmp_path / "all.syx").read_bytes()
    assert len(paths[0].read_bytes()) == {"vced": 163, "volca": 164, "dx7ii": 220}[kind]


def test_several_banks_are_written_to_numbered_files_one_file_or_a_midi_file(deepdx, tmp_path):
    inputs = (BANK, DEMO / "Keys" / "PIANOS1.syx")
    assert deepdx("convert", *inputs, "-o", "out.syx")[0] == 0
    assert deepdx("convert", *inputs, "-o", "one.syx", "--one-file")[0] == 0
    assert deepdx("convert", *inputs, "-o", "song.mid")[0] == 0
    both = b"".join(path.read_bytes() for path in inputs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.syx", "out-01.syx", "out-02.syx", "song.mid"]
    assert (tmp_path / "out-01.syx").read_bytes() + (tmp_path / "out-02.syx").read_bytes() == both
    assert (tmp_path / "one.syx").read_bytes() == both
    song = mido.MidiFile(tmp_path / "song.mid")
    assert b"".join(bytes(m.bytes()) for m in song if m.type == "sysex") == both


def test_voices_are_selected_by_slot_name_and_sound(deepdx, tmp_path):
    archive = tmp_path / "banks.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(BANK, "a.syx")
        file.write(BANK, "b.syx")
    assert deepdx("convert", archive, "-o", "slots.csv", "--slots", "1,5,7-9")[0] == 0
    selected = pl.read_csv(tmp_path / "slots.csv")
    assert selected["slot"].to_list() == [1, 5, 7, 8, 9] * 2
    assert selected["member"].to_list() == ["a.syx"] * 5 + ["b.syx"] * 5
    assert deepdx("convert", archive, "-o", "unique.csv", "--unique")[0] == 0
    assert pl.read_csv(tmp_path / "unique.csv")["sound_id"].n_unique() == 32
    assert deepdx("convert", archive, "-o", "named.csv", "--name", "*piano*")[0] == 0
    names = pl.read_csv(tmp_path / "named.csv")["name"].to_list()
    everything = voices_of(BANK)["name"].to_list() * 2
    assert names == [name for name in everything if "PIANO" in name.upper()]


def test_voices_that_cannot_be_written_are_skipped_and_reported(deepdx, tmp_path):
    code, output, errors = deepdx("convert", NET / "out_of_range.syx", NET / "bytes_over_127.syx", "-o", "out.syx")
    assert (code, output) == (1, "57 voices in 2 files: out-01.syx to out-02.syx\n")
    assert len(errors.splitlines()) == 7
    assert "out_of_range.syx: slot 18 (SEQ BASS 2): not written: lfo_wave is 7, its range is 0 to 5" in errors
    assert "bytes_over_127.syx: slot 6 (SHAKUHACH3): not written: byte-over-127 op6_eg_rate_4 193" in errors
    assert len(voices_of(tmp_path / "out-01.syx", tmp_path / "out-02.syx")) == 64


def test_out_of_range_parameters_are_clamped(deepdx, tmp_path):
    code, _, errors = deepdx("convert", NET / "out_of_range.syx", "-o", "out.syx", "--clamp")
    assert code == 0
    assert "slot 18 (SEQ BASS 2): set to its maximum: lfo_wave is 7, its range is 0 to 5" in errors
    before, after = (inspect_files([p])[1] for p in (NET / "out_of_range.syx", tmp_path / "out.syx"))
    assert after["valid"].all()
    assert after["lfo_wave"][17] == 5
    unchanged = before["valid"]
    assert after.filter(unchanged).select(PARAMETER_NAMES).equals(before.filter(unchanged).select(PARAMETER_NAMES))


def test_headers_and_checksums_are_corrected(deepdx, tmp_path):
    for name in ("wrong_checksum", "count_10_00_checksum_over_127", "headerless"):
        assert deepdx("convert", NET / f"{name}.syx", "-o", f"{name}.syx")[0] == 0
        (segment,) = read((tmp_path / f"{name}.syx").read_bytes()).segments
        assert (segment.checksum, segment.voices, segment.note) == ("right", 32, "")


def test_a_blank_slot_keeps_its_place(deepdx, tmp_path):
    packed = pack_vmem(*random_voices(32))
    packed[4] = 0
    (tmp_path / "in.syx").write_bytes(frame(9, packed.tobytes()))
    code, output, _ = deepdx("convert", "in.syx", "-o", "out.syx")
    assert (code, output) == (0, "32 voices: out.syx\n")


def test_names_with_replaced_characters_are_counted(deepdx, tmp_path):
    assert deepdx("convert", BANK, "-o", "voices.csv")[0] == 0
    table = (tmp_path / "voices.csv").read_text(encoding="utf-8")
    assert table.count("E.PIANO 3") == 1
    (tmp_path / "voices.csv").write_text(table.replace("E.PIANO 3", "\u00e9 PIANO \u2190"), encoding="utf-8")
    code, _, errors = deepdx("convert", "voices.csv", "-o", "out.syx")
    assert code == 0
    assert "1 name with characters that no dump can hold" in errors
    assert (tmp_path / "out.syx").read_bytes()[6 + 118 : 6 + 128] == b"? PIANO \x7f "


def test_existing_files_are_overwritten_only_with_force(deepdx, tmp_path):
    (tmp_path / "out-02.syx").write_text("mine")
    both = ("convert", BANK, DEMO / "Keys" / "PIANOS1.syx", "-o", "out.syx")
    code, _, errors = deepdx(*both)
    assert (code, errors) == (1, "deepdx: out-02.syx: exists already; nothing was written (--force overwrites)\n")
    assert [path.name for path in tmp_path.iterdir()] == ["out-02.syx"]
    assert deepdx(*both, "--force")[0] == 0
    assert (tmp_path / "out-02.syx").read_bytes() == both[2].read_bytes()


def test_a_bad_input_does_not_stop_the_others(deepdx, tmp_path):
    (tmp_path / "bad.csv").write_text("name,op1_coarse\nA,1\n")
    code, output, errors = deepdx("convert", "bad.csv", "missing.syx", NET / "nothing.syx", BANK, "-o", "out.syx")
    assert (code, output) == (1, "32 voices: out.syx\n")
    assert "bad.csv: no column for op6_eg_rate_1" in errors
    assert "missing.syx: cannot be read: No such file or directory" in errors
    assert "nothing.syx: no voices: empty file" in errors


def test_inputs_without_voices_are_an_error(deepdx, tmp_path):
    code, _, errors = deepdx("convert", NET / "nothing.syx", "-o", "out.syx")
    assert code == 1
    assert errors.endswith("deepdx: no voices to write\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "out"), "out does not end in .syx"),
        (("-o", "out.mid", "--to", "vced"), "vced cannot be written to a .mid file"),
        (("-o", "out.syx", "--to", "csv"), "csv cannot be written to a .syx file"),
        (("-o", ".", "--to", "syx"), ". is a folder"),
        (("-o", "out.syx", "--slots", "1,,2"), "'' is neither a slot"),
        (("-o", "out.syx", "--slots", "0"), "'0' is neither a slot"),
        (("-o", "out.syx", "--slots", "9-7"), "'9-7' is neither a slot"),
        (("-o", "out.syx", "--to", "dx9"), "'dx9' is not one of"),
    ],
)
def test_invalid_options_are_a_usage_error(deepdx, tmp_path, options, message):
    code, _, errors = deepdx("convert", BANK, *options)
    assert code == 2
    assert message in errors
    assert not list(tmp_path.iterdir())


@settings(max_examples=15, deadline=None)
@given(legal_voices(), st.sampled_from([write_banks, write_singles, write_volca_singles, write_dx7ii_singles]))
def test_written_voices_are_collected_again(tmp_path_factory, voices, write):
    path = tmp_path_factory.mktemp("collected") / "in.bin"
    path.write_bytes(b"".join(write(*voices)))
    writable = make_writable(collect_voices([path]).voices)
    assert (writable.skipped, writable.clamped) == ([], [])
    parameters, names = to_arrays(writable.voices)
    count = len(voices[0])
    np.testing.assert_array_equal(parameters[:count], voices[0])
    np.testing.assert_array_equal(names[:count], voices[1])


def test_dots_in_name_patterns_are_literal():
    voices = collect_voices([BANK]).voices.with_columns(name=pl.Series([f"A.{i}" for i in range(32)]))
    assert select_voices(voices, name="a.1?")["name"].to_list() == [f"A.{i}" for i in range(10, 20)]
    assert select_voices(voices, name="a?[!0-9]")["name"].to_list() == []
    assert select_voices(voices, [(2, 3), (32, 99)])["name"].to_list() == ["A.1", "A.2", "A.31"]


def test_output_must_be_a_regular_file_in_an_existing_folder(deepdx, tmp_path):
    (tmp_path / "device.syx").symlink_to("/dev/full")
    (tmp_path / "target.syx").write_bytes(b"old")
    (tmp_path / "link.syx").symlink_to("target.syx")
    for output, reason in (
        ("device.syx", "not a regular file; nothing was written"),
        ("missing/out.syx", f"there is no folder {tmp_path / 'missing'}"),
    ):
        code, _, errors = deepdx("convert", BANK, "-o", output, "--force")
        assert (code, errors) == (1, f"deepdx: {output}: {reason}\n")
    assert deepdx("convert", BANK, "-o", "link.syx")[0] == 1
    assert (tmp_path / "target.syx").read_bytes() == b"old"
    assert deepdx("convert", BANK, "-o", "link.syx", "--force")[0] == 0
    assert (tmp_path / "link.syx").is_symlink()
    assert (tmp_path / "target.syx").read_bytes() == BANK.read_bytes()


def test_a_folder_for_single_voices_is_created_but_not_its_parents(deepdx, tmp_path):
    code, _, errors = deepdx("convert", BANK, "--to", "vced", "-o", "a/b")
    assert (code, errors) == (1, "deepdx: a/b: cannot be created: No such file or directory\n")
    assert deepdx("convert", BANK, "--to", "vced", "-o", "a")[0] == 0
    assert len(list((tmp_path / "a").iterdir())) == 32


def test_one_voice_is_reported_in_the_singular(deepdx):
    assert deepdx("convert", BANK, "-o", "one.csv", "--slots", "1")[1] == "1 voice: one.csv\n"
