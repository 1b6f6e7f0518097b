"""Voices without a header: at a stride, between other records, in databases and pickles, alone, with faults."""

import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.packing import MAXIMA, pack_vced, pack_vmem, unpack_vmem
from deepdx_core.codec.segments import Format
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.intake.survey import Surveyor
from studies.recall import FILLS, in_database, pickled, strided
from tests.codec.test_messages import BANK, PACKED, VOICES, four_operator_bank, read_dumps, read_voices
from tests.support.banks import files_below, framed_banks
from tests.support.paths import CORPUS, DEMO, needs_corpus
from tests.support.readings import read_checked, to_records, voices_of

UNPACKED = pack_vced(*unpack_vmem(PACKED))
RECORDS = {"packed": PACKED, "unpacked": UNPACKED}
FORMATS = {"packed": Format.HEADERLESS_VMEM, "unpacked": Format.HEADERLESS_VCED}


def performance(number, name="BRASS"):
    """Return a performance of a TX7, 64 bytes."""
    half = bytes([number & 31, 5, 0, 4, 0x11, 0, 0x11, 0, 0, 0, 0, 0, 99, 99, 7, 24])
    return half + half[1:] + half[:1] + bytes([5, 42]) + f"{name} {number}".encode().ljust(30)


def table(*columns):
    """Return columns of records side by side as bytes."""
    return b"".join(b"".join(map(bytes, row)) for row in zip(*columns, strict=True))


PERFORMANCES = [performance(number) for number in range(32)]
NAMES = [record[118:].tobytes().ljust(16, b"\0") for record in PACKED]
NOTHING = [b""] * 32


@pytest.mark.parametrize("form", RECORDS)
@pytest.mark.parametrize("extra", [1, 3, 4, 5, 8, 35, 37, 64, 101, 122, 200, 384, 1000])
@pytest.mark.parametrize("fill", FILLS)
def test_voices_at_a_stride_are_one_dump(form, extra, fill):
    records = RECORDS[form]
    data = strided(records, records.shape[1] + extra, FILLS[fill], np.random.default_rng(extra))
    assert read_voices(data) == VOICES
    (dump,) = read_dumps(data)
    assert dump.voices == 32
    if (form, extra) != ("unpacked", 1):  # where the fill may be operator switches
        assert dump.format is FORMATS[form]
        assert dump.note == f"one every {records.shape[1] + extra} bytes"


@pytest.mark.parametrize("count", [3, 8, 31, 45, 100])
def test_any_number_of_voices_is_found_at_a_stride_in_banks_of_32(count):
    records = np.tile(PACKED, (4, 1))[:count]
    dumps = read_dumps(strided(records, 163, FILLS["zeros"], np.random.default_rng(0)))
    assert [dump.voices for dump in dumps] == [min(32, count - start) for start in range(0, count, 32)]


@pytest.mark.parametrize(
    ("columns", "before"),
    [
        ((PACKED, PERFORMANCES, [bytes(64)] * 32), b""),  # XSyn
        ((PACKED, PERFORMANCES), b"\x00\x20"),
        ((PERFORMANCES, PACKED), b""),
        ((PACKED, PERFORMANCES, PERFORMANCES), b""),
        ((PACKED, [bytes(128)] * 32), b""),
        ((NAMES, PACKED), b"LIBRARY"),
        ((PACKED, NAMES), b"LIBRARY"),
        ((UNPACKED, NAMES, PERFORMANCES), b"\x01"),
        (([b"DX7!"] * 32, UNPACKED), bytes(128)),
    ],
)
def test_columns_beside_the_voices_are_no_voices(columns, before):
    assert read_voices(before + table(*columns)) == VOICES


@pytest.mark.parametrize("name", ["PERFORMANCE", "", "My Split / Strings + Bass", "Z"])
@pytest.mark.parametrize("fill", [0, 2048])
def test_performances_in_front_of_a_bank_or_behind_it_are_no_voices(name, fill):
    bank, performances = BANK[6:-2], b"".join(performance(n, name) for n in range(32)) + bytes(fill)
    for data in (bank + performances, performances + bank, bank + performances + bank, performances):
        voices = VOICES * data.count(bank)
        assert read_voices(data) == voices


@pytest.mark.parametrize("seed", range(5))
def test_4_operator_records_between_voices_are_no_voices(seed):
    other = four_operator_bank(seed)
    for data in (BANK[6:-2] + other, other + BANK[6:-2], table(PACKED, to_records(other, 128))):
        assert read_voices(data) == VOICES


def test_a_run_is_no_bank_because_half_of_it_is():
    random = np.random.default_rng(0)
    records = PACKED.copy()
    records[16:] = random.integers(0, 128, (16, 128))
    assert read_voices(records.tobytes()) == VOICES[:16]


@pytest.mark.parametrize("form", RECORDS)
@pytest.mark.parametrize("store", [in_database, pickled])
def test_voices_in_databases_and_pickles_are_one_dump_in_order(form, store):
    records = np.tile(RECORDS[form], (3, 1))
    data = store(records)
    assert read_voices(data) == VOICES * 3
    assert sum(dump.voices for dump in read_dumps(data)) == 96


@pytest.mark.parametrize("form", RECORDS)
def test_a_broken_voice_keeps_its_slot(form):
    records = RECORDS[form].copy()
    records[[0, 5, 30], 0] = 110
    for data in (strided(records, 192, FILLS["noise"], np.random.default_rng(0)), pickled(records)):
        assert [dump.voices for dump in read_dumps(data)] == [32]


