"""The commands ports, send and receive, at simulated MIDI ports."""

import io
import sys
import zipfile
from functools import partial

import mido
import numpy as np
import pytest

from deepdx_core.codec.packing import unpack_vmem
from deepdx_core.codec.transmission import write_midi_file
from deepdx_core.codec.writer import write_bank, write_banks, write_single, write_singles
from deepdx_core.conversions.to_sy77 import write_sy77_voices
from deepdx_core.synths.dx7ii.blocks import select_receive_block
from deepdx_core.synths.dx7ii.writer import plain_supplements, write_dx7ii_banks, write_dx7ii_singles
from deepdx_core.synths.messages import read_messages
from deepdx_core.synths.sy77.layouts import EDIT_BUFFER
from tests.support.cables import NAME
from tests.support.cli import run_deepdx
from tests.support.other_synths import FOLDER
from tests.support.paths import DEMO, needs_corpus
from tests.support.voices import init_voice, random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsys):
    """Return the command `deepdx`, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return partial(run_deepdx, capsys)


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that answers the command's questions."""

    def answer(text):
        typed = io.StringIO(text)
        typed.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", typed)

    return answer


def split(data):
    return [bytes(message.bytes()) for message in mido.parse_all(data)]


def blocks(messages):
    """Return the blocks that are selected, in order."""
    return [message[5] for message in messages if len(message) == 7]


def test_the_command_sends_a_bank_and_receives_it(deepdx, cable, tmp_path):
    assert NAME in deepdx("ports")[1]
    code, output, _ = deepdx("send", BANK, "--port", "dx", "--channel", 3)
    assert (code, output) == (0, f"{BANK}: 32 voices -> internal memory\n")
    (sent,) = cable.messages
    assert (sent[2], sent[6:]) == (2, BANK.read_bytes()[6:])
    cable.arrive(sent)
    code, output, _ = deepdx("receive", "--port", NAME, "-o", "in.syx")
    assert (code, output) == (0, "4,104 bytes: in.syx\n")
    assert (tmp_path / "in.syx").read_bytes() == sent
    code, _, errors = deepdx("receive", "--port", NAME, "-o", "in.syx")
    assert (code, errors) == (1, "deepdx: in.syx: exists already; nothing was written (--force overwrites)\n")


def test_a_voice_goes_to_the_edit_buffer_and_a_bank_to_the_memory(deepdx, cable, tmp_path):
    single, bank = write_single(*random_voices(1)), write_bank(*random_voices(32))
    (tmp_path / "mixed.syx").write_bytes(single + bank)
    code, output, _ = deepdx("send", "mixed.syx", "--port", NAME)
    assert (code, cable.messages) == (0, [single, bank])
    assert [line.rpartition(" -> ")[2] for line in output.splitlines()] == ["edit buffer", "internal memory"]


def test_a_dump_that_cannot_be_written_is_not_sent(deepdx, cable):
    path = DEMO / "From the net" / "out_of_range.syx"
    code, _, errors = deepdx("send", path, "--port", NAME)
    assert code == 1
    assert "slot 18 (SEQ BASS 2): not written, so that its dump is not sent: lfo_wave is 7" in errors
    assert errors.endswith("deepdx: nothing to send: --clamp sets parameters to their maximum instead\n")
    assert cable.messages == []
    assert deepdx("send", path, "--port", NAME, "--clamp")[0] == 0
    (sent,) = cable.messages
    parameters, _ = unpack_vmem(np.frombuffer(sent[6:-2], np.uint8).reshape(32, 128))
    assert parameters[17, 142] == 5


def test_a_dump_that_cannot_be_written_does_not_stop_the_others(deepdx, cable, tmp_path):
    good = write_bank(*random_voices(32))
    bad = (DEMO / "From the net" / "out_of_range.syx").read_bytes()
    (tmp_path / "both.syx").write_bytes(bad + good)
    code, output, errors = deepdx("send", "both.syx", "--port", NAME)
    assert (code, cable.messages) == (1, [good])
    assert "slot 18 (SEQ BASS 2): not written" in errors and output == "both.syx: 32 voices -> internal memory\n"


