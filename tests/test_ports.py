"""MIDI ports: dumps sent and received, on a loopback of our own and on a real virtual port where there is one."""

import queue
import sys
import threading
import time
import types
from functools import partial

import mido
import mido.ports
import numpy as np
import pytest

from deepdx_core.codec.packing import unpack_vmem
from deepdx_core.codec.transmission import PAUSE_SECONDS, transmission_seconds
from deepdx_core.codec.writer import write_bank, write_banks, write_single, write_singles
from deepdx_core.ports import PortError, list_ports, receive, send
from tests.cli.test_convert import command
from tests.support.paths import DEMO
from tests.support.voices import random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"
CABLE = "DX7"


@pytest.fixture
def cable(monkeypatch):
    """A mido backend with one port that gives back what is sent to it; its queue, and no waiting."""
    messages = queue.SimpleQueue()

    class Output(mido.ports.BaseOutput):
        def _send(self, message):
            messages.put(message)

    class Input(mido.ports.BaseInput):
        def _receive(self, block=True):
            if not messages.empty():
                self._messages.append(messages.get())

    backend = types.ModuleType("loopback_midi")
    backend.Input, backend.Output = Input, Output
    backend.get_devices = lambda **_: [{"name": CABLE, "is_input": True, "is_output": True}]
    monkeypatch.setitem(sys.modules, "loopback_midi", backend)
    before = mido.backend
    mido.set_backend("loopback_midi")
    yield messages
    mido.set_backend(before)


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsys):
    """The command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(command, capsys)


@pytest.fixture
def waits(monkeypatch):
    """What was waited, in place of waiting."""
    waited = []
    monkeypatch.setattr("deepdx_core.ports.time.sleep", waited.append)
    return waited


def put(cable, *messages):
    for message in messages:
        cable.put(mido.Message.from_bytes(message))


def taken(cable):
    return [bytes(cable.get().bytes()) for _ in range(cable.qsize())]


def test_the_ports(cable):
    assert list_ports() == ([CABLE], [CABLE])


def test_each_message_whole_and_a_pause_after_it(cable, waits):
    messages = [*write_banks(*random_voices(40)), *write_singles(*random_voices(2))]
    send(messages, CABLE)
    assert taken(cable) == messages
    assert waits == [transmission_seconds(message) + PAUSE_SECONDS for message in messages]


@pytest.mark.parametrize("dump", [write_bank(*random_voices(32), channel=5), write_single(*random_voices(1))])
def test_a_dump_among_other_messages(cable, dump):
    put(cable, [0xFE], [0x90, 60, 100], [0xF0, 0x41, 1, 2, 0xF7], [0xF8], dump, write_single(*random_voices(1, 7)))
    assert receive(CABLE, 5) == dump


def damaged(dump, place):
    data = bytearray(dump)
    data[place] ^= 1
    return bytes(data)


@pytest.mark.parametrize(
    "dump",
    [
        write_bank(*random_voices(32))[:-2000] + b"\xf7",
        write_bank(*random_voices(32))[:100] + b"\xf7",
        write_single(*random_voices(1))[:-20] + b"\xf7",
        damaged(write_bank(*random_voices(32)), 50),
    ],
)
def test_a_dump_that_is_not_whole_is_refused(cable, dump):
    put(cable, dump)
    with pytest.raises(PortError, match=f"received an incomplete dump: .* {len(dump):,} bytes"):
        receive(CABLE, 5)


def test_no_dump_in_time(cable):
    put(cable, [0xF0, 0x41, 1, 2, 0xF7], [0xF0, 0x43, 0xF7])
    with pytest.raises(PortError, match=r"received no voice dump within 0.05 seconds; received: .*Roland"):
        receive(CABLE, 0.05)
    with pytest.raises(PortError, match=r"received no voice dump within 0.05 seconds$"):
        receive(CABLE, 0.05)


@pytest.mark.parametrize("use", [lambda: send([], "TX802"), lambda: receive("TX802", 1)])
def test_a_port_that_is_not_there(cable, use):
    with pytest.raises(PortError, match="no MIDI port 'TX802'; available: DX7"):
        use()


def test_without_the_extra(monkeypatch):
    before = mido.backend
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    monkeypatch.delitem(sys.modules, "mido.backends.rtmidi", raising=False)
    mido.set_backend("mido.backends.rtmidi")
    try:
        with pytest.raises(PortError, match=r"install deepdx\[midi\]"):
            list_ports()
    finally:
        mido.set_backend(before)


def test_the_command_sends_a_bank_and_receives_it(deepdx, cable, waits, tmp_path):
    assert CABLE in deepdx("ports")[1]
    code, said, _ = deepdx("send", BANK, "--port", CABLE, "--channel", 3)
    assert (code, said) == (0, f"{BANK}: 32 voices\n")
    (sent,) = taken(cable)
    assert (sent[2], sent[6:]) == (2, BANK.read_bytes()[6:])
    put(cable, sent)
    code, said, _ = deepdx("receive", "--port", CABLE, "-o", "in.syx")
    assert (code, said) == (0, "4,104 bytes: in.syx\n")
    assert (tmp_path / "in.syx").read_bytes() == sent
    code, _, errors = deepdx("receive", "--port", CABLE, "-o", "in.syx")
    assert (code, errors) == (1, "deepdx: in.syx: exists already; nothing was written (--force overwrites)\n")


def test_one_message_for_each_dump(deepdx, cable, waits, tmp_path):
    singles = write_singles(*random_voices(2))
    (tmp_path / "mixed.syx").write_bytes(singles[0] + write_bank(*random_voices(32)) + singles[1])
    assert deepdx("send", "mixed.syx", "--port", CABLE)[0] == 0
    assert taken(cable) == [singles[0], write_bank(*random_voices(32)), singles[1]]


def test_a_dump_that_cannot_be_written_is_not_sent(deepdx, cable, waits):
    path = DEMO / "From the net" / "out_of_range.syx"
    code, _, errors = deepdx("send", path, "--port", CABLE)
    assert code == 1
    assert "slot 18 (SEQ BASS 2): not written: lfo_wave is 7" in errors
    assert errors.endswith("deepdx: nothing to send\n")
    assert taken(cable) == []
    assert deepdx("send", path, "--port", CABLE, "--clamp")[0] == 0
    (sent,) = taken(cable)
    parameters, _ = unpack_vmem(np.frombuffer(sent[6:-2], np.uint8).reshape(32, 128))
    assert parameters[17, 142] == 5


def test_a_dump_cut_short_is_filled_up(deepdx, cable, waits):
    code, said, _ = deepdx("send", DEMO / "From the net" / "truncated.syx", "--port", CABLE)
    assert code == 0
    assert "20 voices, 12 INIT VOICE" in said
    assert [len(message) for message in taken(cable)] == [4104]


def test_receive_says_that_it_waits_once_the_port_is_open(deepdx, cable):
    code, _, errors = deepdx("receive", "--port", "TX802", "-o", "in.syx")
    assert (code, errors) == (1, "deepdx: there is no MIDI port 'TX802'; available: DX7\n")
    put(cable, write_bank(*random_voices(32)))
    assert "Waiting 60 seconds for a dump from DX7\n" in deepdx("receive", "--port", CABLE, "-o", "in.syx")[2]


@pytest.mark.parametrize("output", ["there/in.syx", "/dev/full", "link"])
def test_receive_does_not_wait_for_what_it_cannot_write(deepdx, cable, tmp_path, output):
    (tmp_path / "link").symlink_to("/dev/full")
    code, _, errors = deepdx("receive", "--port", CABLE, "-o", output, "--force")
    assert code == 1
    assert errors.startswith(f"deepdx: {output}: ")
    assert "Waiting" not in errors


def test_an_incomplete_dump_is_not_written(deepdx, cable, tmp_path):
    put(cable, write_bank(*random_voices(32))[:500] + b"\xf7")
    code, _, errors = deepdx("receive", "--port", CABLE, "-o", "in.syx")
    assert code == 1
    assert "deepdx: received an incomplete dump" in errors
    assert not list(tmp_path.iterdir())


def test_a_real_virtual_port():
    name = "Deep DX test"
    try:
        source = mido.open_output(name, virtual=True)
    except Exception as error:
        pytest.skip(f"no virtual MIDI port can be had here: {error}")
    bank = write_bank(*random_voices(32))
    with source:
        port = next(p for p in list_ports()[0] if name in p)
        sender = threading.Thread(target=lambda: (time.sleep(0.5), source.send(mido.Message.from_bytes(bank))))
        sender.start()
        assert receive(port, 10) == bank
        sender.join()
