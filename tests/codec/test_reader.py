"""The reader: segments cover every byte, voices are found, everything else is named."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec import splitting
from deepdx_core.codec.packing import pack_vced, pack_vmem, unpack_vmem
from deepdx_core.codec.segments import Checksum, Format, Kind
from deepdx_core.codec.writer import frame, write_bank, write_single
from tests.support.paths import CORPUS, DEMO, needs_corpus
from tests.support.readings import read_checked
from tests.support.voices import legal_voices, random_voices


@pytest.fixture
def bank():
    return write_bank(*random_voices(32, seed=1))


@pytest.fixture
def payload():
    return pack_vmem(*random_voices(32, seed=1)).tobytes()


def read_one(data):
    """Return the only segment of a file."""
    reading = read_checked(data)
    assert len(reading.segments) == 1, reading
    return reading.segments[0]


def test_a_bank_is_one_segment_with_its_channel_and_checksum(bank, payload):
    segment = read_one(bank)
    assert (segment.kind, segment.format, segment.voices) == (Kind.VOICES, Format.VMEM, 32)
    assert (segment.channel, segment.checksum, segment.note) == (0, Checksum.RIGHT, "")
    assert segment.payload == payload


def test_a_single_voice_is_one_segment():
    segment = read_one(write_single(*random_voices(1), channel=15))
    assert (segment.format, segment.voices, segment.channel) == (Format.VCED, 1, 15)


def test_dumps_are_found_between_junk_and_other_messages(bank):
    single = write_single(*random_voices(1))
    data = b"From: me\n" + bank + single + b"\xf0\x41\x10\x01\xf7" + bank + b"\x00\x00"
    segments = read_checked(data).segments
    assert [(s.kind.value, s.voices) for s in segments] == [
        ("junk", 0),
        ("voices", 32),
        ("voices", 1),
        ("message", 0),
        ("voices", 32),
        ("junk", 0),
    ]
    assert segments[3].what == "message of another maker (Roland)"


def test_wrong_unmasked_and_missing_checksums_are_reported_and_voices_kept(bank, payload):
    assert read_one(bank[:-2] + bytes([(bank[-2] + 1) % 128, 0xF7])).checksum is Checksum.WRONG
    assert read_one(bank[:-2] + bytes([bank[-2] | 0x80, 0xF7])).checksum is Checksum.UNMASKED
    assert read_one(bank[:-2] + b"\xf7").checksum is Checksum.MISSING
    assert read_one(bank[:-1]).note == "no F7 at its end"
    assert all(read_one(data).payload == payload for data in (bank[:-1], bank[:-2] + b"\xf7"))


def test_a_wrong_byte_count_is_noted(bank):
    segment = read_one(bank[:4] + b"\x10\x00" + bank[6:])
    assert segment.voices == 32
    assert segment.note == "byte count 10 00 in place of 20 00"


def test_bytes_over_127_do_not_end_a_dump(bank):
    data = bytearray(bank)
    data[6 + 128 * 3 + 5] = 0xF0
    data[6 + 128 * 7] = 0xF7
    segment = read_one(bytes(data))
    assert (segment.voices, segment.checksum) == (32, Checksum.WRONG)


@pytest.mark.parametrize("whole", [1, 4, 31])
def test_a_dump_cut_short_keeps_its_whole_voices(bank, payload, whole):
    for end in (b"", b"\xf7", bank):
        first = read_checked(bank[: 6 + whole * 128 + 50] + end).segments[0]
        assert first.voices == whole
        assert first.payload == payload[: whole * 128]
        assert first.note.startswith(f"cut short: {whole * 128 + 50} of 4096")


def test_a_header_alone_is_no_voice(bank):
    reading = read_checked(bank[:50])
    assert reading.voices == 0
    assert "voice dump without a whole voice" in reading.reason


@pytest.mark.parametrize("banks", [1, 2, 8])
def test_banks_without_a_header_are_found(payload, banks):
    reading = read_checked(payload * banks)
    assert [s.format for s in reading.segments] == [Format.HEADERLESS_VMEM] * banks
    assert b"".join(s.payload for s in reading.segments) == payload * banks


def test_a_volca_fm_single_is_recognized():
    vced = write_single(*random_voices(1))[6:-2]
    data = frame(0, vced + b"\x3f")
    segment = read_one(data[:4] + b"\x01\x1b" + data[6:])
    assert (segment.format, segment.voices, segment.checksum) == (Format.VOLCA_FM, 1, Checksum.RIGHT)
    assert segment.note == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"PIANO 1\r\nPIANO 2\r\n" * 300, "text, not a dump"),
        (b"<!DOCTYPE html><html>", "web page or XML, not a dump"),
        (b"MThd\0\0\0\6", "MIDI file without DX7 voices"),
        (bytes(4096), "4,096 bytes without system exclusive or DX7 voices"),
        (b"0 1 2 3 " * 512, "text, not a dump"),
        (frame(4, bytes(4096)), "system exclusive without DX7 voices: 4-operator bank"),
        (frame(2, bytes(4096)) * 2, "system exclusive without DX7 voices: 2 x TX7/DX5 performance data"),
        (frame(0x7E, b"LM  8973PM" + bytes(60)), "system exclusive without DX7 voices: DX7II performances"),
        (bytes.fromhex("f0431000013ff7"), "system exclusive without DX7 voices: Yamaha parameter change"),
        (bytes.fromhex("f0432009f7"), "system exclusive without DX7 voices: Yamaha dump request"),
    ],
)
def test_files_without_voices_are_named(data, reason):
    reading = read_checked(data)
    assert (reading.voices, reading.reason) == (0, reason)


def test_the_limit_of_segments_is_the_reason_only_if_exceeded(monkeypatch):
    monkeypatch.setattr(splitting, "MAX_SEGMENTS", 4)
    message_and_junk = b"\xf0\x41\xf7\xff"
    assert "Roland" in read_checked(message_and_junk * 2).reason
    assert "more than 4 stretches, the rest is not read" in read_checked(message_and_junk * 3).reason


@given(st.binary(max_size=600), st.sampled_from([b"", b"\xf0\x43\x00\x09\x20\x00", b"\xf0\x43\x00\x00\x01\x1b"]))
def test_segments_cover_any_bytes(data, start):
    read_checked(start + data)
    read_checked(data + start)


@settings(max_examples=30)
@given(legal_voices(most=32), st.integers(0, 4104), st.binary(max_size=8))
def test_a_bank_is_found_between_other_bytes(voices, cut, junk):
    bank = write_bank(*voices)
    before = bytes(b & 0x7F for b in junk) + bank[:cut] * (cut < 4104)
    payloads = [s.payload for s in read_checked(before + bank + junk).segments]
    assert bank[6:-2] in payloads


@pytest.mark.parametrize("seed", range(5))
def test_noise_holds_no_voices(seed):
    random = np.random.default_rng(seed)
    for top in (256, 128, 100, 64, 2):
        assert read_checked(random.integers(0, top, 4096 * 4).astype(np.uint8).tobytes()).voices == 0


@needs_corpus
def test_specimens_hold_the_voices_of_their_index():
    specimens = CORPUS / "specimens"
    rows = list(csv.DictReader((specimens / "INDEX.tsv").open(), delimiter="\t"))
    assert len(rows) > 20
    found = {row["file"]: read_checked((specimens / row["file"]).read_bytes()).voices for row in rows}
    assert found == {row["file"]: int(row["voices"]) for row in rows}


@pytest.fixture
def real_bank():
    """Voices as people program them. Random numbers do not pass for voices without a header."""
    return (DEMO / "Keys" / "EPIANOS1.syx").read_bytes()


@pytest.mark.parametrize("lost", [1, 15, 90])
def test_voices_displaced_by_lost_bytes_are_found(real_bank, lost):
    payload = real_bank[6:-2]
    damaged = payload[: 10 * 128 + 30] + payload[10 * 128 + 30 + lost :]
    for data in (frame(9, damaged), frame(9, damaged + bytes(lost))):
        reading = read_checked(data)
        assert [s.voices for s in reading.segments if s.voices] == [10, 21]
        assert b"".join(s.payload for s in reading.segments) == payload[: 10 * 128] + payload[11 * 128 :]
        assert "bytes were lost or added before byte" in reading.segments[0].note


def test_voices_displaced_by_added_bytes_are_found(real_bank):
    data = real_bank[:1000] + b"abc" + real_bank[1000:]
    found = b"".join(s.payload for s in read_checked(data).segments)
    intact = [real_bank[at : at + 128] for at in range(6, 4102, 128) if not at <= 1000 < at + 128]
    assert all(voice in found for voice in intact)


@pytest.mark.parametrize("before", [b"", b"\x01" * 77, b"LIBRARY OF MINE\0" * 8])
@pytest.mark.parametrize("after", [b"", b"\xff" * 300])
def test_any_number_of_records_without_a_header_is_found_anywhere(real_bank, before, after):
    parameters, names = unpack_vmem(np.frombuffer(real_bank[6:-2], np.uint8).reshape(32, 128))
    unpacked = pack_vced(parameters, names)
    for records, format_ in (
        (real_bank[6:-2], Format.HEADERLESS_VMEM),
        (unpacked.tobytes(), Format.HEADERLESS_VCED),
        (np.insert(unpacked, 155, 0x3F, axis=1).tobytes(), Format.HEADERLESS_VCED_156),
    ):
        for count in (3, 13, 32, 45):
            size = len(records) // 32
            wanted = (records * 2)[: count * size]
            data = before + wanted + after
            found = [s for s in read_checked(data).segments if s.voices]
            assert {s.format for s in found} == {format_}
            assert b"".join(s.payload for s in found) == wanted
            assert [s.voices for s in found] == [min(32, count - n) for n in range(0, count, 32)]


def test_a_broken_voice_among_records_without_a_header_keeps_its_slot(real_bank):
    records = bytearray(real_bank[6:-2])
    records[0:128] = bytes([120]) * 128
    records[5 * 128 + 14] = 110
    records[31 * 128 + 117] = 60
    assert [s.voices for s in read_checked(bytes(records)).segments] == [32]
    # Blank slots do not count against the others.
    assert [s.voices for s in read_checked(bytes(real_bank[6 : 6 + 3 * 128]) + bytes(29 * 128)).segments] == [32]


def test_a_dump_in_a_midi_file_is_read_past_its_length_bytes(real_bank):
    event = b"\xf0\xa0\x07" + real_bank[1:]
    midi = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\x10\x10\0" + event + b"\0\xff\x2f\0"
    reading = read_checked(midi)
    (dump,) = (s for s in reading.segments if s.voices)
    assert (dump.payload, dump.checksum) == (real_bank[6:-2], Checksum.RIGHT)
    assert dump.note == "the length bytes of a MIDI file behind its F0"
    assert reading.segments[0].what == "MIDI file"


@pytest.mark.parametrize(
    "notation",
    [
        lambda data: data.hex(" ").upper(),
        lambda data: data.hex(),
        lambda data: "\r\n".join(data[n : n + 16].hex(" ") for n in range(0, len(data), 16)),
        lambda data: "static const char bank[] = {\n" + ", ".join(f"0x{byte:02X}" for byte in data) + "\n};\n",
        lambda data: "\n".join(f"${byte:02x}" for byte in data),
    ],
)
def test_sysex_as_hexadecimal_text_is_read(real_bank, notation):
    text = notation(real_bank).encode()
    reading = read_checked(text)
    (dump,) = (s for s in reading.segments if s.voices)
    assert (dump.payload, dump.checksum) == (real_bank[6:-2], Checksum.RIGHT)
    assert "hex text" in dump.note


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data.decode("latin-1").encode(), "stored as UTF-8"),
        (lambda data: data.decode("utf-8", "replace").encode(), "were replaced"),
        (lambda data: data.replace(b"\n", b"\r\n"), "line ends were added"),
    ],
)
def test_sysex_spoiled_by_a_text_tool_is_refused(real_bank, spoil, reason):
    data = bytearray(real_bank)
    data[6 + 8] = 10  # a line feed, for the third case
    whole = frame(9, bytes(data[6:-2]))
    assert read_checked(whole).voices == 32
    reading = read_checked(spoil(whole))
    assert reading.voices == 0
    assert reason in reading.reason


SPOILS = [lambda data: data.decode("latin-1").encode(), lambda data: data.decode("utf-8", "replace").encode()]


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_spoiled_dump_does_not_hide_the_others(real_bank, spoil):
    spoiled, single = spoil(real_bank), frame(0, pack_vced(*random_voices(1)).tobytes())
    reading = read_checked(real_bank + spoiled + spoil(single) + real_bank[6:-2] + spoiled)
    assert [s.voices for s in reading.segments] == [32, 0, 0, 32, 0]
    assert [s.what for s in reading.segments if not s.voices] == ["spoiled sysex"] * 3


@pytest.mark.parametrize(
    "mark",
    [b"\xef\xbf\xbdC", b"\xc3\xb0C", b"\xef\xbf\xbdC\0\x09\x20\0", b"\xc3\xb0C\0\0\x01\x1b\xff", b"\xef\xbf\xbdC" * 9],
)
def test_marks_of_spoiled_sysex_without_a_dump_refuse_nothing(real_bank, mark):
    for data in (
        real_bank + mark,
        mark + real_bank,
        real_bank[6:-2] + mark,
        b"\xff" * 40 + mark + b"\xff" + real_bank,
    ):
        assert read_checked(data).voices == 32


@pytest.mark.parametrize(("tag", "order"), [(b"FORM", "big"), (b"MROF", "little")])
def test_voices_of_a_sounddiver_library_are_read_with_their_names(real_bank, tag, order):
    kind = b"SSLBLHDR" if order == "big" else b"BLSSRDHL"
    data = tag + (4000).to_bytes(4, order) + kind + bytes(40)
    for at in range(6, 6 + 5 * 128, 128):
        name = real_bank[at + 118 : at + 128].rstrip()
        voice = real_bank[at : at + 118]
        data += b"LENT" + bytes(16) + bytes([1, len(name)]) + name + b"\x03\x81\x19" + voice + bytes(35) + b"\x06\x01I"
    (library,) = (s for s in read_checked(data).segments if s.voices)
    assert library.payload == real_bank[6 : 6 + 5 * 128]
