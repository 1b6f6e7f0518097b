"""Comparison of two states of a table, and combination of comparisons, against states as dictionaries."""

import itertools

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepdx_core.changes.comparison import Counts, combine, compare, count, count_moves, find_moves
from deepdx_core.tables.schemas import TABLES

SOUNDS = [f"{number:020x}" for number in range(6)]

# The split and the reason of each sound.
states = st.dictionaries(
    st.sampled_from(SOUNDS), st.tuples(st.sampled_from(["train", "test", "withheld"]), st.sampled_from("ab"))
)


def splits(state):
    rows = [(sound_id, split, reason, True) for sound_id, (split, reason) in state.items()]
    return pl.DataFrame(rows, schema=TABLES["training_splits"].create_empty().schema, orient="row")


def counts_of(before, after):
    common = before.keys() & after.keys()
    changed = sum(before[sound_id] != after[sound_id] for sound_id in common)
    return Counts(len(after) - len(common), len(before) - len(common), changed)


def moves_of(before, after):
    return {
        (sound_id, before[sound_id][0], after[sound_id][0])
        for sound_id in before.keys() & after.keys()
        if before[sound_id][0] != after[sound_id][0]
    }


def found_moves(changes):
    return {(sound_id, before, after) for _, sound_id, _, before, after in find_moves(changes).iter_rows()}


@given(states, states)
def test_rows_are_added_gone_or_changed_and_sounds_move(before, after):
    changes = compare("training_splits", splits(before), splits(after))
    assert count(changes) == counts_of(before, after)
    assert found_moves(changes) == moves_of(before, after)


@given(states, states)
def test_the_order_of_rows_is_no_change(before, after):
    changes = compare("training_splits", splits(before).reverse(), splits(after).reverse())
    assert changes.equals(compare("training_splits", splits(before), splits(after)))


@given(st.lists(states, min_size=1, max_size=5))
def test_combined_steps_equal_the_comparison_of_the_first_state_with_the_last(steps):
    compared = [compare("training_splits", splits(one), splits(other)) for one, other in itertools.pairwise(steps)]
    assert combine(compared).equals(compare("training_splits", splits(steps[0]), splits(steps[-1])))


def test_steps_of_several_tables_are_combined_each_for_itself():
    realness = pl.DataFrame(
        [(SOUNDS[0], "Pianos", 1.0, False, False, "0" * 16)],
        schema=TABLES["realness"].create_empty().schema,
        orient="row",
    )
    scored = compare("realness", realness.clear(), realness)
    split = compare("training_splits", splits({}), splits({SOUNDS[0]: ("test", "a")}))
    gone = compare("realness", realness, realness.clear())
    assert combine([scored, split, gone]).equals(split)


def test_files_and_members_of_archives_are_different_rows():
    def files(*rows):
        content = [(path, member, 1, "0" * 64, "no voices", "text", 0, "text") for path, member in rows]
        return pl.DataFrame(content, schema=TABLES["raw_files"].create_empty().schema, orient="row")

    before = files(("a.zip", None), ("a.zip", "one.syx"), ("b.syx", None))
    after = files(("a.zip", None), ("a.zip", "two.syx"), ("b.syx", None))
    assert count(compare("raw_files", before, after)) == Counts(added=1, gone=1, changed=0)


def test_nested_values_count():
    schema = TABLES["unique_voices"].create_empty().schema
    empty = dict.fromkeys(schema)
    row = empty | {"sound_id": SOUNDS[0], "names": ["ONE", "TWO"]}
    other = row | {"names": ["ONE", None]}
    before, after = (pl.DataFrame([values], schema=schema) for values in (row, other))
    assert count(compare("unique_voices", before, after)) == Counts(0, 0, 1)
    assert count(compare("unique_voices", before, before)) == Counts(0, 0, 0)


def test_a_row_changes_with_the_columns_of_its_table():
    before = splits({SOUNDS[0]: ("test", "a"), SOUNDS[1]: ("test", "a")})
    changes = compare("training_splits", before.drop("reason"), before.with_columns(split=pl.lit("train")))
    assert count(changes) == Counts(0, 0, 2)
    assert found_moves(changes) == {(sound_id, "test", "train") for sound_id in SOUNDS[:2]}
    # Without the watched column, rows are compared and no move is known.
    assert count(compare("training_splits", before.drop("split"), before)) == Counts(0, 0, 2)
    assert not found_moves(compare("training_splits", before.drop("split"), before))


@pytest.mark.parametrize("before", [{"sound": SOUNDS}, {"sound_id": list(range(6))}])
def test_tables_with_another_key_cannot_be_compared(before):
    assert compare("training_splits", pl.DataFrame(before), splits({})) is None


def test_moves_are_counted_by_column_the_most_frequent_first():
    before = dict.fromkeys(SOUNDS, ("train", "a"))
    after = {sound_id: ("test" if place else "withheld", "a") for place, sound_id in enumerate(SOUNDS[:4])}
    moves = find_moves(compare("training_splits", splits(before), splits(before | after)))
    assert count_moves(moves).rows() == [("split", "train", "test", 3), ("split", "train", "withheld", 1)]
