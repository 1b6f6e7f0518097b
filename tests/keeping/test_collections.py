"""Collections: ordered voices in a file each, written whole, never over the change of another."""

import os
from dataclasses import replace

import numpy as np
import pytest

import deepdx_core as dx
from deepdx_core.codec.packing import unpack_vmem
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.keeping.collections import (
    EMPTY,
    ChangedCollectionError,
    Collection,
    CollectionError,
    delete_collection,
    list_collections,
    read_collection,
    rename_collection,
    write_collection,
)
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.voices import random_voices


def some(count, seed=0):
    parameters, _ = random_voices(count, seed=seed)
    return Collection(parameters, tuple(f"VOICE {number}" for number in range(count)))


def test_a_collection_keeps_voices_in_their_order(home):
    voices = some(5)
    shuffled = Collection(voices.parameters[::-1].copy(), ("  PAD", "a,b", '"', "", "LONG NAME FOR A VOICE"))
    written = write_collection(home, "My best 32", shuffled)
    found = read_collection(home, "My best 32")
    assert found.version == written.version
    assert np.array_equal(found.parameters, shuffled.parameters)
    assert found.names == ("  PAD", "a,b", '"', "", "LONG NAME")
    assert found.sound_ids() == sound_ids(shuffled.parameters)
    lines = (home.collections / "My best 32.csv").read_text().splitlines()
    assert lines[0] == "sound_id,name,voice"
    assert lines[1].split(",")[:2] == [found.sound_ids()[0], "  PAD"]
    assert len(lines[1].split(",")[2]) == 256


def test_the_banks_of_a_collection_decode_to_its_voices(home, tmp_path):
    voices = some(40)
    write_collection(home, "two", voices)
    (tmp_path / "two.syx").write_bytes(b"".join(read_collection(home, "two").to_banks()))
    read = dx.read(tmp_path / "two.syx")
    assert read["name"].to_list() == [*voices.names, *["INIT VOICE"] * 24]
    assert np.array_equal(read.select(PARAMETER_NAMES)[:40].to_numpy(), voices.parameters)


def test_a_change_by_another_program_is_not_written_over(home):
    first = write_collection(home, "x", some(3))
    second = write_collection(home, "x", replace(some(2, seed=1), version=first.version))
    for attempt in (
        lambda: write_collection(home, "x", replace(some(4, seed=2), version=first.version)),
        lambda: delete_collection(home, "x", first.version),
    ):
        with pytest.raises(ChangedCollectionError, match="changed by another program"):
            attempt()
    assert read_collection(home, "x").version == second.version
    with pytest.raises(CollectionError, match="there is a collection 'x' already"):
        write_collection(home, "X", EMPTY)
    delete_collection(home, "x", second.version)
    with pytest.raises(CollectionError, match="there is no collection 'x'"):
        write_collection(home, "x", second)
    assert list_collections(home) == []


def test_a_collection_is_renamed_but_never_over_another(home):
    write_collection(home, "one", some(1))
    write_collection(home, "two", some(2))
    with pytest.raises(CollectionError, match="already"):
        rename_collection(home, "one", "TWO")
    rename_collection(home, "one", "ONE")
    rename_collection(home, "two", "three")
    assert [(row.name, row.voices) for row in list_collections(home)] == [("ONE", 1), ("three", 2)]
    with pytest.raises(CollectionError, match="there is no collection 'two'"):
        rename_collection(home, "two", "four")


@pytest.mark.parametrize("name", ["Bässe", "a", "-", "_x", "1", "Дуня", "x" * 64])
def test_valid_names(home, name):
    write_collection(home, name, some(1))
    assert [row.name for row in list_collections(home)] == [name]
    assert len(read_collection(home, name)) == 1


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a ",
        " a",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "a.b",
        ".a",
        "x" * 65,
        "𐐀" * 64,
        "a\0",
        "a\n",
        "con",
        "NUL",
        "<b>",
        "\u202e",
    ],
)
def test_a_name_that_is_no_safe_file_name_is_refused(home, name):
    for attempt in (
        lambda: write_collection(home, name, EMPTY),
        lambda: read_collection(home, name),
        lambda: delete_collection(home, name),
    ):
        with pytest.raises(CollectionError, match="is not a name of a collection"):
            attempt()
    write_collection(home, "ok", EMPTY)
    with pytest.raises(CollectionError, match="is not a name of a collection"):
        rename_collection(home, "ok", name)
    assert [row.name for row in list_collections(home)] == ["ok"]


def test_a_file_changed_by_hand_is_read_or_refused_with_its_line(home):
    write_collection(home, "x", some(2))
    path = home.collections / "x.csv"
    header, one, two = path.read_text().splitlines()
    path.write_text("\n".join([header, two.replace("VOICE 1", "MINE"), one, ""]))
    assert read_collection(home, "x").names == ("MINE", "VOICE 0")
    over = bytearray.fromhex(one.split(",")[2])
    over[0] = 100  # the rate of an envelope, 0 to 99
    (illegal,) = sound_ids(unpack_vmem(np.frombuffer(bytes(over), dtype=np.uint8)[None])[0])
    cases = {
        "the first line must be": one,
        "line 2: 2 fields": f"{header}\na,b",
        "line 3: '00' is not a voice": f"{header}\n{one}\n{one.split(',')[0]},x,00",
        "line 2: 'TOO LONG NAME' is not a name": f"{header}\n{one.replace('VOICE 0', 'TOO LONG NAME')}",
        "line 2: the voice is that of sound": f"{header}\n{two.split(',')[0]},x,{one.split(',')[2]}",
        "line 2: op6_eg_rate_1 is 100": f"{header}\n{illegal},x,{over.hex()}",
        "line 1: not UTF-8": "\udcff",
    }
    for reason, text in cases.items():
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(CollectionError) as refused:
            read_collection(home, "x")
        assert f"x.csv: {reason}" in str(refused.value)
        (row,) = list_collections(home)
        assert row.voices is None
        assert reason in row.problem


def test_what_is_no_collection_is_left_alone(home):
    write_collection(home, "x", some(1))
    (home.collections / "notes.txt").write_text("mine")
    (home.collections / ".hidden.csv").write_text("mine")
    (home.collections / "folder.csv").mkdir()
    os.mkfifo(home.collections / "pipe.csv")
    assert [(row.name, row.voices) for row in list_collections(home)] == [("folder", None), ("pipe", None), ("x", 1)]
    write_collection(home, "y", some(1))
    assert (home.collections / "notes.txt").read_text() == "mine"


def test_illegal_voices_are_refused(home):
    voices = some(1)
    with pytest.raises(ValueError, match="its range is"):
        Collection(np.full((1, 145), 255, dtype=np.uint8), ("x",))
    with pytest.raises(ValueError, match="1 voices, but 2 names"):
        Collection(voices.parameters, ("x", "y"))
    assert Collection(voices.parameters, ("é\x1b",)).names == ("??",)
