"""Voices to dumps and MIDI files, and back: round trips and known bytes."""

import io
from itertools import pairwise

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.packing import INIT_VOICE, unpack_vced, unpack_vmem
from deepdx_core.codec.reader import read
from deepdx_core.codec.segments import Checksum, Format, Kind
from deepdx_core.codec.transmission import PAUSE_SECONDS, transmission_seconds, write_midi_file
from deepdx_core.codec.writer import (
    write_banks,
    write_single,
    write_singles,
    write_volca_singles,
)
from deepdx_core.synths.dx7ii.writer import write_dx7ii_singles
from deepdx_core.voice.parameters import INDEX
from tests.support.paths import CORPUS, needs_corpus
from tests.support.voices import legal_voices, random_voices


def voices_in(data):
    """Return parameters and names of all voices in a file; every checksum must be right."""
    found = []
    for segment in read(data).segments:
        if segment.kind is Kind.VOICES:
            assert segment.checksum is Checksum.RIGHT
            records = np.frombuffer(segment.payload, np.uint8).reshape(segment.voices, -1)
            found.append(unpack_vmem(records) if segment.format is Format.VMEM else unpack_vced(records[:, :155]))
    return [np.concatenate(part) for part in zip(*found, strict=True)]


def assert_same(actual, expected):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=40, deadline=None)
@given(legal_voices(most=70), st.integers(0, 15))
def test_every_dump_reads_back(voices, channel):
    count = len(voices[0])
    banks = write_banks(*voices, channel)
    assert [len(bank) for bank in banks] == [4104] * -(-count // 32)
    parameters, names = voices_in(b"".join(banks))
    assert_same((parameters[:count], names[:count]), voices)
    assert (parameters[count:] == INIT_VOICE).all()
    assert {bytes(name) for name in names[count:]} <= {b"INIT VOICE"}
    for write, size in ((write_singles, 163), (write_volca_singles, 164), (write_dx7ii_singles, 57 + 163)):
        singles = write(*voices, channel)
        assert {len(single) for single in singles} == {size}
        assert_same(voices_in(b"".join(singles)), voices)
        assert all(single[2] == channel for single in singles)


def test_without_voices_no_dump_is_written():
    nothing = random_voices(0)
    assert write_banks(*nothing) == write_singles(*nothing) == write_volca_singles(*nothing) == []


@pytest.mark.parametrize("write", [write_banks, write_singles, write_volca_singles, write_dx7ii_singles])
def test_illegal_values_are_not_written(write):
    parameters, names = random_voices(3)
    parameters[1, INDEX["algorithm"]] = 32
    with pytest.raises(ValueError, match="voice 1: algorithm is 32"):
        write(parameters, names)
    with pytest.raises(ValueError, match="name byte"):
        write(*random_voices(1)[:1], names[:1] | 0x80)
    with pytest.raises(ValueError, match="channel 16"):
        write(*random_voices(1), channel=16)


def test_a_volca_single_is_the_dx7_single_with_switches_and_its_own_checksum():
    voice = (INIT_VOICE[None], text_to_names(["INIT VOICE"]))
    single = write_single(*voice)
    (volca,) = write_volca_singles(*voice)
    assert volca[:6].hex() == "f0430000011b"
    assert volca[6:161] == single[6:161]
    assert (volca[161], volca[162], volca[163]) == (0x3F, (single[161] - 0x3F) & 0x7F, 0xF7)
    with pytest.raises(ValueError, match="switches 128"):
        write_volca_singles(*voice, switches=128)


@needs_corpus
def test_volca_singles_of_real_instruments_round_trip_byte_for_byte():
    specimens = sorted((CORPUS / "specimens").glob("volca-fm-single-*.sysex"))
    assert specimens
    for path in specimens:
        data = path.read_bytes()
        voice = unpack_vced(np.frombuffer(data[6:161], np.uint8)[None])
        assert write_volca_singles(*voice, channel=data[2], switches=data[161]) == [data]


def test_a_dx7ii_single_is_a_plain_supplement_and_the_dx7_single():
    parameters, names = random_voices(1)
    for operator in range(1, 7):
        parameters[0, INDEX[f"op{operator}_amp_mod_sensitivity"]] = operator % 4
    (data,) = write_dx7ii_singles(parameters, names, channel=2)
    supplement = data[:57]
    assert supplement[:6].hex() == "f04302050031"
    assert list(supplement[12:18]) == [6 % 4, 5 % 4, 4 % 4, 3, 2, 1]
    assert sum(supplement[6:-1]) % 128 == 0
    # JSynthLib's new voice, its supplement as bytes; there every sensitivity is 0.
    plain = bytes(16) + b"\2" + bytes(16) + b"\x32" + bytes(3) + b"\x32" + bytes(11)
    assert supplement[6:12] + bytes(6) + supplement[18:55] == plain
    assert data[57:] == write_single(parameters, names, channel=2)


def test_mido_reads_the_midi_file():
    banks = write_banks(*random_voices(70))
    song = mido.MidiFile(file=io.BytesIO(write_midi_file(banks)))
    assert (song.type, len(song.tracks)) == (0, 1)
    messages = [message for message in song if message.type == "sysex"]
    assert [bytes(message.bytes()) for message in messages] == banks
    assert messages[0].time == 0
    for before, message in pairwise(messages):
        assert message.time == pytest.approx(transmission_seconds(bytes(before.bytes())) + PAUSE_SECONDS, abs=0.002)
    assert 1.3 < transmission_seconds(banks[0]) < 1.4
    assert song.length > 3 * 1.3
