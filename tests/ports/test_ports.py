"""MIDI ports: messages sent and received through simulated ports, and through a virtual one if the system has any."""

import contextlib
import sys
import threading
import time

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepdx_core.codec.transmission import PAUSE_SECONDS, SELECT_PAUSE_SECONDS, transmission_seconds
from deepdx_core.codec.writer import write_bank, write_banks, write_single, write_singles
from deepdx_core.conversions.to_sy77 import write_sy77_voices
from deepdx_core.ports.opening import PortError, list_ports
from deepdx_core.ports.receiving import MAX_BYTES, QUIET_SECONDS, receive
from deepdx_core.ports.sending import send
from deepdx_core.synths.dx7ii.blocks import find_block_selects, select_receive_block, select_transmit_block
from deepdx_core.synths.dx7ii.writer import write_dx7ii_banks
from deepdx_core.synths.instruments import Wanted
from deepdx_core.synths.messages import read_messages
from deepdx_core.synths.requests import UNASKED, write_requests
from tests.support.cables import NAME
from tests.support.other_synths import real_files
from tests.support.paths import needs_corpus
from tests.support.voices import legal_voices, random_voices

BANK = write_bank(*random_voices(32))
SINGLE = write_single(*random_voices(1, 7))


def split(data):
    """Return the messages in some bytes."""
    return [bytes(message.bytes()) for message in mido.parse_all(data)]


def both_banks(channel=0):
    """Return the messages of a set of 64 voices, as a DX7II sends it: block, supplements and voices, twice."""
    return split(b"".join(write_dx7ii_banks(*random_voices(64), channel)))


def flip_bit(dump, offset):
    data = bytearray(dump)
    data[offset] ^= 1
    return bytes(data)


def test_ports_are_listed(cable):
    assert list_ports() == ([NAME], [NAME])


def test_each_message_is_sent_whole_with_a_pause_after_it(cable):
    messages = [*write_banks(*random_voices(40)), *write_singles(*random_voices(2))]
    send(messages, NAME)
    assert cable.messages == messages
    assert cable.sleeps == [transmission_seconds(message) + PAUSE_SECONDS for message in messages]


def test_messages_sent_together_have_pauses_too_and_a_longer_one_after_a_block_select(cable):
    select, supplement, bank, *_ = both_banks()
    send([select + supplement, bank], NAME)
    assert cable.messages == [select, supplement, bank]
    pauses = (SELECT_PAUSE_SECONDS, PAUSE_SECONDS, PAUSE_SECONDS)
    assert cable.sleeps == [transmission_seconds(m) + p for m, p in zip(cable.messages, pauses, strict=True)]


def test_messages_are_taken_one_by_one_as_they_are_sent(cable):
    def generate():
        for number, message in enumerate([BANK, SINGLE]):
            assert len(cable.sent) == number
            yield message

    send(generate(), NAME)
    assert cable.messages == [BANK, SINGLE]


@pytest.mark.parametrize("dump", [write_bank(*random_voices(32), channel=5), SINGLE])
def test_a_dump_is_received_among_other_messages(cable, dump):
    cable.arrive([0xFE], [0x90, 60, 100], [0xF0, 0x41, 1, 2, 0xF7], [0xF8], dump, [0xF0, 0x41, 1, 2, 0xF7])
    assert receive(NAME, 5) == dump


def test_both_banks_of_a_set_are_received_with_their_blocks_and_supplements(cable):
    messages = both_banks()
    cable.arrive(*messages[:3], at=2)
    cable.arrive(*messages[3:], at=5)
    heard = []
    assert receive(NAME, 5, on_received=heard.append) == b"".join(messages)
    assert heard == [
        "select of voices 1 to 32", "DX7II supplement of 32 voices", "32-voice dump",
        "select of voices 33 to 64", "DX7II supplement of 32 voices", "32-voice dump",
    ]  # fmt: skip


