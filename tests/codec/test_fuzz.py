"""Reading and decoding never fail, for random files of pieces of banks, headers and junk."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.packing import pack_vced, pack_vmem
from deepdx_core.codec.writer import write_bank, write_single
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.intake.survey import Surveyor
from deepdx_core.tables.decoding import DecodedVoices, Dumps, RawFiles
from tests.support.readings import read_checked
from tests.support.voices import random_voices

VOICES = random_voices(32, seed=3)
ONE = random_voices(1, seed=4)
BANK, SINGLE = write_bank(*VOICES), write_single(*ONE)
PACKED, UNPACKED = pack_vmem(*VOICES).tobytes(), pack_vced(*VOICES).tobytes()

HEADERS = [
    b"\xf0",
    b"\xf7",
    b"\xf0\x43",
    b"\xf0\x43\x00\x09\x20\x00",
    b"\xf0\x43\x0f\x09\x10\x00",
    b"\xf0\x43\x00\x00\x01\x1b",
    b"\xf0\x43\x00\x04\x20\x00",
    b"\xf0\x43\x00\x7e\x00\x20LM  8973PM",
    b"\xf0\x43\x10\x00\x01\x02\xf7",
    b"\xf0\xa0\x07\x43\x00\x09\x20\x00",
    b"\xf0\x81\x22\x43\x00\x00\x01\x1b",
    b"\xf0\xff\xff\xff\x7f",
    b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60",
    b"MTrk\x00\x00\x10\x20\x00\xf0\xa0\x07",
    b"MTrk\xff\xff\xff\xff\x00",
    b"FORM\x00\x00\x10\x0cBANKBODY\x00\x00\x10\x00",
    b"F0 43 00 09 20 00 ",
    b"0xF0, 0x43,",
    b"PK\x05\x06",
    b"PK\x03\x04\x14\x00",
    b"<html>",
    b"INIT VOICE",
]


def slices(whole):
    """Any slice of some bytes."""
    offsets = st.integers(0, len(whole))
    return st.tuples(offsets, offsets).map(lambda ends: whole[min(ends) : max(ends)])


def as_hex(piece):
    return st.sampled_from([piece.hex(), piece.hex(" ").upper(), ", ".join(f"0x{byte:02x}" for byte in piece)])


whole = st.sampled_from([BANK, SINGLE, PACKED, UNPACKED, PACKED[:128], UNPACKED[:155], UNPACKED[:155] + b"\x3f"])
pieces = st.one_of(
    st.sampled_from(HEADERS),
    whole,
    whole.flatmap(slices),
    whole.flatmap(as_hex).map(str.encode),
    st.binary(max_size=300),
    st.builds(lambda byte, count: bytes([byte]) * count, st.integers(0, 255), st.integers(1, 5000)),
)
changes = st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), max_size=8)


@st.composite
def files(draw):
    """A sequence of pieces, with some bytes changed anywhere."""
    data = bytearray(b"".join(draw(st.lists(pieces, max_size=6))))
    for offset, value in draw(changes) if data else []:
        data[offset % len(data)] = value
    return bytes(data)


@settings(max_examples=300, deadline=None)
@given(files())
def test_segments_cover_every_byte(data):
    read_checked(data)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "file.syx"


@settings(max_examples=100, deadline=None)
@given(st.lists(files(), min_size=1, max_size=3))
def test_survey_and_decoded_voices_match_their_schemas(path, contents):
    surveyor = Surveyor()
    for number, data in enumerate(contents):
        path.write_bytes(data)
        surveyor.add_file(path, f"{number}.syx")
    survey = surveyor.result()
    RawFiles.validate(survey.raw_files)
    Dumps.validate(survey.dumps)
    voices = decode_dumps(survey.dumps)
    DecodedVoices.validate(voices)
    assert len(voices) == survey.dumps["voices"].sum()
