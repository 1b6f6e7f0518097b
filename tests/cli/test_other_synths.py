"""`deepdx convert` and `inspect` with voices of other Yamahas."""

import json
from functools import partial

import numpy as np
import pytest

from deepdx_core.codec.packing import unpack_vmem
from deepdx_core.codec.reader import read
from deepdx_core.conversions.to_sy77 import write_sy77_voices
from deepdx_core.synths import kinds
from deepdx_core.synths.dx7ii.parameters import ACED
from deepdx_core.synths.dx7ii.writer import plain_supplements, write_dx7ii_banks
from deepdx_core.synths.four_operators.parameters import VMEM
from deepdx_core.synths.messages import read_messages, write_messages
from deepdx_core.synths.sy77.layouts import LAYOUTS
from tests.support.cli import run_deepdx
from tests.support.other_synths import FOLDER
from tests.support.paths import DEMO, needs_corpus
from tests.support.voices import init_voice, random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsys):
    """`run_deepdx` in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return partial(run_deepdx, capsys)


@pytest.fixture
def four_operator_bank(tmp_path):
    """A bank of four-operator voices; the second has a wave that no DX7 has."""
    records = np.zeros((32, VMEM.size), np.uint8)
    values = VMEM.unpack(records)
    for n in range(1, 5):
        for name, value in (
            ("attack_rate", 31),
            ("release_rate", 9),
            ("output_level", 80),
            ("frequency", 4),
            ("detune", 3),
        ):
            values[:, VMEM.index[f"op{n}_{name}"]] = value
    values[:, VMEM.index["transpose"]], values[:, VMEM.index["bend_range"]] = 24, 2
    values[1, VMEM.index["op2_wave"]] = 4
    names = np.full((32, 10), ord("N"), np.uint8)
    (written,) = write_messages(kinds.FOUR_OPERATOR_BANK, VMEM.pack(values, names))
    path = tmp_path / "tx.syx"
    path.write_bytes(written)
    return path


@pytest.fixture
def sy77_file(tmp_path):
    """Two SY77 voices: one that a DX7 can play, and one of another wave."""
    messages, _ = write_sy77_voices(np.stack([init_voice(op1_eg_rate_1=60)] * 2), random_voices(2)[1])
    layout = LAYOUTS[3]
    second = read_messages(messages[1])[0]
    values = second.values
    values[0, layout.index["element1_op1_wave"]] = 7
    other = write_messages(second.kind, layout.pack(values, second.names, layout.unused(second.records)))
    path = tmp_path / "sy.syx"
    path.write_bytes(messages[0] + other[0])
    return path


def test_four_operators_become_a_dx7_bank_and_every_loss_is_printed(deepdx, tmp_path, four_operator_bank):
    code, output, errors = deepdx("convert", four_operator_bank, "--to", "dx7", "-o", "dx.syx")
    assert (code, output) == (0, "32 voices: dx.syx\n")
    assert (
        errors == f"{four_operator_bank}: slot 2 (NNNNNNNNNN, 4-operator): not carried over: waves other than sines\n"
    )
    (segment,) = read((tmp_path / "dx.syx").read_bytes()).segments
    parameters, _ = unpack_vmem(np.frombuffer(segment.payload, np.uint8).reshape(32, 128))
    assert (parameters[0] == parameters[1]).all()


def test_a_damaged_bank_is_converted_as_far_as_it_goes_and_what_is_wrong_is_printed(deepdx, four_operator_bank):
    data = four_operator_bank.read_bytes()
    four_operator_bank.write_bytes(data[:4] + b"\x10\x00" + data[6:2000])
    code, output, errors = deepdx("convert", four_operator_bank, "--to", "dx7", "-o", "dx.syx")
    assert (code, output) == (0, "15 voices: dx.syx\n")
    assert "wrong byte count; no F7 at its end; cut short: 15 of 32 whole records" in errors


def test_without_being_asked_other_synths_are_left_alone(deepdx, four_operator_bank):
    code, _, errors = deepdx("convert", four_operator_bank, "-o", "dx.syx")
    assert code == 1 and "4-operator bank" in errors and "no voices to write" in errors
    assert deepdx("convert", four_operator_bank, "--other-synths", "-o", "dx.csv")[:2] == (0, "32 voices: dx.csv\n")


def test_a_voice_without_a_counterpart_is_named_and_the_others_are_written(deepdx, sy77_file):
    code, output, errors = deepdx("convert", sy77_file, BANK, "--to", "dx7", "--one-file", "-o", "dx.syx")
    assert (code, output) == (1, "33 voices: dx.syx\n")
    assert f"{sy77_file}: slot 1" in errors and "no DX7 counterpart: waves other than sines" in errors


def test_a_dx7_bank_becomes_sy77_messages_and_comes_back(deepdx, tmp_path):
    assert deepdx("convert", BANK, "--to", "sy77", "-o", "sy.syx")[0] == 0
    messages = read_messages((tmp_path / "sy.syx").read_bytes())
    assert len(messages) == 32 and not any(message.findings for message in messages)
    assert deepdx("convert", "sy.syx", "--to", "dx7", "-o", "back.syx")[:2] == (0, "32 voices: back.syx\n")
    banks = [read(path.read_bytes()).segments[0].payload for path in (BANK, tmp_path / "back.syx")]
    names = [unpack_vmem(np.frombuffer(bank, np.uint8).reshape(32, 128))[1].tolist() for bank in banks]
    assert names[0] == names[1]


def test_sy77_banks_have_64_voices_each(deepdx, tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.syx").write_bytes(BANK.read_bytes())
    code, output, _ = deepdx("convert", "0.syx", "1.syx", "2.syx", "--to", "sy77", "-o", "sy.syx")
    assert (code, output) == (0, "96 voices in 2 files: sy-01.syx to sy-02.syx\n")
    assert [len(read_messages((tmp_path / f"sy-0{n}.syx").read_bytes())) for n in (1, 2)] == [64, 32]


def test_supplements_of_dx7ii_voices_are_kept_through_banks_and_singles(deepdx, tmp_path):
    parameters, names = random_voices(32)
    supplements = plain_supplements(parameters)
    supplements[:, ACED.index["random_pitch"]] = np.arange(32) % 8
    (bank,) = write_dx7ii_banks(parameters, names, supplements=supplements)
    (tmp_path / "in.syx").write_bytes(bank)
    assert deepdx("convert", "in.syx", "--to", "dx7ii-bank", "-o", "out.syx")[0] == 0
    assert (tmp_path / "out.syx").read_bytes() == bank
    assert deepdx("convert", "in.syx", "--to", "dx7ii", "--slots", "3", "-o", "single.syx")[0] == 0
    (single,) = read_messages((tmp_path / "single.syx").read_bytes())
    assert single.values.tolist() == supplements[2:3].tolist()
    assert deepdx("convert", BANK, "--to", "dx7ii-bank", "-o", "plain.syx")[0] == 0
    (plain,) = read_messages((tmp_path / "plain.syx").read_bytes())
    assert plain.values[:, ACED.index["random_pitch"]].max() == 0


def test_deluge_and_fm1_are_folders(deepdx, tmp_path):
    assert deepdx("convert", BANK, "--to", "deluge", "-o", "deluge")[0] == 0
    assert len(list((tmp_path / "deluge").glob("*.XML"))) == 32
    assert deepdx("convert", BANK, "--to", "fm1", "-o", "fm1")[0] == 0
    assert len(list((tmp_path / "fm1").iterdir())) == 5
    code, _, errors = deepdx("convert", *[BANK] * 5, "--to", "fm1", "-o", "too-many")
    assert code == 1 and "128 voices, not 160" in errors


def test_inspect_names_messages_and_voices_and_lists_losses(deepdx, four_operator_bank, sy77_file):
    code, output, _ = deepdx("inspect", four_operator_bank, sy77_file)
    assert code == 0
    assert "at byte 0, 4-operator bank" in output
    assert "waves other than sines" in output
    assert "at byte 466, SY77 voice (1 AFM poly)" in output and "no counterpart: waves other than sines" in output


def test_inspect_names_the_lies_of_a_message(deepdx, four_operator_bank):
    data = four_operator_bank.read_bytes()
    four_operator_bank.write_bytes(data[:4] + b"\x10\x00" + data[6:2000])
    _, output, _ = deepdx("inspect", four_operator_bank)
    assert "wrong byte count; no F7 at its end; cut short: 15 of 32 whole records" in output


def test_inspect_as_json_has_an_object_for_each_message(deepdx, sy77_file):
    _, output, _ = deepdx("inspect", "--json", sy77_file)
    lines = [json.loads(line) for line in output.splitlines()]
    messages = [line for line in lines if "message" in line]
    assert [line["offset"] for line in messages] == [0, 466]
    assert [line["contents"][0]["possible"] for line in messages] == [True, False]
    assert messages[1]["contents"][0]["losses"] == ["waves other than sines"]


@needs_corpus
def test_real_dx7ii_files_are_written_again_as_they_were(deepdx, tmp_path):
    original = FOLDER / "tx802" / "A1.SYX"
    assert deepdx("convert", original, "--to", "dx7ii-bank", "-o", "out.syx")[0] == 0
    assert (tmp_path / "out.syx").read_bytes() == original.read_bytes()
    internal = FOLDER / "dx7ii" / "INTERNAL.SYX"
    assert deepdx("convert", internal, "--to", "dx7ii-bank", "-o", "both.syx")[0] == 0
    data = internal.read_bytes()
    # Block select, fractional scaling, supplements and voices of each bank, then performances.
    assert (tmp_path / "both.syx").read_bytes() == data
    # Singles have no room for the fractional scaling that some of these voices use.
    _, _, errors = deepdx("convert", internal, "--to", "dx7ii", "-o", "singles")
    assert "not carried over to single voices: fractional level scaling" in errors


@needs_corpus
def test_what_a_dx7_lacks_of_real_supplements_is_listed(deepdx):
    code, output, errors = deepdx("convert", FOLDER / "tx802" / "A1.SYX", "--to", "dx7", "-o", "out.syx")
    assert (code, output) == (0, "32 voices: out.syx\n")
    assert "slot 1 (MellowHorn): not carried over to DX7: " in errors and "random pitch" in errors
    assert deepdx("convert", BANK, "--to", "dx7", "-o", "plain.syx")[2] == ""


@needs_corpus
def test_real_performances_become_minidexed_files(deepdx, tmp_path):
    code, output, _ = deepdx("convert", FOLDER / "dx7ii" / "INTERNAL.SYX", "--to", "minidexed", "-o", "mini")
    assert code == 0 and output.startswith("32 performances in 32 files")
    text = (tmp_path / "mini" / "000001_Warm String Section.ini").read_text()
    assert "MIDIChannel2=1" in text and text.count("VoiceData") == 2
    assert deepdx("convert", FOLDER / "tx802" / "P.SYX", "--to", "minidexed", "-o", "tx")[0] == 0
    code, _, errors = deepdx("convert", BANK, "--to", "minidexed", "-o", "none")
    assert code == 1 and "no performances to write" in errors
