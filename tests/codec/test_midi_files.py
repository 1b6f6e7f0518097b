"""MIDI files: messages in packets of any size, over tracks, in escapes, with other events between."""

import io
import random

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.segments import Checksum
from tests.codec.test_messages import BANK, SINGLES, VOICES, read_dumps, read_voices
from tests.support.readings import read_checked

NOTES = bytes.fromhex("00903c40 60803c40 00c005 00e00040")


def number(value):
    """Encode a number of variable length."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def packets(message, size, between=b""):
    """Return a message as an F0 event and F7 events of `size` bytes, with deltas and other events between them."""
    events, data = b"", message[1:]
    for start in range(0, len(data), size):
        part = data[start : start + size]
        events += number(start * 7 % 5000) + (b"\xf7" if start else b"\xf0") + number(len(part)) + part + between
    return events


def midi_file(*tracks, lie=0):
    """Return a MIDI file with tracks of these events."""
    header = b"MThd" + bytes([0, 0, 0, 6, 0, len(tracks) > 1, 0, len(tracks), 0, 96])
    ends = (events + b"\x00\xff\x2f\x00" for events in tracks)
    return header + b"".join(b"MTrk" + max(len(track) + lie, 0).to_bytes(4, "big") + track for track in ends)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 127, 128, 129, 500, 4000, 4102, 4103])
def test_packets_of_any_size_are_joined(size):
    data = midi_file(NOTES + packets(BANK, size) + NOTES)
    (dump,) = read_dumps(data)
    assert (dump.payload, dump.checksum) == (BANK[6:-2], Checksum.RIGHT)
    count = -(-4103 // size)
    assert (f"joined from {count} packets" in dump.note) == (count > 1)
    assert data[dump.offset] == 0xF0
    assert data[dump.offset + dump.length - 1] == 0xF7


@pytest.mark.parametrize("between", [b"", NOTES, b"\x05\xff\x01\x05words", b"\x00\xff\x51\x03\x07\xa1\x20"])
def test_other_events_between_packets_are_passed_over(between):
    assert read_voices(midi_file(packets(BANK, 100, between))) == VOICES


def test_tracks_have_messages_of_their_own():
    tracks = [packets(single, 40) + NOTES for single in SINGLES[:5]]
    assert read_voices(midi_file(NOTES, *tracks, packets(BANK, 128))) == VOICES[:5] + VOICES


def test_messages_in_a_track_follow_each_other():
    events = b"".join(packets(single, size) for size, single in enumerate(SINGLES, 10))
    assert read_voices(midi_file(events)) == VOICES


def test_a_message_in_escapes_is_read():
    whole = b"\x00\xf7" + number(len(BANK)) + BANK
    halves = b"".join(b"\x00\xf7" + number(len(part)) + part for part in (BANK[:2000], BANK[2000:]))
    for events in (whole, halves, b"\x00\xf7\x02\xf3\x01" + halves):
        assert read_voices(midi_file(events)) == VOICES


def test_running_status_beyond_a_message_is_passed_over():
    for status, data in ((b"\x90", b"\x3c\x40"), (b"\xc3", b"\x05")):
        running = b"".join(b"\x10" + data for _ in range(9))
        events = b"\x00" + status + data + running + packets(BANK, 200) + running + packets(SINGLES[3], 50) + running
        assert read_voices(midi_file(events)) == [*VOICES, VOICES[3]]


@pytest.mark.parametrize("lie", [-4000, -1, 1, 100000])
def test_wrong_lengths_of_tracks_lose_no_voice(lie):
    assert read_voices(midi_file(packets(BANK, 128), packets(SINGLES[2], 30), lie=lie)) == [*VOICES, VOICES[2]]


@pytest.mark.parametrize("before", [b"", b"\0" * 128, b"RIFF\0\0\0\0RMIDdata\0\0\0\0"])
def test_a_midi_file_is_found_in_a_container(before):
    assert read_voices(before + midi_file(packets(BANK, 128)) + b"\0" * 50) == VOICES


def test_a_message_cut_in_a_packet_keeps_its_whole_voices():
    data = midi_file(packets(BANK, 128))[:1500]
    assert read_voices(data) == VOICES[: len(read_voices(data))]
    assert len(read_voices(data)) >= 10


def test_files_of_mido_are_read():
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("track_name", name="DX7"))
    for single in SINGLES:
        track.append(mido.Message.from_bytes(single, time=50))
        track.append(mido.Message("note_on", note=60, time=10))
    buffer = io.BytesIO()
    mido.MidiFile(type=1, tracks=[track, mido.MidiTrack([mido.Message.from_bytes(BANK)])]).save(file=buffer)
    assert read_voices(buffer.getvalue()) == VOICES * 2


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32), st.binary(max_size=40))
def test_segments_cover_any_damaged_midi_file(seed, junk):
    draw = random.Random(seed)
    data = bytearray(
        midi_file(NOTES, packets(SINGLES[0], draw.randint(1, 60)) + junk, packets(BANK, draw.randint(50, 300)))
    )
    for _ in range(draw.randint(1, 8)):
        data[draw.randrange(len(data))] = draw.choice((0, 0x7F, 0x80, 0xF0, 0xF7, 0xFF, draw.randrange(256)))
    read_checked(bytes(data[draw.randint(0, 30) : draw.randint(100, len(data))]))