def test_a_dump_after_a_silence_is_another_one(cable):
    messages = both_banks()
    cable.arrive(*messages[:3])
    cable.arrive(*messages[3:], at=QUIET_SECONDS + 1)
    assert receive(NAME, 60) == b"".join(messages[:3])
    cable.arriving.clear()
    cable.arrive(*messages[:3], at=cable.now)
    cable.arrive(*messages[3:], at=cable.now + 50)
    assert receive(NAME, 60, [UNASKED] * 2) == b"".join(messages)


def test_voices_of_other_yamahas_are_received(cable):
    messages, _ = write_sy77_voices(*random_voices(3))
    cable.arrive(*messages)
    assert receive(NAME, 5) == b"".join(messages)


@needs_corpus
def test_real_dumps_are_received_byte_for_byte(cable):
    for name, data in real_files():
        if name in ("dx7ii/INTERNAL.SYX", "tx802/A1.SYX", "4op/TX81Z01A.SYX", "4op/Yamaha_TX81Z_FilterBass.syx"):
            cable.arrive(*split(data), at=cable.now)
            assert receive(NAME, 5) == data, name


@pytest.mark.parametrize(
    "dump",
    [
        BANK[:-2000] + b"\xf7",
        BANK[:100] + b"\xf7",
        SINGLE[:-20] + b"\xf7",
        flip_bit(BANK, 50),
        flip_bit(both_banks()[1], 50),
        both_banks()[1][:500] + b"\xf7",
    ],
)
def test_an_incomplete_dump_is_refused(cable, dump):
    cable.arrive(dump, BANK)
    with pytest.raises(PortError, match=f"received an incomplete dump: .* {len(dump):,} bytes"):
        receive(NAME, 5)


def test_a_damaged_second_bank_is_refused(cable):
    messages = both_banks()
    cable.arrive(*messages[:5], flip_bit(messages[5], 99))
    with pytest.raises(PortError, match="received an incomplete dump: 32-voice dump; checksum wrong, 4,104 bytes"):
        receive(NAME, 5)


def test_without_a_dump_in_time_the_error_lists_the_messages_received(cable):
    cable.arrive([0xF0, 0x41, 1, 2, 0xF7], [0xF0, 0x43, 0xF7])
    with pytest.raises(PortError, match=r"received no voice dump within 5 seconds; received: .*Roland"):
        receive(NAME, 5)
    with pytest.raises(PortError, match=r"received no voice dump within 5 seconds$"):
        receive(NAME, 5)


def test_messages_of_others_do_not_prolong_the_wait(cable):
    for second in range(100):
        cable.arrive([0xF0, 0x41, 1, 2, 0xF7], at=second)
    with pytest.raises(PortError, match="received no voice dump within 5 seconds"):
        receive(NAME, 5)
    assert cable.now == pytest.approx(5, abs=0.1)


