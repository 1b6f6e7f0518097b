"""DX7II with supplements, MiniDexed, Deluge and FM-1."""

import csv
import io
from configparser import ConfigParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.names import names_to_text
from deepdx_core.codec.packing import unpack_vced
from deepdx_core.codec.reader import read
from deepdx_core.conversions.instruments import voice_data, write_deluge_presets, write_fm1_set
from deepdx_core.conversions.minidexed import (
    VoiceMemory,
    convert_dx7ii_performances,
    convert_tx802_performances,
    empty_memory,
)
from deepdx_core.synths.dx7ii.parameters import ACED, AMEM, PERFORMANCE, TX802_PERFORMANCE
from deepdx_core.synths.dx7ii.writer import plain_supplements, write_dx7ii_banks, write_dx7ii_singles
from deepdx_core.synths.messages import read_messages
from tests.support.voices import legal_voices, random_voices


def ini(text):
    parser = ConfigParser()
    parser.optionxform = str
    parser.read_string("[performance]\n" + text)
    return dict(parser["performance"])


def memory(count=64, **changes):
    parameters, names = random_voices(count, seed=5)
    supplements = plain_supplements(parameters)
    for name, value in changes.items():
        supplements[:, ACED.index[name]] = value
    return VoiceMemory(parameters, names, supplements)


def performance(layout, **changes):
    values = np.zeros((1, len(layout.fields)), np.uint8)
    for name, value in changes.items():
        values[0, layout.index[name]] = value
    return values


SPLIT = {
    "mode": 2,
    "voice_a": 3,
    "voice_b": 40,
    "split": 60,
    "note_shift_a": 24,
    "note_shift_b": 36,
    "balance": 50,
    "volume": 99,
}
NAME = np.frombuffer(b"Split of two voices ", np.uint8)[None]


@given(legal_voices(most=40), st.data())
@settings(max_examples=20)
def test_supplements_survive_singles_and_banks(voices, data):
    parameters, names = voices
    seed = data.draw(st.integers(0, 2**16))
    maxima = np.array([field.maximum for field in ACED.fields])
    supplements = np.random.default_rng(seed).integers(0, maxima + 1, (len(names), len(maxima))).astype(np.uint8)
    single = read_messages(b"".join(write_dx7ii_singles(parameters, names, 2, supplements)))
    assert np.array_equal(np.concatenate([m.values for m in single]), supplements)
    banks = write_dx7ii_banks(parameters, names, 2, supplements)
    found = np.concatenate([m.values for m in read_messages(b"".join(banks))])
    assert np.array_equal(found[: len(names)], supplements)
    selects = (
        [bytes([0xF0, 0x43, 0x12, 0x19, 0x4D, n % 2, 0xF7]) for n in range(len(banks))] if len(banks) > 1 else [b""]
    )
    assert [bank[: -1128 - 4104] for bank in banks] == selects
    assert read(b"".join(banks)).voices == 32 * len(banks)


def test_supplements_have_the_same_fields_packed_and_unpacked():
    assert [f.name for f in ACED.fields] == [f.name for f in AMEM.fields]
    assert (ACED.size, AMEM.size, len(ACED.fields)) == (49, 35, 49)


def test_a_split_performance_becomes_two_parts_with_their_voices_and_ranges():
    voices = memory(bend_range=7, wheel_pitch=50)
    (found,) = convert_dx7ii_performances(performance(PERFORMANCE, **SPLIT), NAME, voices)
    values = ini(found.text)
    assert (found.name, values["Name"]) == ("Split of two voices", "Split of two voices")
    assert [values[f"NoteLimit{end}{n}"] for n in (1, 2) for end in ("Low", "High")] == ["0", "59", "60", "127"]
    assert [values[f"MIDIChannel{n}"] for n in range(1, 9)] == ["1", "1"] + ["0"] * 6
    assert [values[f"NoteShift{n}"] for n in (1, 2)] == ["0", "12"]
    assert (values["PitchBendRange1"], values["ModulationWheelRange1"], values["ModulationWheelTarget1"]) == (
        "7",
        "50",
        "1",
    )
    for n, voice in ((1, 3), (2, 40)):
        data = bytes.fromhex(values[f"VoiceData{n}"])
        assert len(data) == 156 and data[155] == 0x3F
        parameters, names = unpack_vced(np.frombuffer(data[:155], np.uint8)[None])
        assert np.array_equal(parameters[0], voices.parameters[voice])
        assert np.array_equal(names[0], voices.names[voice])
    assert found.losses == []