def test_a_dump_cut_short_is_filled_with_init_voices(deepdx, cable):
    code, output, _ = deepdx("send", DEMO / "From the net" / "truncated.syx", "--port", NAME)
    assert code == 0
    assert "20 voices, 12 INIT VOICE" in output
    assert [len(message) for message in cable.messages] == [4104]


# Banks that meet in one place


def test_without_a_terminal_a_bank_does_not_replace_one_just_sent(deepdx, cable, tmp_path):
    first, second = write_banks(*random_voices(64))
    (tmp_path / "two.syx").write_bytes(first + second)
    code, output, errors = deepdx("send", "two.syx", "--port", NAME)
    assert (code, output, cable.messages) == (1, "", [])
    assert (
        "nothing was sent: two.syx: bank 2 of 2: 32 voices would replace internal memory (two.syx: bank 1 of 2: "
        in errors
    )
    assert deepdx("send", "two.syx", "--port", NAME, "--yes")[0] == 0
    assert cable.messages == [first, second]


def test_in_a_terminal_the_command_waits_until_a_bank_is_saved(deepdx, cable, tmp_path, terminal):
    banks = write_banks(*random_voices(96))
    (tmp_path / "three.syx").write_bytes(b"".join(banks))
    terminal("\ny\n")
    code, output, errors = deepdx("send", "three.syx", "--port", NAME)
    assert (code, cable.messages, output.count("-> internal memory")) == (0, banks, 3)
    assert errors.count("Save on the instrument: internal memory (three.syx: bank ") == 2


def test_a_no_stops_before_the_next_bank_and_says_what_is_left(deepdx, cable, tmp_path, terminal):
    banks = write_banks(*random_voices(96))
    (tmp_path / "three.syx").write_bytes(b"".join(banks))
    terminal("y\nn\n")
    code, _, errors = deepdx("send", "three.syx", "--port", NAME)
    assert (code, cable.messages) == (1, banks[:2])
    assert errors.endswith("three.syx: bank 3 of 3: 32 voices: not sent\n")


def test_the_end_of_the_input_stops_before_the_next_bank(deepdx, cable, tmp_path, terminal):
    banks = write_banks(*random_voices(64))
    (tmp_path / "two.syx").write_bytes(b"".join(banks))
    terminal("")
    assert deepdx("send", "two.syx", "--port", NAME)[0] == 1
    assert cable.messages == banks[:1]


def test_voices_for_the_edit_buffer_meet_there_too(deepdx, cable, tmp_path):
    (tmp_path / "singles.syx").write_bytes(b"".join(write_singles(*random_voices(2))))
    code, _, errors = deepdx("send", "singles.syx", "--port", NAME)
    assert (code, cable.messages) == (1, []) and "would replace edit buffer (singles.syx: " in errors


def test_the_name_of_a_voice_cannot_control_the_terminal(deepdx, cable, tmp_path, terminal):
    names = np.frombuffer(b"\x1b[2J[red]x", np.uint8)[None].repeat(2, axis=0)
    (tmp_path / "singles.syx").write_bytes(b"".join(write_singles(random_voices(2)[0], names)))
    terminal("y\n")
    code, output, errors = deepdx("send", "singles.syx", "--port", NAME)
    assert code == 0 and "\x1b" not in output + errors and "[red]x" in output


# DX7II and TX802


def test_both_banks_of_a_set_go_to_their_blocks_with_their_supplements(deepdx, cable, tmp_path):
    parameters, names = random_voices(64)
    supplements = plain_supplements(parameters)
    supplements[:, 20] = 1
    data = b"".join(write_dx7ii_banks(parameters, names, supplements=supplements))
    (tmp_path / "set.syx").write_bytes(data)
    code, output, errors = deepdx("send", "set.syx", "--port", NAME)
    assert (code, cable.messages) == (0, split(data))
    assert errors == "Instrument: DX7II; a DX7 takes the voices with --to dx7\n"
    assert output == (
        "set.syx: bank 1 of 2: 32 voices -> internal voices 1 to 32\n"
        "set.syx: bank 2 of 2: 32 voices -> internal voices 33 to 64\n"
    )