def test_dumps_without_end_are_refused(cable):
    cable.arrive(*[BANK] * (MAX_BYTES // len(BANK) + 1))
    with pytest.raises(PortError, match="received more than 1,048,576 bytes"):
        receive(NAME, 5)


def test_a_voice_and_a_bank_are_asked_for(cable):
    cable.instrument = lambda message: {b"\xf0\x43\x22\x00\xf7": [SINGLE], b"\xf0\x43\x22\x09\xf7": [BANK]}[message]
    assert receive(NAME, 5, write_requests(Wanted.VOICE, 2)) == SINGLE
    assert receive(NAME, 5, write_requests(Wanted.BANK, 2)) == BANK


@pytest.mark.parametrize(
    "wanted, select", [(Wanted.DX7II_BANKS, select_transmit_block), (Wanted.TX802_BANKS, select_receive_block)]
)
def test_both_banks_are_asked_for_one_after_the_other_and_return_to_their_blocks(cable, wanted, select):
    messages = both_banks(channel=2)
    block = []

    def instrument(message):
        if message[2] == 0x12:
            block[:] = [message[5]]
            return []
        return [messages[3 * block[0] + {0x06: 1, 0x09: 2}[message[3]]]]

    cable.instrument = instrument
    assert receive(NAME, 5, write_requests(wanted, 2)) == b"".join(messages)
    asked = [b"\xf0\x43\x22\x06\xf7", b"\xf0\x43\x22\x09\xf7"]
    assert cable.messages == [select(0, 2), *asked, select(1, 2), *asked]


def test_the_64_voices_of_an_sy77_are_asked_for_by_number(cable):
    voices, _ = write_sy77_voices(*random_voices(64))

    def instrument(message):
        assert message[:28] == b"\xf0\x43\x20\x7aLM  8101VC" + bytes(14) and message[28] == 0
        return [voices[message[29]]]

    cable.instrument = instrument
    assert receive(NAME, 5, write_requests(Wanted.SY77_VOICES)) == b"".join(voices)


@given(
    st.lists(st.binary(max_size=200).map(lambda data: bytes(byte & 0x7F for byte in data)), max_size=4), st.booleans()
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_messages_are_received_or_refused(cable, contents, yamaha):
    cable.arriving.clear()
    cable.arrive(*(b"\xf0" + b"\x43" * yamaha + data + b"\xf7" for data in contents), at=cable.now)
    with contextlib.suppress(PortError):
        receive(NAME, 0.1)


@pytest.mark.parametrize("wanted", Wanted)
def test_every_request_is_a_legal_message_that_an_instrument_may_not_answer(cable, wanted):
    requests = write_requests(wanted, 15)
    for message in (message for request in requests for message in split(request.ask)):
        assert message[:2] == b"\xf0\x43" and message[2] in (0x1F, 0x2F) and message[-1] == 0xF7
        assert not read_messages(message)
    assert all(len(split(request.ask)) in (1, 2) for request in requests)
    with pytest.raises(PortError, match=r"received no .* within 5 seconds of asking for it.*has to be told to send$"):
        receive(NAME, 5, requests)


def test_an_answer_to_another_request_is_not_enough(cable):
    cable.instrument = lambda message: [SINGLE]
    with pytest.raises(PortError, match="received no bank within 5 seconds"):
        receive(NAME, 5, write_requests(Wanted.BANK))


@given(st.binary(max_size=60), legal_voices(most=2), st.integers(0, 1), st.integers(0, 15))
def test_block_selects_are_found_in_any_bytes(noise, voices, block, channel):
    (single, *_) = write_singles(*voices)
    noise = noise.replace(b"\xf0", b"")
    data = noise + select_receive_block(block, channel) + single
    assert [(found.offset, found.block) for found in find_block_selects(data)] == [(len(noise), block)]


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
def test_a_port_is_found_by_a_part_of_its_name_in_any_case(cable, port, opened):
    cable.names = ["UM-ONE:UM-ONE MIDI 1 20:0", "Interface MIDI 1", "Interface MIDI 2", "Synth", "synth 2"]
    send([SINGLE], port)
    assert cable.sent == [(opened, SINGLE)]


def test_a_name_that_fits_several_ports_is_refused_with_these(cable):
    cable.names = ["Interface MIDI 1", "Interface MIDI 2", "DX7"]
    with pytest.raises(
        PortError, match=r"'interface' may be any of these MIDI ports: Interface MIDI 1, Interface MIDI 2$"
    ):
        send([], "interface")
    cable.names = []
    with pytest.raises(PortError, match="no MIDI port 'interface'; available: none"):
        send([], "interface")


def test_ports_of_the_same_name_are_one(cable):
    cable.names = ["DX7", "DX7"]
    send([SINGLE], "dx")
    assert cable.sent == [("DX7", SINGLE)]


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


def test_a_bank_is_received_through_a_virtual_port():
    name = "Deep DX test"
    try:
        source = mido.open_output(name, virtual=True)
    except Exception as error:
        pytest.skip(f"no virtual MIDI port is available: {error}")
    with source:
        sender = threading.Thread(target=lambda: (time.sleep(0.5), source.send(mido.Message.from_bytes(BANK))))
        sender.start()
        assert receive(name.lower(), 10) == BANK
        sender.join()
