"""Voices of other Yamahas collected from files: in order, from any messages, and from damaged ones."""

import zipfile

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.conversions.collection import Source, convert_sources, find_messages
from deepdx_core.synths import kinds
from deepdx_core.synths.coding import Coding
from deepdx_core.synths.messages import read_messages, write_messages
from deepdx_core.synths.sy77.layouts import MODE_AT
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.other_synths import FOLDER
from tests.support.paths import needs_corpus

RELEVANT = [kind for kind in kinds.KINDS if kind.voices or kind in kinds.REFACE_OPERATORS]
RELEVANT += list(kinds.FOUR_OPERATOR_SUPPLEMENTS.values())


@st.composite
def message_bytes(draw):
    """A message of any kind with voices or parts of them, with random records, perhaps damaged."""
    kind = draw(st.sampled_from(RELEVANT))
    top = 127 if kind.coding is Coding.PLAIN else 255
    count = kind.records * kind.blocks
    few = draw(hnp.arrays(np.uint8, (3, kind.layout.size), elements=st.integers(0, top)))
    records = np.resize(few, (count, kind.layout.size))
    if kind in kinds.SY77_VOICES:
        records[:, MODE_AT - len(kind.start)] = kinds.SY77_VOICES.index(kind)
    (data,) = write_messages(kind, records)
    damaged = bytearray(data)
    for _ in range(draw(st.integers(0, 2))):
        damaged[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(damaged[: draw(st.integers(1, len(data)))] if draw(st.booleans()) else damaged)


@given(st.lists(message_bytes(), max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_messages_give_legal_voices_with_reasons(parts):
    voices = convert_sources([Source("file", None, read_messages(b"".join(parts)))])
    values = voices.select(PARAMETER_NAMES)
    possible = values[PARAMETER_NAMES[0]].is_not_null()
    assert (values.filter(possible).to_numpy() <= MAXIMA).all()
    assert values.filter(~possible).null_count().row(0) == ((~possible).sum(),) * len(PARAMETER_NAMES)
    # A voice without a counterpart says why.
    assert (voices.filter(~possible)["losses"].list.len() > 0).all()
    assert voices["offset"].is_sorted()


def test_nothing_gives_an_empty_frame_of_the_same_columns():
    empty = convert_sources([])
    assert len(empty) == 0 and {"synth", "losses", "name", *PARAMETER_NAMES} <= set(empty.columns)


def reface_voice(name):
    common = np.zeros((1, kinds.REFACE_COMMON.layout.size), np.uint8)
    common[0, :10] = np.frombuffer(name.ljust(10).encode(), np.uint8)
    operators = [write_messages(kind, np.zeros((1, kind.layout.size), np.uint8))[0] for kind in kinds.REFACE_OPERATORS]
    return write_messages(kinds.REFACE_COMMON, common)[0], operators


def test_a_reface_voice_needs_its_four_operators():
    (first, operators), (second, _), (third, _) = (reface_voice(name) for name in ("ONE", "TWO", "THREE"))
    data = first + b"".join(operators) + second + operators[0] + third + b"".join(operators)
    voices = convert_sources([Source("file", None, read_messages(data))])
    assert voices["name"].to_list() == ["ONE", "TWO", "THREE"]
    assert voices[PARAMETER_NAMES[0]].is_null().to_list() == [False, True, False]
    assert voices["losses"][1].to_list() == ["the voice: its operators do not follow it"]


def test_files_keep_their_order_and_archives_are_read(tmp_path):
    kind = kinds.FOUR_OPERATOR_VOICE
    records = np.zeros((2, kind.layout.size), np.uint8)
    records[:, 77:87] = np.frombuffer(b"FIRST     SECOND    ", np.uint8).reshape(2, 10)
    first, second = write_messages(kind, records)
    (tmp_path / "a.syx").write_bytes(second)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("inner/one.syx", first)
    sources = find_messages([tmp_path / "b.zip", tmp_path / "a.syx", tmp_path / "missing.syx"])
    voices = convert_sources(sources)
    assert voices["name"].to_list() == ["FIRST", "SECOND"]
    assert voices["member"].to_list() == ["inner/one.syx", None]


def test_an_archive_full_of_messages_is_read_up_to_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("deepdx_core.conversions.collection.MAX_ARCHIVE_MESSAGES", 5)
    (message,) = write_messages(kinds.ACED, np.zeros((1, kinds.ACED.layout.size), np.uint8))
    with zipfile.ZipFile(tmp_path / "full.zip", "w") as archive:
        for number in range(4):
            archive.writestr(f"{number}.syx", message * 2)
    (tmp_path / "after.syx").write_bytes(message)
    sources = find_messages([tmp_path / "full.zip", tmp_path / "after.syx"])
    assert [(source.member, len(source.messages), bool(source.unread)) for source in sources] == [
        ("0.syx", 2, False), ("1.syx", 2, False), ("2.syx", 0, True), (None, 1, False),
    ]  # fmt: skip


@needs_corpus
def test_all_voices_of_the_corpus_are_collected():
    voices = convert_sources(find_messages([FOLDER]))
    counts = dict(voices.group_by("synth").len().iter_rows())
    assert counts == {"SY77": 10_499, "FB-01": 144, "4-operator": 129, "reface DX": 33}
