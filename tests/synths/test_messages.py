"""Messages of the other Yamahas: read, written, and their lies found."""

import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepdx_core.codec.names import names_to_text
from deepdx_core.codec.writer import checksum
from deepdx_core.synths import kinds
from deepdx_core.synths.coding import Coding
from deepdx_core.synths.messages import read_messages, rewrite, write_messages
from deepdx_core.synths.sy77.layouts import ELEMENT_MODES, LAYOUTS, MODE_AT
from tests.support.other_synths import FOLDER, real_files
from tests.support.paths import needs_corpus

WITH_LAYOUT = [kind for kind in kinds.KINDS if kind.layout is not None]


def records_of(kind, messages=1, seed=0):
    """Random records that fill whole messages of a kind, with bytes that it can store."""
    assert kind.layout
    top = 128 if kind.coding is Coding.PLAIN else 256
    shape = (kind.records * kind.blocks * messages, kind.layout.size)
    records = np.random.default_rng(seed).integers(0, top, shape).astype(np.uint8)
    if kind in kinds.SY77_VOICES:
        records[:, MODE_AT - len(kind.start)] = kinds.SY77_VOICES.index(kind)
    return records


@needs_corpus
def test_every_real_message_is_written_as_it_was_read():
    sources, findings = defaultdict(list), Counter()
    for name, data in real_files():
        messages = read_messages(data)
        frames = re.findall(rb"\xf0\x43[\x00-\x0f]\x7a..LM  8101VC", data, re.DOTALL)
        assert sum(m.kind in kinds.SY77_VOICES for m in messages) == len(frames), name
        for message in messages:
            if message.findings:
                findings[message.findings] += 1
            else:
                key = message.kind, message.head, message.lead
                sources[key].append((message, data[message.offset : message.offset + message.length]))
    for (kind, head, lead), pairs in sources.items():
        if kind.layout is None:
            assert [rewrite(message) for message, _ in pairs] == [source for _, source in pairs]
        else:
            layout, records = kind.layout, np.concatenate([message.records for message, _ in pairs])
            packed = layout.pack(layout.unpack(records), layout.names(records), layout.unused(records))
            assert write_messages(kind, packed, head, lead) == [source for _, source in pairs], kind.id
    rewritten = Counter({kind.id: len(pairs) for (kind, *_), pairs in sources.items()})
    assert sum(n for id, n in rewritten.items() if id.startswith("sy77-")) == 10_433
    assert {f"sy77-{mode}" for mode in range(11)} <= set(rewritten)
    assert rewritten["tx802-performances"] == 1 and rewritten["reface-common"] == 33
    # Everything that does not match is corrupt: bytes over 127, bytes lost, and three wrong checksums.
    assert sum(n for texts, n in findings.items() if "over 127" in texts[0]) == 65
    assert findings["wrong checksum",] == 3
    assert sum(findings.values()) == 70


@needs_corpus
def test_real_names_and_parameters():
    (performances,) = read_messages((FOLDER / "tx802" / "P.SYX").read_bytes())
    names = names_to_text(performances.names)
    assert len(names) == 64 and names[:2].tolist() == ["Hall Orchestra", "Reverb Brass"]
    (bank,) = read_messages((FOLDER / "fb01" / "voice-bank-1.syx").read_bytes())
    assert names_to_text(bank.names)[:3].tolist() == ["Brass", "Horn", "Trumpet"]
    voice = read_messages((FOLDER / "reface" / "14-LegendEP__.syx").read_bytes())[1]
    assert names_to_text(voice.names).tolist() == ["LegendEP"]
    assert voice.values[0, voice.kind.layout.index["algorithm"]] == 7


@needs_corpus
def test_a_real_supplement_and_its_voice_have_the_parameters_of_a_packed_voice():
    supplement, voice = read_messages((FOLDER / "4op" / "Yamaha_TX81Z_FilterBass.syx").read_bytes())
    assert (supplement.kind.id, voice.kind.id) == ("aced", "4op-voice")
    packed = kinds.four.VMEM
    values = np.zeros((1, len(packed.fields)), np.uint8)
    for message in (supplement, voice):
        columns = [packed.index[field.name] for field in message.kind.layout.fields]
        values[:, columns] = message.values
    assert packed.unpack(packed.pack(values, voice.names)).tolist() == values.tolist()
    assert values[0, packed.index["op4_fine"]] == 0 and values[0, packed.index["op4_output_level"]] == 82


@pytest.mark.parametrize("kind", WITH_LAYOUT, ids=lambda kind: kind.id)
def test_random_records_survive_every_kind_of_message(kind):
    records = records_of(kind, messages=2)
    written = write_messages(kind, records)
    messages = read_messages(b"junk" + written[0] + b"\x00" + written[1])
    assert [m.kind for m in messages] == [kind, kind]
    assert [m.findings for m in messages] == [(), ()]
    assert np.array_equal(np.concatenate([m.records for m in messages]), records)
    assert [rewrite(m) for m in messages] == written


@pytest.mark.parametrize("kind", WITH_LAYOUT, ids=lambda kind: kind.id)
@given(st.data())
@settings(max_examples=20)
def test_values_names_and_unused_bits_are_the_record(kind, data):
    layout = kind.layout
    records = data.draw(hnp.arrays(np.uint8, (3, layout.size), elements=st.integers(0, 255)))
    values, names, unused = layout.unpack(records), layout.names(records), layout.unused(records)
    assert np.array_equal(layout.pack(values, names, unused), records)
    # Fields do not overlap: a value changes nothing but itself.
    column = data.draw(st.integers(0, len(layout.fields) - 1))
    field = layout.fields[column]
    values[:, column] = data.draw(st.integers(0, field.maximum))
    assert np.array_equal(layout.unpack(layout.pack(values, names, unused)), values)


