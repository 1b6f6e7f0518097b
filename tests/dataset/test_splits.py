"""Splits: by family, stratified by label, and permanent."""

import hashlib

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.dataset.splits import SHARES, assign_splits, leaks, withhold_linked
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.tables.dataset import TrainingSplits
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.voices import random_voices

NOTHING = TrainingSplits.create_empty()


def sound_id(*key):
    return hashlib.sha256(repr(key).encode()).hexdigest()[:20]


def sounds(*families, label="Pads"):
    """Sounds of families; each family is a list of values that identify its sounds."""
    rows = []
    for members in families:
        ids = sorted(sound_id(member) for member in members)
        rows += [(id_, ids[0], label) for id_ in ids]
    return pl.DataFrame(rows, schema=["sound_id", "family_id", "label"], orient="row")


def many(count, seed=0, labels=("Pads", "Bass", "Other")):
    random = np.random.default_rng(seed)
    parts, number = [], 0
    for label in labels:
        families = []
        while number < count * (labels.index(label) + 1) // len(labels):
            size = int(random.geometric(0.4))
            families.append(range(number, number + size))
            number += size
        parts.append(sounds(*families, label=label))
    return pl.concat(parts)


def split_of(splits):
    return dict(splits.select("sound_id", "split").iter_rows())


def test_families_stay_together_and_each_label_has_its_shares():
    corpus = many(6000)
    splits = TrainingSplits.validate(assign_splits(corpus, NOTHING))
    placed = corpus.join(splits, on="sound_id")
    assert len(placed) == len(corpus)
    assert placed.group_by("family_id").agg(pl.col("split").n_unique())["split"].max() == 1
    shares = (
        placed.group_by("label", "split").len().with_columns(share=pl.col("len") / pl.col("len").sum().over("label"))
    )
    for _, split, _, share in shares.iter_rows():
        assert share == pytest.approx(SHARES[split], abs=0.01)


def test_splits_do_not_depend_on_the_order_of_sounds():
    corpus = many(600)
    assert assign_splits(corpus.sample(fraction=1, shuffle=True, seed=3), NOTHING).equals(
        assign_splits(corpus, NOTHING)
    )


def test_new_sounds_do_not_move_earlier_ones():
    corpus = many(3000)
    first = assign_splits(corpus.filter(pl.col("family_id") < "8"), NOTHING)
    second = TrainingSplits.validate(assign_splits(corpus, first))
    assert first.join(second, on=["sound_id", "split", "reason"]).height == len(first)
    shares = dict(second["split"].value_counts(normalize=True).iter_rows())
    assert shares["test"] == pytest.approx(0.1, abs=0.01)
    # Once more with the same sounds: nothing to do.
    assert assign_splits(corpus, second).equals(second)


def test_a_new_sound_takes_the_split_of_its_family():
    first = assign_splits(many(300), NOTHING)
    for old in first["sound_id"].head(20):
        grown = pl.DataFrame(
            {"sound_id": [old, sound_id("new", old)], "family_id": [old, old], "label": ["Bass", "Pads"]}
        )
        splits = split_of(assign_splits(grown, first))
        assert splits[sound_id("new", old)] == splits[old]


def test_a_sound_that_joins_families_of_two_splits_is_withheld_and_moves_neither():
    first = assign_splits(many(300), NOTHING)
    train, test = (first.filter(pl.col("split") == split)["sound_id"][0] for split in ("train", "test"))
    bridge = sound_id("bridge")
    joined = pl.DataFrame(
        {"sound_id": [train, test, bridge], "family_id": [min(train, test, bridge)] * 3, "label": ["Pads"] * 3}
    )
    second = assign_splits(joined, first)
    splits = split_of(second)
    assert (splits[train], splits[test], splits[bridge]) == ("train", "test", "withheld")
    assert second.filter(pl.col("sound_id") == bridge)["reason"].item() == "its family has sounds in test and train"
    # It stays withheld.
    assert split_of(assign_splits(joined, second))[bridge] == "withheld"


def test_a_sound_that_left_keeps_its_split_and_returns_to_it():
    corpus = many(300)
    first = assign_splits(corpus, NOTHING)
    gone = corpus.filter(pl.col("sound_id") > "8")
    second = TrainingSplits.validate(assign_splits(gone, first))
    assert second.height == first.height
    assert second.filter("in_corpus").height == gone.height
    assert split_of(assign_splits(corpus, second)) == split_of(first)


