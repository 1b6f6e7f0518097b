"""Voices to bytes and back: known bytes, round trips, and frames."""

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepdx_core.codec import packing
from deepdx_core.codec.names import names_to_text, text_to_names
from deepdx_core.codec.writer import checksum, write_bank, write_single
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX, PARAMETERS
from tests.support.voices import legal_voices, random_voices

# INIT VOICE as a DX7 dumps it (operating manual, "voice initialize", listing of the values).
INIT_OPERATOR = [99, 99, 99, 99, 99, 99, 99, 0, 39, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 7]
INIT_VCED = [
    *INIT_OPERATOR * 5,
    *INIT_OPERATOR[:16], 99, *INIT_OPERATOR[17:],
    99, 99, 99, 99, 50, 50, 50, 50, 0, 0, 1, 35, 0, 0, 0, 1, 0, 3, 24,
]  # fmt: skip
INIT_VMEM_OPERATOR = "6363636363636300270000003800000200"
INIT_VMEM = bytes.fromhex(
    INIT_VMEM_OPERATOR * 5 + INIT_VMEM_OPERATOR[:28] + "630200" + "6363636332323232" + "0008" + "23000000" + "3118"
)


def test_init_voice_has_the_bytes_of_the_manual_in_both_formats():
    names = text_to_names(["INIT VOICE"])
    assert packing.INIT_VOICE.tolist() == INIT_VCED
    assert packing.pack_vced(packing.INIT_VOICE[None], names).tobytes() == bytes(INIT_VCED) + b"INIT VOICE"
    assert packing.pack_vmem(packing.INIT_VOICE[None], names).tobytes() == INIT_VMEM + b"INIT VOICE"


def test_packed_fields_are_at_the_offsets_of_the_manual():
    # Fields that share a byte, from the manual's table of the packed format.
    packed = np.zeros((1, 128), np.uint8)
    packed[0, 11] = 0b1110  # scaling curves of operator 6: right 3, left 2
    packed[0, 12] = (14 << 3) | 5  # detune 14, rate scaling 5
    packed[0, 13] = (6 << 2) | 3  # velocity 6, amplitude modulation 3
    packed[0, 15] = (31 << 1) | 1  # coarse 31, fixed
    packed[0, 111] = (1 << 3) | 6  # oscillator sync, feedback 6
    packed[0, 116] = (7 << 4) | (5 << 1) | 1  # pitch modulation 7, sample and hold, LFO sync
    parameters, _ = packing.unpack_vmem(packed)
    found = {p.name: int(parameters[0, i]) for i, p in enumerate(PARAMETERS) if parameters[0, i]}
    assert found == {
        "op6_left_curve": 2,
        "op6_right_curve": 3,
        "op6_detune": 14,
        "op6_rate_scaling": 5,
        "op6_velocity_sensitivity": 6,
        "op6_amp_mod_sensitivity": 3,
        "op6_coarse": 31,
        "op6_mode": 1,
        "oscillator_sync": 1,
        "feedback": 6,
        "pitch_mod_sensitivity": 7,
        "lfo_wave": 5,
        "lfo_sync": 1,
    }


@given(legal_voices())
def test_unpacking_undoes_packing(voices):
    for pack, unpack in (
        (packing.pack_vmem, packing.unpack_vmem),
        (packing.pack_vced, packing.unpack_vced),
    ):
        parameters, names = unpack(pack(*voices))
        np.testing.assert_array_equal(parameters, voices[0])
        np.testing.assert_array_equal(names, voices[1])


@given(legal_voices())
def test_unused_bits_do_not_change_a_voice(voices):
    packed = packing.pack_vmem(*voices)
    assert not (packed & ~packing.USED_BITS).any()
    parameters, _ = packing.unpack_vmem(packed | (~packing.USED_BITS & 0x7F))
    np.testing.assert_array_equal(parameters, voices[0])


@given(hnp.arrays(np.uint8, st.tuples(st.integers(0, 40), st.just(128))))
def test_any_bytes_round_trip_bit_for_bit(packed):
    repacked = packing.repack_vmem(*packing.unpack_vmem(packed), packing.unused_bits(packed))
    np.testing.assert_array_equal(repacked, packed)


