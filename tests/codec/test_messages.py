"""Messages as people really have them: real-time bytes inside, wrong headers, other data under a right header."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.descriptions import describe_message
from deepdx_core.codec.packing import pack_vced, unpack_vmem
from deepdx_core.codec.segments import Checksum, Format, Kind
from deepdx_core.codec.writer import frame
from deepdx_core.synths.kinds import KINDS
from tests.support.paths import CORPUS, DEMO, needs_corpus
from tests.support.readings import read_checked, to_records, voices_in, voices_of

BANK = (DEMO / "Keys" / "EPIANOS1.syx").read_bytes()
PACKED = to_records(BANK[6:-2], 128)
SINGLES = [frame(0, record.tobytes()) for record in pack_vced(*unpack_vmem(PACKED))]
VOICES = voices_of(PACKED)


def read_dumps(data):
    return [segment for segment in read_checked(data).segments if segment.voices]


def read_voices(data):
    """Return all voices of a file in order."""
    return [v for s in read_dumps(data) for v in voices_of(to_records(s.payload, len(s.payload) // s.voices))]


def interspersed(data, byte, every):
    """Return `data` with a byte inserted after each `every` bytes."""
    return b"".join(data[start : start + every] + bytes([byte]) for start in range(0, len(data), every))


@pytest.mark.parametrize("byte", range(0xF8, 0x100))
@pytest.mark.parametrize("every", [1, 7, 24, 128, 1000])
def test_real_time_bytes_in_a_bank_are_taken_out_and_noted(byte, every):
    data = interspersed(BANK, byte, every)
    (dump,) = read_dumps(data)
    assert (dump.payload, dump.checksum, dump.format) == (BANK[6:-2], Checksum.RIGHT, Format.VMEM)
    inside = data.rstrip(bytes([byte])).count(byte)
    assert dump.note == f"{inside:,} real-time byte{'s' * (inside > 1)} ({byte:02X}) taken out"
    assert dump.length == len(data.rstrip(bytes([byte])))


@pytest.mark.parametrize("at", [1, 2, 4, 5, 6, 30, 160, 161, 162])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_real_time_bytes_anywhere_in_a_single_dump_lose_no_voice(at, count):
    data = SINGLES[4][:at] + b"\xfe" * count + SINGLES[4][at:]
    (dump,) = read_dumps(data)
    assert (dump.format, dump.checksum, voices_in(read_checked(data))) == (Format.VCED, Checksum.RIGHT, {VOICES[4]})
    assert "taken out" in dump.note


def test_dumps_in_a_row_keep_their_own_real_time_bytes():
    data = b"".join(interspersed(single, 0xF8, 50) for single in SINGLES)
    assert read_voices(data) == VOICES
    assert all(dump.note.endswith("(F8) taken out") for dump in read_dumps(data))


def test_real_time_bytes_do_not_hide_a_wrong_checksum_or_a_cut():
    wrong = interspersed(BANK[:-2] + bytes([BANK[-2] ^ 1, 0xF7]), 0xFE, 100)
    assert [(dump.voices, dump.checksum) for dump in read_dumps(wrong)] == [(32, Checksum.WRONG)]
    (cut,) = read_dumps(interspersed(BANK[: 6 + 10 * 128 + 50], 0xF8, 65))
    assert cut.payload == BANK[6 : 6 + 10 * 128]
    assert "cut short" in cut.note


def test_a_changed_byte_is_no_real_time_byte():
    data = bytearray(BANK)
    data[1000] = 0xFE
    (dump,) = read_dumps(bytes(data))
    assert (dump.voices, dump.checksum, dump.payload) == (32, Checksum.WRONG, bytes(data[6:-2]))


@given(st.lists(st.tuples(st.integers(1, 4102), st.integers(0xF8, 0xFF)), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_any_real_time_bytes_leave_the_bank_whole(added):
    data = bytearray(BANK)
    for at, byte in sorted(added, reverse=True):
        data.insert(at, byte)
    assert [(dump.payload, dump.checksum) for dump in read_dumps(bytes(data))] == [(BANK[6:-2], Checksum.RIGHT)]


@pytest.mark.parametrize(
    ("header", "tail"),
    [
        ("f04300002000", 2),  # the format of a single voice
        ("f04300042000", 2),  # of a 4-operator bank
        ("f04300022000", 2),  # of performances
        ("f043007f2000", 2),  # of nothing known
        ("f0430920 00", 2),  # channel lost
        ("f043002000", 2),  # format lost
        ("f0430009", 2),  # count lost
        ("f00009 2000", 2),  # maker lost
        ("f04310092000", 2),  # sub-status 1, a parameter change
        ("f04320092000", 2),  # sub-status 2, a request
        ("f04300097f7f", 2),  # count
        ("f0430009011b", 2),  # count of a single voice
        ("f04400092000", 2),  # another maker
        ("f04310092000", 1),  # and no checksum
        ("f0430009200000", 2),  # a byte more
        ("f0430009 43000920 00", 2),  # the beginning twice
    ],
)
def test_a_bank_behind_a_wrong_header_is_found_whole(header, tail):
    header = bytes.fromhex(header)
    body = BANK[6:-2] + (BANK[-2:] if tail == 2 else b"\xf7")
    (dump,) = read_dumps(b"\x00\x01" + header + body + SINGLES[0][:20])
    assert (dump.payload, dump.voices, dump.offset) == (BANK[6:-2], 32, 2)
    assert dump.checksum is (Checksum.RIGHT if tail == 2 else Checksum.MISSING)
    assert ("byte count" if header[:4] == BANK[:4] and len(header) == 6 else header.hex(" ")) in dump.note


@pytest.mark.parametrize("header", ["f0430009011b", "f0430000", "f04300012000", "f04310 00011b", "f043 00011b"])
def test_a_single_voice_behind_a_wrong_header_is_found(header):
    data = bytes.fromhex(header) + SINGLES[7][6:]
    (dump,) = read_dumps(data)
    assert (voices_in(read_checked(data)), dump.checksum) == ({VOICES[7]}, Checksum.RIGHT)
    assert dump.note


def test_a_wrong_format_and_no_end_lose_no_voice():
    for end in (b"", b"\xf0\x43\x00"):
        assert read_voices(b"\xf0\x43\x00\x00\x20\x00" + BANK[6:-2] + end) == VOICES


def test_wrong_headers_around_other_data_make_no_voices():
    random = np.random.default_rng(0)
    for header in ("f04300002000", "f0430920 00", "f04410092000"):
        for top in (2, 32, 64, 100, 128):
            noise = random.integers(0, top, 4096).astype(np.uint8).tobytes()
            assert read_checked(bytes.fromhex(header) + noise + b"\x00\xf7").voices == 0


def four_operator_bank(seed, name=b"LATELY BS "):
    """Return 32 packed 4-operator voices, 4096 bytes."""
    random = np.random.default_rng(seed)
    voices = np.zeros((32, 128), dtype=np.uint8)
    tops = np.array([*[32, 32, 32, 16, 16, 100, 128, 100, 64, 31] * 4, *[128, 100, 100, 100, 100, 128, 49, 13]])
    voices[:, :48] = random.integers(0, tops, (32, 48))
    voices[:, 57:67] = np.frombuffer(name, dtype=np.uint8)
    voices[:, 67:73] = [99, 99, 99, 50, 50, 50]
    return voices.tobytes()


@pytest.mark.parametrize("seed", range(6))
def test_a_4_operator_bank_under_a_dx7_header_is_named(seed):
    payload = four_operator_bank(seed)
    for data in (frame(9, payload), frame(9, payload)[:-2] + b"\x00\xf7", interspersed(frame(9, payload), 0xFE, 99)):
        reading = read_checked(data)
        assert reading.voices == 0
        assert "4-operator voices under a DX7 header" in reading.reason


def test_performances_under_a_dx7_header_are_named():
    blocks = np.zeros((64, 64), dtype=np.uint8)
    blocks[:, :34] = np.arange(34) % 7
    blocks[:, 34:] = np.frombuffer(b"BRASS AND STRINGS".ljust(30), dtype=np.uint8)
    assert "TX7 performances under a DX7 header" in read_checked(frame(9, blocks.tobytes())).reason


def test_a_dx7_bank_is_not_taken_for_another():
    assert all(s.kind is Kind.VOICES for s in read_checked(BANK).segments)


@needs_corpus
@pytest.mark.parametrize(
    "file",
    ["4op/TX81Z01A.SYX", "4op/Yamaha_DX21_Presets_1.syx", "4op/Yamaha_TX81Z_01A.syx", "4op/murdinc_18d651_dx7bank.syx"],
)
def test_real_4_operator_banks_under_a_dx7_header_are_named(file):
    data = (CORPUS / "other-synths" / file).read_bytes()
    reading = read_checked(frame(9, data[6:-2]))
    assert (reading.voices, "4-operator" in reading.reason) == (0, True)


def test_a_volca_single_with_a_clock_in_it_is_one():
    whole = frame(0, SINGLES[5][6:-2] + b"\x3f")
    data = whole[:4] + b"\x01\x1b" + whole[6:]
    for at in (3, 20, 100, 161, 162):
        (dump,) = read_dumps(data[:at] + b"\xf8" + data[at:])
        assert (dump.format, dump.checksum) == (Format.VOLCA_FM, Checksum.RIGHT)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_messages_of_other_yamahas_are_named_by_synth(kind):
    head = bytes(0 if byte is None else byte for byte in kind.head)
    message = b"\xf0" + head + bytes(2) + kind.start + bytes(40) + b"\xf7"
    assert describe_message(message).startswith(kind.synth)


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("f04310340000000001f7", "SY77 parameter change"),
        ("f043107f1c053000000cf7", "reface DX parameter change"),
        ("f043104c00007e00f7", "XG parameter change"),
        ("f04310010203f7", "Yamaha parameter change"),
        ("f043750020f7", "FB-01 message"),
        ("f0432009f7", "Yamaha dump request"),
        ("f043607ff7", "Yamaha message"),
    ],
)
def test_short_messages_of_yamaha_are_named(message, what):
    assert describe_message(bytes.fromhex(message)) == what