def test_a_returning_sound_gives_way_to_those_that_took_its_place():
    def only(name, family):
        return pl.DataFrame({"sound_id": [sound_id(name)], "family_id": [family], "label": ["Pads"]})

    filler = many(300)
    first = assign_splits(pl.concat([filler, only("a", sound_id("a"))]), NOTHING)
    others = {split: first.filter(pl.col("split") == split)["sound_id"][0] for split in ("train", "test")}
    other = others["test" if split_of(first)[sound_id("a")] == "train" else "train"]
    # "a" leaves. When it returns, it is in one family with a sound of another split.
    second = assign_splits(filler, first)
    family = min(sound_id("a"), other)
    together = pl.DataFrame({"sound_id": [sound_id("a"), other], "family_id": [family] * 2, "label": ["Pads"] * 2})
    third = split_of(assign_splits(together, second))
    assert third[other] == split_of(first)[other]
    assert third[sound_id("a")] == third[other]


@settings(max_examples=50)
@given(st.data())
def test_families_of_new_sounds_never_leak_in_any_order_of_arrival(data):
    """Sounds come and go, and families merge: sounds that stay in the corpus never move, and new links never leak."""
    links = data.draw(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), max_size=25))
    state, there_before = NOTHING, set()
    for _ in range(3):
        present = sorted(data.draw(st.sets(st.integers(0, 25), min_size=1)))
        parent = {n: n for n in present}

        def root(n, parent=parent):
            while parent[n] != n:
                n = parent[n]
            return n

        for a, b in links:
            if a in parent and b in parent:
                parent[root(a)] = root(b)
        groups = {}
        for n in present:
            groups.setdefault(root(n), []).append(n)
        after = assign_splits(sounds(*groups.values()), state)
        before, now = split_of(state), split_of(after)
        for n in there_before.intersection(present):
            assert now[sound_id(n)] == before[sound_id(n)]
        for a, b in links:
            if a in parent and b in parent and not {a, b} <= there_before:
                ends = {now[sound_id(a)], now[sound_id(b)]} - {"withheld"}
                assert len(ends) <= 1
        state, there_before = after, set(present)


def voices_with_pairs():
    """Five voices: a pair 5 parameters apart, a pair 6 parameters apart, and an unrelated one."""
    parameters, _ = random_voices(5, seed=8)
    parameters[1] = parameters[0]
    parameters[1, :5] = (parameters[0, :5] + 1) % 99
    parameters[3] = parameters[2]
    parameters[3, :6] = (parameters[2, :6] + 1) % 99
    names = pl.Series("names", [["A"]] * 5)
    return pl.DataFrame(parameters, schema=list(PARAMETER_NAMES)).with_columns(
        names,
        sound_id=pl.Series(sound_ids(parameters)),
        converted=False,
        files=1,
        slots=1,
        name_counts=pl.Series([[1]] * 5),
    )


def placed(voices, *splits):
    return voices.select("sound_id", split=pl.Series(splits), reason=pl.lit("allotted"), in_corpus=pl.lit(True))


NO_PAIRS = pl.DataFrame(schema={"sound_id": pl.String, "other_id": pl.String})


def test_near_duplicates_in_different_splits_are_leaks_unless_withheld():
    voices = voices_with_pairs()
    ids = voices["sound_id"].to_list()
    found = leaks(placed(voices, "train", "test", "train", "test", "train"), voices, NO_PAIRS)
    assert [set(pair) for pair in found.select("sound_id", "other_id").rows()] == [set(ids[:2])]
    assert leaks(placed(voices, "train", "withheld", "train", "test", "train"), voices, NO_PAIRS).is_empty()
    by_ear = pl.DataFrame({"sound_id": [min(ids[2], ids[4])], "other_id": [max(ids[2], ids[4])]})
    found = leaks(placed(voices, "train", "train", "train", "test", "test"), voices, by_ear)
    assert found.rows()[0][::2] == by_ear.row(0)


def test_families_that_turn_out_to_be_one_by_ear_are_withheld_on_the_smaller_side():
    voices = voices_with_pairs()
    ids = voices["sound_id"].to_list()
    before = placed(voices, "train", "train", "validation", "test", "test")
    # The first two, near each other, sound like the fifth: two in train, one in test.
    by_ear = pl.DataFrame({"sound_id": [min(ids[0], ids[4])], "other_id": [max(ids[0], ids[4])]})
    after = withhold_linked(before, voices, by_ear)
    assert split_of(after) == dict(zip(ids, ["train", "train", "validation", "test", "withheld"], strict=True))
    reason = after.filter(pl.col("sound_id") == ids[4])["reason"].item()
    assert reason == "stood in test; most of what turned out to be its family is in train"
    assert leaks(after, voices, by_ear).is_empty()
    # Nothing else moves, and a second time nothing does.
    assert withhold_linked(after, voices, by_ear).equals(after)
    assert withhold_linked(before, voices, NO_PAIRS).equals(before)