def test_banks_go_where_their_file_says_in_any_order(deepdx, cable, tmp_path):
    first, second = (bank[7:] for bank in write_dx7ii_banks(*random_voices(64)))
    (tmp_path / "set.syx").write_bytes(select_receive_block(1) + second + select_receive_block(0) + first)
    assert deepdx("send", "set.syx", "--port", NAME, "--channel", 4)[0] == 0
    assert blocks(cable.messages) == [1, 0]
    assert {message[2] & 15 for message in cable.messages} == {3}
    cable.sent.clear()
    (tmp_path / "half.syx").write_bytes(select_receive_block(1) + second)
    assert deepdx("send", "half.syx", "--port", NAME)[0] == 0
    assert blocks(cable.messages) == [1]
    cable.sent.clear()
    assert deepdx("send", "half.syx", "--port", NAME, "--block", "1-32")[0] == 0
    assert blocks(cable.messages) == [0]


def test_a_supplement_before_a_block_select_is_not_for_the_bank_after_it(deepdx, cable, tmp_path):
    parameters, names = random_voices(64)
    supplements = plain_supplements(parameters)
    supplements[:32, 20] = 1
    (_, one, bank), (select, _, other) = map(split, write_dx7ii_banks(parameters, names, supplements=supplements))
    (tmp_path / "set.syx").write_bytes(bank + one + select + other)
    assert deepdx("send", "set.syx", "--port", NAME)[0] == 0
    assert cable.messages[3:] == [*split(write_dx7ii_banks(parameters, names)[1])]


def test_a_bank_that_is_not_sent_keeps_its_block_and_its_supplement(deepdx, cable, tmp_path):
    bad = (DEMO / "From the net" / "out_of_range.syx").read_bytes()
    parameters, names = random_voices(32)
    supplements = plain_supplements(parameters)
    supplements[:, 20] = 1
    supplement = split(write_dx7ii_banks(parameters, names, supplements=supplements)[0])[0]
    (tmp_path / "set.syx").write_bytes(supplement + bad + write_bank(parameters, names))
    code, output, _ = deepdx("send", "set.syx", "--port", NAME)
    assert (code, output) == (1, "set.syx: 32 voices -> internal voices 33 to 64\n")
    assert cable.messages == [select_receive_block(1), *split(write_dx7ii_banks(parameters, names)[0])]


def test_plain_banks_go_to_both_blocks_of_a_tx802(deepdx, cable, tmp_path, terminal):
    (tmp_path / "three.syx").write_bytes(b"".join(write_banks(*random_voices(96))))
    terminal("y\n")
    code, _, errors = deepdx("send", "three.syx", "--port", NAME, "--to", "tx802")
    assert (code, blocks(cable.messages)) == (0, [0, 1, 0])
    assert [len(message) for message in cable.messages] == [7, 1128, 4104] * 3
    asked = "Save on the instrument: internal voices 1 to 32 (three.syx: bank 1 of 3: 32 voices), internal voices 33 "
    assert errors.count(asked) == 1
    cable.sent.clear()
    code, output, _ = deepdx("send", BANK, "--port", NAME, "--block", "33-64")
    assert (code, blocks(cable.messages)) == (0, [1]) and output.endswith("-> internal voices 33 to 64\n")


def test_a_voice_of_a_dx7ii_goes_to_the_edit_buffer_with_its_supplement(deepdx, cable, tmp_path):
    (single,) = write_dx7ii_singles(*random_voices(1))
    (tmp_path / "single.syx").write_bytes(single)
    code, output, _ = deepdx("send", "single.syx", "--port", NAME)
    assert (code, cable.messages) == (0, split(single)) and output.endswith("-> edit buffer\n")


def test_a_dx7_gets_the_voices_alone_and_what_it_lacks_is_listed(deepdx, cable, tmp_path):
    parameters, names = random_voices(32)
    supplements = plain_supplements(parameters)
    supplements[2, 19] = 3
    (tmp_path / "set.syx").write_bytes(write_dx7ii_banks(parameters, names, supplements=supplements)[0])
    code, _, errors = deepdx("send", "set.syx", "--port", NAME, "--to", "dx7")
    assert (code, cable.messages) == (0, [write_bank(parameters, names)])
    assert "set.syx: slot 3 (" in errors and "not carried over to DX7: " in errors


