"""MIDI ports: dumps sent and received through a loopback backend, and through a virtual port if the system has one."""

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
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO
from tests.support.voices import random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"
CABLE = "DX7"


@pytest.fixture
def ports():
    """Names of the ports there are."""
    return [CABLE]


@pytest.fixture
def cable(monkeypatch, ports):
    """Install a mido backend with loopback ports, and return their queue of messages, each with its `port`."""
    messages = queue.SimpleQueue()

    class Output(mido.ports.BaseOutput):
        def _send(self, message):
            vars(message)["port"] = self.name
            messages.put(message)

    class Input(mido.ports.BaseInput):
        def _receive(self, block=True):
            if not messages.empty():
                self._messages.append(messages.get())

    backend = types.ModuleType("loopback_midi")
    backend.Input, backend.Output = Input, Output
    backend.get_devices = lambda **_: [{"name": name, "is_input": True, "is_output": True} for name in ports]
    monkeypatch.setitem(sys.modules, "loopback_midi", backend)
    before = mido.backend
    mido.set_backend("loopback_midi")
    yield messages
    mido.set_backend(before)


@pytest.fixture
def deepdx(monkeypatch, tmp_path, capsys):
    """Return the command `deepdx`, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(run_deepdx, capsys)


@pytest.fixture
def sleeps(monkeypatch):
    """Collect the seconds of each sleep instead of sleeping."""
    seconds = []
    monkeypatch.setattr("deepdx_core.ports.time.sleep", seconds.append)
    return seconds


def put(cable, *messages):
    for message in messages:
        cable.put(mido.Message.from_bytes(message))


def drain(cable):
    return [bytes(cable.get().bytes()) for _ in range(cable.qsize())]


def test_ports_are_listed(cable):
    assert list_ports() == ([CABLE], [CABLE])


def test_each_message_is_sent_whole_with_a_pause_after_it(cable, sleeps):
    messages = [*write_banks(*random_voices(40)), *write_singles(*random_voices(2))]
    send(messages, CABLE)
    assert drain(cable) == messages
    assert sleeps == [transmission_seconds(message) + PAUSE_SECONDS for message in messages]


@pytest.mark.parametrize("dump", [write_bank(*random_voices(32), channel=5), write_single(*random_voices(1))])
def test_a_dump_is_received_among_other_messages(cable, dump):
    put(cable, [0xFE], [0x90, 60, 100], [0xF0, 0x41, 1, 2, 0xF7], [0xF8], dump, write_single(*random_voices(1, 7)))
    assert receive(CABLE, 5) == dump


def flip_bit(dump, offset):
    data = bytearray(dump)
    data[offset] ^= 1
    return bytes(data)


@pytest.mark.parametrize(
    "dump",
    [
        write_bank(*random_voices(32))[:-2000] + b"\xf7",
        write_bank(*random_voices(32))[:100] + b"\xf7",
        write_single(*random_voices(1))[:-20] + b"\xf7",
        flip_bit(write_bank(*random_voices(32)), 50),
    ],
)
def test_an_incomplete_dump_is_refused(cable, dump):
    put(cable, dump)
    with pytest.raises(PortError, match=f"received an incomplete dump: .* {len(dump):,} bytes"):
        receive(CABLE, 5)


def test_without_a_dump_in_time_the_error_lists_the_messages_received(cable):
    put(cable, [0xF0, 0x41, 1, 2, 0xF7], [0xF0, 0x43, 0xF7])
    with pytest.raises(PortError, match=r"received no voice dump within 0.05 seconds; received: .*Roland"):
        receive(CABLE, 0.05)
    with pytest.raises(PortError, match=r"received no voice dump within 0.05 seconds$"):
        receive(CABLE, 0.05)


@pytest.mark.parametrize("use", [lambda: send([], "TX802"), lambda: receive("TX802", 1)])
def test_an_unknown_port_is_refused(cable, use):
    with pytest.raises(PortError, match="no MIDI port 'TX802'; available: DX7"):
        use()


@pytest.mark.parametrize(
    "port, opened",
    [
        ("UM-ONE:UM-ONE MIDI 1 20:0", "UM-ONE:UM-ONE MIDI 1 20:0"),
        ("um-one", "UM-ONE:UM-ONE MIDI 1 20:0"),
        ("midi 2", "Interface MIDI 2"),
        ("synth", "Synth"),  # the whole name of one and a part of another
        ("SYNTH 2", "synth 2"),
    ],
)
def test_a_port_is_found_by_a_part_of_its_name_in_any_case(cable, sleeps, ports, port, opened):
    ports[:] = ["UM-ONE:UM-ONE MIDI 1 20:0", "Interface MIDI 1", "Interface MIDI 2", "Synth", "synth 2"]
    send([write_single(*random_voices(1))], port)
    assert cable.get().port == opened


def test_a_name_that_fits_several_ports_is_refused_with_these(cable, ports):
    ports[:] = ["Interface MIDI 1", "Interface MIDI 2", "DX7"]
    with pytest.raises(
        PortError, match=r"'interface' may be any of these MIDI ports: Interface MIDI 1, Interface MIDI 2$"
    ):
        send([], "interface")
    ports[:] = []
    with pytest.raises(PortError, match="no MIDI port 'interface'; available: none"):
        send([], "interface")


def test_ports_of_the_same_name_are_one(cable, sleeps, ports):
    ports[:] = ["DX7", "DX7"]
    send([write_single(*random_voices(1))], "dx")
    assert cable.qsize() == 1


def test_without_python_rtmidi_the_error_names_the_extra(monkeypatch):
    before = mido.backend
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    monkeypatch.delitem(sys.modules, "mido.backends.rtmidi", raising=False)
    mido.set_backend("mido.backends.rtmidi")
    try:
        with pytest.raises(PortError, match=r"install deepdx\[midi\]"):
            list_ports()
    finally:
        mido.set_backend(before)


def test_the_command_sends_a_bank_and_receives_it(deepdx, cable, sleeps, tmp_path):
    assert CABLE in deepdx("ports")[1]
    code, stdout, _ = deepdx("send", BANK, "--port", CABLE, "--channel", 3)
    assert (code, stdout) == (0, f"{BANK}: 32 voices\n")
    (sent,) = drain(cable)
    assert (sent[2], sent[6:]) == (2, BANK.read_bytes()[6:])
    put(cable, sent)
    code, stdout, _ = deepdx("receive", "--port", CABLE, "-o", "in.syx")
    assert (code, stdout) == (0, "4,104 bytes: in.syx\n")
    assert (tmp_path / "in.syx").read_bytes() == sent
    code, _, errors = deepdx("receive", "--port", CABLE, "-o", "in.syx")
    assert (code, errors) == (1, "deepdx: in.syx: exists already; nothing was written (--force overwrites)\n")


def test_each_dump_is_one_message(deepdx, cable, sleeps, tmp_path):
    singles = write_singles(*random_voices(2))
    (tmp_path / "mixed.syx").write_bytes(singles[0] + write_bank(*random_voices(32)) + singles[1])
    assert deepdx("send", "mixed.syx", "--port", CABLE)[0] == 0
    assert drain(cable) == [singles[0], write_bank(*random_voices(32)), singles[1]]


def test_a_dump_that_cannot_be_written_is_not_sent(deepdx, cable, sleeps):
    path = DEMO / "From the net" / "out_of_range.syx"
    code, _, errors = deepdx("send", path, "--port", CABLE)
    assert code == 1
    assert "slot 18 (SEQ BASS 2): not written: lfo_wave is 7" in errors
    assert errors.endswith("deepdx: nothing to send\n")
    assert drain(cable) == []
    assert deepdx("send", path, "--port", CABLE, "--clamp")[0] == 0
    (sent,) = drain(cable)
    parameters, _ = unpack_vmem(np.frombuffer(sent[6:-2], np.uint8).reshape(32, 128))
    assert parameters[17, 142] == 5


def test_a_dump_cut_short_is_filled_with_init_voices(deepdx, cable, sleeps):
    code, stdout, _ = deepdx("send", DEMO / "From the net" / "truncated.syx", "--port", CABLE)
    assert code == 0
    assert "20 voices, 12 INIT VOICE" in stdout
    assert [len(message) for message in drain(cable)] == [4104]


def test_receive_announces_its_wait_once_the_port_is_open(deepdx, cable):
    code, _, errors = deepdx("receive", "--port", "TX802", "-o", "in.syx")
    assert (code, errors) == (1, "deepdx: there is no MIDI port 'TX802'; available: DX7\n")
    put(cable, write_bank(*random_voices(32)))
    assert "Waiting 60 seconds for a dump from DX7\n" in deepdx("receive", "--port", CABLE, "-o", "in.syx")[2]


@pytest.mark.parametrize("output", ["there/in.syx", "/dev/full", "link"])
def test_receive_checks_the_output_before_it_waits(deepdx, cable, tmp_path, output):
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


def test_a_bank_is_received_through_a_virtual_port():
    name = "Deep DX test"
    try:
        source = mido.open_output(name, virtual=True)
    except Exception as error:
        pytest.skip(f"no virtual MIDI port is available: {error}")
    bank = write_bank(*random_voices(32))
    with source:
        port = next(p for p in list_ports()[0] if name in p)
        sender = threading.Thread(target=lambda: (time.sleep(0.5), source.send(mido.Message.from_bytes(bank))))
        sender.start()
        assert receive(port, 10) == bank
        sender.join()