def findings(data, path):
    path.write_bytes(data)
    surveyor = Surveyor()
    surveyor.add_file(path, path.name)
    voices = decode_dumps(surveyor.result().dumps)
    return [(row["name"], [f["parameter"] for f in row["findings"]]) for row in voices.iter_rows(named=True)]


@pytest.mark.parametrize("form", [*RECORDS, "with switches"])
@pytest.mark.parametrize(
    ("slot", "offset", "value"), [(0, 0, 127), (3, 4, 100), (7, 20, 120), (11, 1, 255), (20, 38, 110)]
)
def test_a_lone_voice_with_a_value_out_of_range_is_a_voice_with_a_finding(form, slot, offset, value, tmp_path):
    records = np.insert(UNPACKED, 155, 63, axis=1) if form == "with switches" else RECORDS[form].copy()
    records[slot, offset] = value
    ((name, parameters),) = findings(records[slot].tobytes(), tmp_path / "voice.dx7")
    assert name == bytes(PACKED[slot, 118:]).decode().rstrip()
    assert len(parameters) == 1


@pytest.mark.parametrize("form", RECORDS)
@pytest.mark.parametrize("letters", ["\u00e9", "\u00fc\u00df", "\u00c5", "\u00b0\u00f1", "\u00a5"])
@pytest.mark.parametrize("encoding", ["latin-1", "mac-roman"])
def test_names_with_letters_of_an_editor_are_no_fault(form, letters, encoding):
    records = RECORDS[form].copy()
    records[:, -len(letters) :] = np.frombuffer(letters.encode(encoding), np.uint8)
    expected = voices_of(records)
    assert read_voices(records.tobytes()) == expected
    assert read_voices(b"FORM\0\0\x10\x08BANK" + records.tobytes() + b"\0end\xff") == expected
    assert read_voices(strided(records, 192, FILLS["zeros"], np.random.default_rng(0))) == expected


def test_random_records_with_two_faults_are_no_voices():
    random = np.random.default_rng(0)
    for _ in range(200):
        records = random.integers(0, 100, 128).astype(np.uint8)
        records[118:] = np.frombuffer(b"SOME TEXT ", np.uint8)
        assert read_checked(records.tobytes()).voices == 0


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_segments_cover_any_strided_file(seed):
    random = np.random.default_rng(seed)
    records = RECORDS["packed" if random.integers(2) else "unpacked"]
    stride = records.shape[1] + int(random.integers(0, 200))
    fill = FILLS[list(FILLS)[random.integers(len(FILLS))]]
    data = bytearray(strided(records[: random.integers(1, 33)], stride, fill, random))
    for at in random.integers(0, len(data), random.integers(0, 40)):
        data[at] = random.integers(0, 256)
    read_checked(bytes(data))


def banks(source):
    if source == "demo":
        return framed_banks(files_below(DEMO))
    with zipfile.ZipFile(CORPUS / "dx7-library.zip") as archive:
        return framed_banks(archive.read(name) for name in sorted(archive.namelist())[:900])


@pytest.mark.parametrize("source", ["demo", pytest.param("corpus", marks=needs_corpus)])
def test_nearly_all_real_voices_are_found_alone_and_at_a_stride(source):
    records = np.unique(banks(source).reshape(-1, 128), axis=0)
    random = np.random.default_rng(0)
    records = records[random.permutation(len(records))[:640]]
    for of_form in (records, pack_vced(*unpack_vmem(records))):
        size = of_form.shape[1]
        alone = sum(
            read_voices(strided(record[None], size + 200, FILLS["noise"], random)) == voices_of(record[None])
            for record in of_form[:320]
        )
        assert alone >= 0.95 * 320
        found = 0
        for start in range(0, len(of_form), 8):
            part = of_form[start : start + 8]
            data = strided(part, size + int(random.integers(1, 200)), FILLS["zeros"], random)
            found += len(set(voices_of(part)) & set(read_voices(data)))
        assert found >= 0.99 * len(of_form)


def test_random_legal_records_at_a_stride_are_no_voices():
    random = np.random.default_rng(0)
    for width in (128, 129, 140, 155, 163, 192):
        parameters = random.integers(0, MAXIMA.astype(int) + 1, (40, 145)).astype(np.uint8)
        parameters[:, 0:126] = random.integers(0, 2, (40, 126))
        packed = pack_vmem(parameters, np.full((40, 10), ord("7"), dtype=np.uint8))
        data = np.concatenate([packed, np.zeros((40, width - 128), np.uint8)], axis=1).tobytes()
        assert read_checked(data).voices == 0


PARAMETERS = {"packed": [record[:118] for record in PACKED], "unpacked": [record[:145] for record in UNPACKED]}
TEN = [bytes(record[118:]) for record in PACKED]


@pytest.mark.parametrize("form", PARAMETERS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([name + b"DX7\0" for name in TEN], [b"\x60\0\0\x0a"] * 32),
        ([name + b"\x01\x02" for name in TEN], NOTHING),
        (TEN, NOTHING),
        ([name.ljust(20) + b"\xff" for name in TEN], NOTHING),
        (NOTHING, [b"\x00\x00\x80" + name for name in TEN]),
        ([bytes([n]) for n in range(32)], [b"\xff" * 7 + name + b"\0" * 6 for name in TEN]),
    ],
)
def test_voices_with_names_apart_keep_them(form, before, after):
    for head, tail in ((b"LIBRARY\0\0", b"\xff\xff\xff"), (b"", b""), (bytes(128), bytes(200))):
        assert read_voices(head + table(before, PARAMETERS[form], after) + tail) == VOICES


def test_parameters_without_any_name_are_no_voices():
    data = b"".join(bytes(voice) + b"\xff\x80\x00" for voice in PARAMETERS["packed"])
    assert read_checked(data).voices == 0