@needs_corpus
def test_a_real_set_is_sent_as_it_is(deepdx, cable):
    path = FOLDER / "dx7ii" / "INTERNAL.SYX"
    code, output, _ = deepdx("send", path, "--port", NAME)
    assert (code, cable.messages) == (0, split(path.read_bytes()))
    assert output.endswith("DX7II performances -> internal performances\n")
    cable.sent.clear()
    code, _, errors = deepdx("send", path, "--port", NAME, "--to", "tx802")
    assert code == 0 and f"{path}: not sent: DX7II performances" in errors
    assert [len(message) for message in cable.messages] == [7, 16165, 1128, 4104] * 2


@needs_corpus
def test_performances_are_sent_without_voices_too(deepdx, cable):
    path = FOLDER / "tx802" / "P.SYX"
    code, output, _ = deepdx("send", path, "--port", NAME)
    assert (code, cable.messages) == (0, split(path.read_bytes()))
    assert output == f"{path}: TX802 performances -> internal performances\n"


def test_a_set_in_a_midi_file_or_an_archive_is_sent_as_it_is(deepdx, cable, tmp_path):
    messages = split(b"".join(write_dx7ii_banks(*random_voices(64))))
    (tmp_path / "set.mid").write_bytes(write_midi_file(messages))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("set.syx", b"".join(messages))
    for name in ("set.mid", "set.zip"):
        cable.sent.clear()
        assert deepdx("send", name, "--port", NAME)[0] == 0
        assert cable.messages == messages, name


@pytest.mark.parametrize("to", ["dx7", "sy77"])
def test_only_a_dx7ii_has_blocks(deepdx, cable, to):
    code, _, errors = deepdx("send", BANK, "--port", NAME, "--to", to, "--block", "1-32")
    assert code == 2 and "only a DX7II, DX7s or TX802 has blocks" in errors


# SY77


def test_voices_are_converted_for_an_sy77_and_numbered_through_its_memory(deepdx, cable, tmp_path):
    parameters, names = random_voices(64)
    (tmp_path / "two.syx").write_bytes(b"".join(write_banks(parameters, names)))
    code, output, errors = deepdx("send", "two.syx", "--port", NAME, "--to", "sy77", "--channel", 2)
    assert (code, cable.messages) == (0, write_sy77_voices(parameters, names, 1)[0])
    assert output == "two.syx: 64 voices -> internal memory, from voice 1\n"
    assert "not carried over to SY77: " in errors
    assert min(cable.sleeps) > 0.1


def test_more_than_64_voices_meet_in_the_memory_of_an_sy77(deepdx, cable, tmp_path):
    (tmp_path / "three.syx").write_bytes(b"".join(write_banks(*random_voices(96))))
    code, _, errors = deepdx("send", "three.syx", "--port", NAME, "--to", "sy77")
    assert (code, cable.messages) == (1, []) and "three.syx: 32 voices would replace internal memory" in errors


def test_one_voice_goes_to_the_edit_buffer_of_an_sy77(deepdx, cable, tmp_path):
    names = np.frombuffer(b"ONE VOICE ", np.uint8)[None]
    (tmp_path / "one.syx").write_bytes(write_single(init_voice()[None], names))
    code, output, _ = deepdx("send", "one.syx", "--port", NAME, "--to", "sy77")
    assert (code, output) == (0, "one.syx: ONE VOICE -> edit buffer\n")
    (message,) = read_messages(b"".join(cable.messages))
    layout = message.kind.layout
    assert message.values[0, layout.index["memory"]] == 127 and message.findings == ()


def test_voices_of_an_sy77_are_sent_as_they_are_after_those_converted(deepdx, cable, tmp_path):
    parameters, names = random_voices(40)
    own = write_sy77_voices(parameters[:8], names[:8])[0]
    broken = own[0][:200]
    (tmp_path / "mixed.syx").write_bytes(b"".join([*own, broken, *write_banks(parameters[8:], names[8:])]))
    code, output, errors = deepdx("send", "mixed.syx", "--port", NAME, "--to", "sy77", "--channel", 3)
    # Numbered through: the SY77's own come last.
    order = [*range(8, 40), *range(8)]
    assert (code, cable.messages) == (0, write_sy77_voices(parameters[order], names[order], 2)[0])
    assert output == "mixed.syx: 40 voices -> internal memory, from voice 1\n"
    assert "SY77 voice (1 AFM poly) at byte 3,728: not sent: " in errors and "cut short" in errors