def test_illegal_values_are_not_packed():
    parameters, names = random_voices(3)
    parameters[1, INDEX["lfo_wave"]] = 6
    with pytest.raises(ValueError, match="voice 1: lfo_wave is 6, its range is 0 to 5"):
        packing.pack_vmem(parameters, names)
    parameters, names = random_voices(3)
    names[2, 4] = 200
    with pytest.raises(ValueError, match="voice 2: a name byte is over 127"):
        packing.pack_vced(parameters, names)
    with pytest.raises(ValueError, match=r"expected uint8\[n, 128\]"):
        packing.unpack_vmem(np.zeros((2, 127), np.uint8))


def test_the_checksum_is_that_of_the_manual():
    assert checksum(b"") == 0
    assert checksum(bytes([1])) == 127
    assert (sum(INIT_VCED) + checksum(bytes(INIT_VCED))) % 128 == 0


@given(legal_voices(most=32), st.integers(0, 15))
def test_a_bank_is_one_well_formed_message(voices, channel):
    bank = write_bank(*voices, channel)
    assert (len(bank), bank[:6].hex(), bank[-1]) == (4104, f"f0430{channel:x}092000", 0xF7)
    # mido refuses data bytes over 127, and more or less than one message.
    (message,) = mido.parse_all(bank)
    assert message.type == "sysex"
    assert sum(message.data[5:]) % 128 == 0
    parameters, _ = packing.unpack_vmem(np.frombuffer(bank[6:-2], np.uint8).reshape(32, 128))
    np.testing.assert_array_equal(parameters[: len(voices[0])], voices[0])
    assert (parameters[len(voices[0]) :] == packing.INIT_VOICE).all()


def test_a_single_is_one_well_formed_message():
    single = write_single(*random_voices(1), channel=3)
    assert (len(single), single[:6].hex()) == (163, "f0430300011b")
    assert sum(single[6:-1]) % 128 == 0


@pytest.mark.parametrize("count", [0, 33])
def test_a_bank_holds_up_to_32_voices(count):
    with pytest.raises(ValueError, match=f"got {count}"):
        write_bank(*random_voices(count))


def test_names_become_safe_text():
    raw = np.frombuffer(b"E.PIANO 1 \x1b[31m\x07<b>\x80\x00A\x7f       ", np.uint8).reshape(3, 10)
    assert names_to_text(raw).tolist() == ["E.PIANO 1", "\u241b[31m\u2407<b>\ufffd", " A\u2190"]
    assert text_to_names(["PAD", "TOO LONG A NAME", "\u00e9t\u00e9\n"]).tobytes() == b"PAD       TOO LONG A?t??      "


def test_names_keep_all_bytes_below_80_but_nul():
    raw = np.resize(np.arange(1, 128, dtype=np.uint8), (13, 10))
    assert (text_to_names(names_to_text(raw).tolist()) == raw).all()


def test_carriers_and_feedback_of_algorithms_are_those_of_the_chart():
    assert [a.number for a in ALGORITHMS] == list(range(1, 33))
    # Carriers, read off the chart a second time.
    carriers = (
        "13 13 14 14 135 135 13 13 13 14 14 13 13 13 13 1 "
        "1 1 145 124 1245 1345 1245 12345 12345 124 124 136 1235 1236 12345 123456"
    )
    assert ["".join(map(str, a.carriers)) for a in ALGORITHMS] == carriers.split()
    feedback = "6 2 6 4 6 5 6 4 2 3 6 2 6 6 2 6 2 3 6 3 3 6 6 6 6 6 3 5 6 5 6 6"
    assert [str(a.feedback[0]) for a in ALGORITHMS] == feedback.split()
    # In 4 and 6 only, feedback spans more than one operator.
    assert {a.number: a.feedback for a in ALGORITHMS if len(set(a.feedback)) > 1} == {4: (4, 6), 6: (5, 6)}


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: str(a.number))
def test_every_operator_is_a_carrier_or_a_modulator(algorithm):
    modulators = {source for source, _ in algorithm.modulations}
    assert modulators | set(algorithm.carriers) == set(range(1, 7))
    assert modulators.isdisjoint(algorithm.carriers)
    # Modulators have higher numbers than the operators they modulate, so operators can be computed from 6 down to 1.
    assert all(source > target for source, target in algorithm.modulations)
