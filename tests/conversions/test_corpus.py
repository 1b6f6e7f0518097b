"""Messages of a home as tables: converted voices and where they come from, supplements, performances."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.codec.writer import write_bank
from deepdx_core.conversions.corpus import convert_messages, list_performances, list_supplements
from deepdx_core.conversions.kin import find_parents
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.families import find_families
from deepdx_core.dedup.repair import RepairSettings
from deepdx_core.intake.survey import Surveyor, survey
from deepdx_core.synths.dx7ii.blocks import select_receive_block
from deepdx_core.synths.dx7ii.parameters import PERFORMANCE
from deepdx_core.synths.dx7ii.writer import plain_supplements
from deepdx_core.synths.kinds import AMEM
from deepdx_core.synths.messages import read_messages, write_messages
from deepdx_core.tables.synths import ConvertedVoices, Performances, Supplements, SynthMessages
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.conversions.test_collection import message_bytes
from tests.support.archives import make_zip
from tests.support.other_synths import FOLDER, dx7ii_file, four_operator_file, sy77_file
from tests.support.paths import DEMO, needs_corpus
from tests.support.voices import init_voice

NO_PAIRS = pl.DataFrame(schema={"sound_id": pl.String, "other_id": pl.String})


def read(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / f"{name}.syx").write_bytes(data)
    return survey(folder)


@pytest.fixture(scope="module")
def voices():
    """Parameters and names of 32 voices of the demo corpus, of different families."""
    known = decode_dumps(survey(DEMO / "Mixed").dumps).filter("valid").unique("sound_id").sort("sound_id")
    heads = find_families(unique_sounds(known, RepairSettings())).filter("family_representative")
    chosen = known.join(heads, on="sound_id", how="semi", maintain_order="left").head(32)
    names = np.frombuffer(b"".join(name.ljust(10).encode() for name in chosen["name"]), np.uint8).reshape(-1, 10)
    return chosen.select(PARAMETER_NAMES).to_numpy(), names


@given(st.lists(message_bytes(), max_size=6))
@settings(max_examples=20)
def test_any_messages_give_rows_that_fit_their_schemas(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("inbox")
    (folder / "any.syx").write_bytes(b"".join(parts))
    found = survey(folder)
    messages = SynthMessages.validate(found.messages)
    converted = ConvertedVoices.validate(convert_messages(messages), cast=True)
    assert len(converted) == messages["voices"].sum()
    assert not converted.filter(pl.col("losses").list.contains("values out of range"))["sound_id"].is_not_null().any()
    Supplements.validate(list_supplements(messages, decode_dumps(found.dumps)), cast=True)
    Performances.validate(list_performances(messages), cast=True)


def test_a_message_keeps_its_place_and_findings(tmp_path):
    bank = bytearray(four_operator_file(4))
    bank[-2] ^= 1
    found = read(tmp_path, bank=b"junk" + bytes(bank)).messages
    (row,) = found.drop("sha256", "payload").iter_rows(named=True)
    assert row == {
        "offset": 4, "length": 4104, "kind": "4op-bank", "synth": "4-operator", "what": "bank",
        "findings": ["wrong checksum"], "voices": 32,
    }  # fmt: skip
    assert found["payload"][0] == bytes(bank)


def test_only_new_files_are_converted(tmp_path, voices, monkeypatch):
    first = read(tmp_path, a=sy77_file(*voices), b=four_operator_file(4))
    known = convert_messages(first.messages)
    more = read(tmp_path, c=four_operator_file(5))
    (tmp_path / "a.syx").unlink()
    now = survey(tmp_path, more)
    converted = []
    monkeypatch.setattr(
        "deepdx_core.conversions.corpus.read_messages",
        lambda payload, read=read_messages: converted.append(payload) or read(payload),
    )
    incremental = convert_messages(now.messages, known)
    assert len(converted) == 1
    assert incremental.equals(convert_messages(now.messages))
    assert incremental["sha256"].n_unique() == 2


def test_messages_of_known_files_are_kept(tmp_path, monkeypatch):
    first = read(tmp_path, a=four_operator_file(4))
    monkeypatch.setattr("deepdx_core.intake.survey.read_messages", lambda data: pytest.fail("read again"))
    assert survey(tmp_path, first).messages.equals(first.messages)


def test_archives_of_many_messages_are_read_up_to_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("deepdx_core.intake.limits.MAX_ARCHIVE_SEGMENTS", 2)
    surveyor = Surveyor()
    archive = make_zip(*((f"{n}.syx", four_operator_file(n + 1)) for n in range(4)))
    (tmp_path / "full.zip").write_bytes(archive)
    surveyor.add_file(tmp_path / "full.zip", "full.zip")
    files = surveyor.result().raw_files
    assert files["status"].to_list() == ["archive", "no voices", "no voices", "refused"]


def test_a_voice_with_values_out_of_range_is_no_sound(tmp_path):
    converted = convert_messages(read(tmp_path, a=four_operator_file(4, transpose=60)).messages)
    assert converted["sound_id"].is_null().all() and converted["op1_coarse"].is_null().all()
    assert converted["losses"].list.contains("values out of range").all()


def test_a_voice_is_in_the_family_of_the_dx7_voice_that_it_comes_from(tmp_path, voices):
    parameters, names = voices
    found = read(tmp_path, dx7=write_bank(parameters, names), sy77=sy77_file(parameters, names))
    decoded = decode_dumps(found.dumps)
    converted = convert_messages(found.messages)
    sounds = unique_sounds(decoded, RepairSettings(), converted)
    alone = find_families(unique_sounds(decoded, RepairSettings()))
    parents = find_parents(sounds, NO_PAIRS)
    origin = dict(zip(converted["sound_id"], decoded.sort("slot")["sound_id"], strict=True))
    came_back = [sound for sound in origin if sound in set(decoded["sound_id"])]
    assert dict(parents.iter_rows()) == {sound: of for sound, of in origin.items() if sound not in came_back}
    assert len(parents) > 20
    families = find_families(sounds, NO_PAIRS, parents)
    # DX7 voices have the families that they have without the others, and represent them.
    same = ["sound_id", "functional_id", "family_id", "family_representative"]
    assert families.join(alone, on="sound_id", how="semi").select(same).equals(alone.select(same))
    assert families["family_id"].n_unique() == alone["family_id"].n_unique()


def test_a_converted_voice_connects_no_families():
    first, second = init_voice(), init_voice(lfo_speed=60, lfo_delay=10, feedback=3, transpose=30, op1_coarse=2)
    second[:6] = 50
    between = np.where(np.arange(145) < 4, second, first)
    sounds = pl.DataFrame(
        np.stack([first, second, between, between]), schema=dict.fromkeys(PARAMETER_NAMES, pl.UInt8)
    ).with_columns(op1_eg_rate_1=pl.Series([99, 99, 99, 98], dtype=pl.UInt8))
    sounds = sounds.with_columns(
        sound_id=pl.Series(sound_ids(sounds.to_numpy())),
        converted=pl.Series([False, False, True, True]),
        files=1, slots=1, names=pl.lit(["A"]), name_counts=pl.lit([1]),
    )  # fmt: skip
    ids = sounds["sound_id"]
    by_ear = pl.DataFrame({"sound_id": [ids[2], ids[2]], "other_id": [ids[1], ids[0]]})
    parents = find_parents(sounds, by_ear)
    assert dict(parents.iter_rows()) == {ids[2]: ids[0], ids[3]: ids[0]}
    families = dict(find_families(sounds, by_ear, parents).select("sound_id", "family_id").iter_rows())
    assert families == {ids[0]: ids[0], ids[1]: ids[1], ids[2]: ids[0], ids[3]: ids[0]}


def test_a_sound_found_in_both_ways_is_a_dx7_sound(tmp_path, voices):
    first = convert_messages(read(tmp_path / "a", sy77=sy77_file(*voices)).messages)
    parameters, names = first.select(PARAMETER_NAMES).to_numpy(), voices[1]
    found = read(tmp_path / "b", dx7=write_bank(parameters[:16], names[:16]), sy77=sy77_file(parameters, names))
    sounds = unique_sounds(decode_dumps(found.dumps), RepairSettings(), convert_messages(found.messages))
    dx7 = set(sound_ids(parameters[:16])) | set(sound_ids(INIT_VOICE[None]))
    both = sounds.filter(pl.col("sound_id").is_in(dx7))
    assert both["converted"].to_list() == [False] * len(dx7)
    assert both.filter(pl.col("files") == 2).height > 10
    assert sounds.filter(~pl.col("sound_id").is_in(dx7))["converted"].all()


def test_supplements_belong_to_the_voices_after_them(tmp_path, voices):
    parameters, names = voices
    found = read(tmp_path, a=dx7ii_file(parameters, names, mono=1, bend_range=7), b=write_bank(parameters, names))
    decoded = decode_dumps(found.dumps)
    rows = list_supplements(found.messages, decoded)
    with_supplement = decoded.join(rows, on=["sha256", "offset", "slot"], how="semi")
    assert len(rows) == 32 and with_supplement["sha256"].n_unique() == 1
    assert (rows["mono"].to_list(), rows["bend_range"].to_list()) == ([1] * 32, [7] * 32)
    assert rows["losses"].to_list() == [["key mode", "pitch bend"]] * 32


def amem(parameters, bend_range):
    """The supplements of 32 voices, with a bend range that tells them apart."""
    values = plain_supplements(parameters)
    values[:, AMEM.layout.index["bend_range"]] = bend_range
    return write_messages(AMEM, AMEM.layout.pack(values))[0]


def test_a_supplement_between_its_bank_and_no_other_belongs_to_it(tmp_path, voices):
    parameters, names = voices
    bank = write_bank(parameters, names)
    amems = [amem(parameters, bend_range) for bend_range in (5, 7)]
    block = select_receive_block(1)

    def ranges(*parts):
        """Return the bend ranges of the banks of a file, in order."""
        found = read(tmp_path, a=b"".join(parts))
        decoded = decode_dumps(found.dumps)
        rows = decoded.join(list_supplements(found.messages, decoded), on=["sha256", "offset", "slot"], how="left")
        return rows.filter(slot=1)["bend_range"].to_list()

    # As in files of the PLG150-DX.
    assert ranges(bank, amems[0], block, bank, amems[1]) == [5, 7]
    # As a DX7II sends them.
    assert ranges(block, amems[0], bank, block, amems[1], bank) == [5, 7]
    assert ranges(bank, amems[0], bank) == [None, 5]
    # Its own one stands before the bank.
    assert ranges(amems[0], bank, amems[1]) == [5]


def test_performances_are_rows_with_all_their_values(tmp_path, voices):
    rows = list_performances(read(tmp_path, a=dx7ii_file(*voices)).messages)
    assert rows["name"].to_list() == [f"PERFORMANCE {n:08}" for n in range(32)]
    assert rows["number"].to_list() == list(range(1, 33))
    assert rows["values"].list.get(PERFORMANCE.index["voice_a"]).to_list() == list(range(32))


@needs_corpus
def test_all_supplements_of_a_plg150_find_their_voices():
    surveyor = Surveyor()
    surveyor.add_file(FOLDER / "dx7ii" / "NOSEBLEE.W2B", "file")
    found = surveyor.result()
    rows = list_supplements(found.messages, decode_dumps(found.dumps))
    assert rows.group_by("offset").len().sort("offset").rows() == [(3721, 32), (8960, 32), (14249, 1)]


@needs_corpus
def test_real_messages_give_tables():
    found = survey(FOLDER)
    converted = convert_messages(found.messages)
    counts = converted.group_by("synth").agg(pl.len(), sounds=pl.col("sound_id").drop_nulls().n_unique())
    expected = [("4-operator", 97, 87), ("FB-01", 144, 48), ("SY77", 10_115, 4_409), ("reface DX", 33, 29)]
    assert sorted(counts.rows()) == expected
    performances = list_performances(found.messages)["kind"].value_counts().sort("kind")
    assert performances.rows() == [("dx7ii-performances", 128), ("function-data", 64), ("tx802-performances", 64)]