@pytest.mark.parametrize("kind", WITH_LAYOUT, ids=lambda kind: kind.id)
def test_fields_hold_their_highest_value_and_nothing_above(kind):
    layout = kind.layout
    highest = np.array([[field.maximum for field in layout.fields]], np.uint8)
    assert not layout.out_of_range(highest).any()
    names = layout.names(np.zeros((1, layout.size), np.uint8))
    assert np.array_equal(layout.unpack(layout.pack(highest, names)), highest)
    assert len(layout.index) == len(layout.fields)


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        (lambda m: m[:4] + b"\x10\x00" + m[6:], "wrong byte count"),
        (lambda m: m[:-2] + bytes([m[-2] ^ 1]) + m[-1:], "wrong checksum"),
        (lambda m: m[:-1], "no F7 at its end"),
        (lambda m: m[:-1] + b"\x01\x02\x03\xf7", "3 bytes after the data"),
        (lambda m: m[:40] + b"\x80" + m[41:], "1 byte over 127"),
    ],
)
def test_lies_about_a_bank_are_findings_and_its_voices_are_kept(spoil, finding):
    records = records_of(kinds.FOUR_OPERATOR_BANK)
    (written,) = write_messages(kinds.FOUR_OPERATOR_BANK, records)
    (message,) = read_messages(spoil(written))
    assert finding in message.findings
    assert len(message.records) == 32
    assert np.array_equal(message.records[1:], records[1:])


@pytest.mark.parametrize("kind", [kinds.FOUR_OPERATOR_BANK, kinds.FB01_BANK, kinds.TX802_PERFORMANCES])
def test_a_set_that_is_cut_short_keeps_its_whole_records(kind):
    records = records_of(kind)
    (written,) = write_messages(kind, records)
    cut = written[: len(written) * 2 // 5] + b"\xf7"
    (message,) = read_messages(cut)
    assert 0 < len(message.records) < kind.records * kind.blocks
    assert np.array_equal(message.records, records[: len(message.records)])
    assert any("cut short" in finding for finding in message.findings)
    with pytest.raises(ValueError, match="cut short"):
        rewrite(message)


@pytest.mark.parametrize("claimed", [4, 11, 127])
def test_an_element_mode_that_lies_is_a_finding_and_the_size_is_believed(claimed):
    kind = kinds.SY77_VOICES[9]
    records = records_of(kind)
    records[:, MODE_AT - len(kind.start)] = claimed
    (written,) = write_messages(kind, records)
    (message,) = read_messages(written)
    assert message.kind is kind
    assert np.array_equal(message.records, records)
    assert any(f"element mode {claimed}" in finding for finding in message.findings)
    assert rewrite(message) == written


def test_the_sizes_of_sy77_voices_are_those_that_the_synth_sends():
    assert [layout.size + 10 + 8 for layout in LAYOUTS] == [466, 832, 1564, 466, 832, 221, 342, 584, 587, 1074, 588]
    assert len(ELEMENT_MODES) == 11


def test_a_length_that_a_midi_file_left_after_f0_is_skipped():
    (written,) = write_messages(kinds.FOUR_OPERATOR_VOICE, records_of(kinds.FOUR_OPERATOR_VOICE))
    (message,) = read_messages(b"\xf0\x64" + written[1:])
    assert message.kind is kinds.FOUR_OPERATOR_VOICE and message.findings == ()


@given(st.binary(max_size=300))
def test_any_bytes_after_any_head_are_read_without_failing(tail):
    for kind in kinds.KINDS:
        head = bytes(byte or 0 for byte in kind.head)
        for message in read_messages(b"\xf0" + head + b"\x00\x40" + kind.start + tail):
            assert message.length <= len(tail) + 30


def test_more_messages_than_any_collection_has_are_not_read(monkeypatch):
    monkeypatch.setattr("deepdx_core.synths.messages.MAX_MESSAGES", 3)
    (written,) = write_messages(kinds.ACED, records_of(kinds.ACED))
    assert [m.findings for m in read_messages(written * 3)] == [(), (), ()]
    messages = read_messages(written * 5)
    assert len(messages) == 3
    assert messages[-1].findings == ("more than 3 messages in the file: the rest is not read",)


def test_writing_refuses_what_no_message_can_hold():
    kind = kinds.FOUR_OPERATOR_BANK
    with pytest.raises(ValueError, match="do not fill"):
        write_messages(kind, records_of(kind)[:5])
    with pytest.raises(ValueError, match="over 127"):
        write_messages(kind, np.full((32, 128), 200, np.uint8))
    layout = kinds.FOUR_OPERATOR_VOICE.layout
    values = np.zeros((1, len(layout.fields)), np.uint8)
    values[0, 0] = 128
    with pytest.raises(ValueError, match="does not fit"):
        layout.pack(values, np.zeros((1, 10), np.uint8))


def test_checksums_are_over_classification_and_data():
    (written,) = write_messages(kinds.PERFORMANCE, records_of(kinds.PERFORMANCE))
    assert written[:16] == b"\xf0\x43\x00\x7e\x00\x3dLM  8973PE"
    assert written[-2] == checksum(written[6:-2])