def test_one_voice_of_an_sy77_goes_to_its_edit_buffer(deepdx, cable, tmp_path):
    parameters, names = random_voices(1)
    (tmp_path / "own.syx").write_bytes(write_sy77_voices(parameters, names)[0][0])
    code, _, errors = deepdx("send", "own.syx", "--port", NAME)
    assert (code, errors) == (0, "Instrument: SY77\n")
    assert cable.messages == write_sy77_voices(parameters, names, memory=EDIT_BUFFER)[0]


# Receiving


def test_both_banks_are_received_into_one_file_that_can_be_sent_again(deepdx, cable, tmp_path):
    data = b"".join(write_dx7ii_banks(*random_voices(64)))
    cable.arrive(*split(data))
    code, output, _ = deepdx("receive", "--port", NAME, "-o", "set.syx")
    assert (code, output) == (0, "10,478 bytes: set.syx\n")
    assert (tmp_path / "set.syx").read_bytes() == data
    assert deepdx("send", "set.syx", "--port", NAME)[0] == 0
    assert cable.messages == split(data)


def test_a_second_dump_is_waited_for(deepdx, cable, tmp_path):
    first, second = write_banks(*random_voices(64))
    cable.arrive(first)
    cable.arrive(second, at=30)
    assert deepdx("receive", "--port", NAME, "-o", "two.syx", "--dumps", 2)[0] == 0
    assert (tmp_path / "two.syx").read_bytes() == first + second


def test_a_bank_is_asked_for(deepdx, cable, tmp_path):
    bank = write_bank(*random_voices(32))
    cable.instrument = lambda message: [bank] if message == b"\xf0\x43\x23\x09\xf7" else []
    assert deepdx("receive", "--port", "dx7", "-o", "bank.syx", "--request", "bank", "--channel", 4)[0] == 0
    assert (tmp_path / "bank.syx").read_bytes() == bank
    code, _, errors = deepdx("receive", "--port", NAME, "-o", "no.syx", "--request", "bank", "--timeout", 3)
    assert code == 1 and "received no bank within 3 seconds of asking for it" in errors
    assert not (tmp_path / "no.syx").exists()
    code, _, errors = deepdx("receive", "--port", NAME, "-o", "no.syx", "--request", "bank", "--dumps", 2)
    assert code == 2 and "--request says which dumps to wait for" in errors


def test_receive_announces_its_wait_once_the_port_is_open(deepdx, cable):
    code, _, errors = deepdx("receive", "--port", "TX802", "-o", "in.syx")
    assert (code, errors) == (1, "deepdx: there is no MIDI port 'TX802'; available: DX7\n")
    cable.arrive(write_bank(*random_voices(32)))
    errors = deepdx("receive", "--port", "dx", "-o", "in.syx")[2]
    assert errors == "Waiting 60 seconds for a dump from DX7\n32-voice dump\n"


@pytest.mark.parametrize("output", ["there/in.syx", "/dev/full", "link"])
def test_receive_checks_the_output_before_it_waits(deepdx, cable, tmp_path, output):
    (tmp_path / "link").symlink_to("/dev/full")
    code, _, errors = deepdx("receive", "--port", NAME, "-o", output, "--force")
    assert code == 1
    assert errors.startswith(f"deepdx: {output}: ")
    assert "Waiting" not in errors


def test_an_incomplete_dump_is_not_written(deepdx, cable, tmp_path):
    cable.arrive(write_bank(*random_voices(32))[:500] + b"\xf7")
    code, _, errors = deepdx("receive", "--port", NAME, "-o", "in.syx")
    assert code == 1
    assert "deepdx: received an incomplete dump" in errors
    assert not list(tmp_path.iterdir())