def test_what_minidexed_lacks_is_listed():
    voices = memory(wheel_pitch=50, wheel_amp=20, random_pitch=3, op2_fractional=1)
    changed = SPLIT | {"mode": 1, "voice_b": 100, "tuning_switch": 1, "balance": 20, "detune": 4}
    (found,) = convert_dx7ii_performances(performance(PERFORMANCE, **changed), NAME, voices)
    assert found.losses == [
        "different depths of a controller", "random pitch", "fractional level scaling",
        "voice 101, which is not among those given", "microtuning",
    ]  # fmt: skip
    values = ini(found.text)
    assert int(values["Volume1"]) == 127 and int(values["Volume2"]) == 51
    assert (values["Detune1"], values["Detune2"]) == ("-4", "4")
    assert bytes.fromhex(values["VoiceData2"])[145:155] == b"INIT VOICE"


def test_a_tx802_performance_has_the_parts_that_are_their_own():
    parts = {f"part{n}_channel_offset": 0 if n < 5 else 4 for n in range(1, 9)}
    parts |= {
        f"part{n}_{key}": value for n in range(1, 9) for key, value in (("output", 3), ("volume", 90), ("detune", 7))
    }
    parts |= {"part5_output": 2, "part1_voice": 2, "part5_voice": 3, "part5_channel": 16, "part1_note_high": 100}
    (found,) = convert_tx802_performances(performance(TX802_PERFORMANCE, **parts), NAME, memory())
    values = ini(found.text)
    assert [values[f"MIDIChannel{n}"] for n in range(1, 9)] == ["1", "0", "0", "0", "17", "0", "0", "0"]
    assert (values["Pan1"], values["Pan5"], values["NoteLimitHigh1"]) == ("64", "127", "100")
    assert bytes.fromhex(values["VoiceData5"])[145:155] == memory().names[3].tobytes()


def test_performances_without_voices_say_which_are_missing():
    (found,) = convert_dx7ii_performances(performance(PERFORMANCE, **SPLIT), NAME, empty_memory())
    assert found.losses == ["voice 4, which is not among those given", "voice 41, which is not among those given"]


def test_deluge_presets_hold_the_voice_and_nothing_over_it():
    parameters, names = random_voices(3)
    for preset, row in zip(write_deluge_presets(parameters, names), voice_data(parameters, names), strict=True):
        sound = ElementTree.fromstring(preset)
        oscillator = sound.find("osc1")
        assert (sound.tag, oscillator.get("type")) == ("sound", "dx7")
        assert bytes.fromhex(oscillator.get("dx7patch")) == row.tobytes()
        envelope = sound.find("defaultParams/envelope1")
        assert (envelope.get("sustain"), envelope.get("release")) == ("0x7FFFFFFF", "0x7FFFFFFF")
        assert len(sound.find("defaultParams/patchCables")) == 0  # velocity acts in the voice alone


@pytest.mark.parametrize("count", [1, 33, 128])
def test_an_fm1_set_is_four_banks_and_their_order(count):
    parameters, names = random_voices(count)
    files = write_fm1_set(parameters, names)
    assert sorted(files) == ["bank-1.syx", "bank-2.syx", "bank-3.syx", "bank-4.syx", "order.csv"]
    rows = list(csv.DictReader(io.StringIO(files["order.csv"].decode())))
    assert [int(row["slot"]) for row in rows] == list(range(1, 129))
    texts = names_to_text(names).tolist()
    for row, text in zip(rows, [*texts, *["INIT VOICE"] * (128 - count)], strict=True):
        segment = read(files[row["bank"]]).segments[0]
        stored = segment.payload[128 * (int(row["number"]) - 1) :][118:128]
        assert (row["name"], stored.decode().rstrip()) == (text, text)


@pytest.mark.parametrize("count", [0, 129])
def test_an_fm1_set_takes_no_more_than_its_slots(count):
    with pytest.raises(ValueError, match="1 to 128"):
        write_fm1_set(*random_voices(count))
