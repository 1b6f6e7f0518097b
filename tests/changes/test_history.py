"""The history of a home: what each run changed, whatever happens during and between the runs."""

import itertools
import os
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.changes import history as history_module
from deepdx_core.changes.history import History, HistoryError
from deepdx_core.home import Home
from deepdx_core.state.store import open_state
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from tests.changes.test_comparison import SOUNDS, counts_of, moves_of, splits, states
from tests.support.homes import DAMAGES, damage_file

FIRST = {SOUNDS[0]: ("train", "a"), SOUNDS[1]: ("test", "a")}
SECOND = {SOUNDS[0]: ("test", "a"), SOUNDS[2]: ("test", "b")}


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "home")
    open_state(made, print)
    return made


def write(home, state):
    Tables(home).write("training_splits", splits(state))


def begin(home, run_id):
    history = History(home)
    history.begin(run_id, "corpus")
    return history


def run(home, run_id, state=None):
    """Record a run that writes the table if a state is given."""
    history = begin(home, run_id)
    if state is not None:
        write(home, state)
    history.finish()


def counts(difference):
    """Return the counts of rows of the one table that the tests write, None if they are not known."""
    found = difference.tables.filter(table="training_splits").select("added", "gone", "changed").rows()
    return found[0] if found else (0, 0, 0)


def as_tuple(expected):
    return expected.added, expected.gone, expected.changed


def changes_of(home, run_id):
    history = History(home)
    return counts(history.changes_of(history.find(run_id)))


def between(home, first, second):
    history = History(home)
    return counts(history.between(history.find(first), history.find(second)))


def test_a_run_that_changes_nothing_is_recorded_without_changes(home):
    run(home, "one", FIRST)
    run(home, "two")
    run(home, "three", FIRST)
    assert changes_of(home, "one") == (2, 0, 0)
    assert changes_of(home, "two") == changes_of(home, "three") == (0, 0, 0)
    assert [found.record.run_id for found in History(home).runs()] == ["one", "two", "three"]


def test_a_table_that_was_there_before_the_first_record_is_not_added(home):
    write(home, FIRST)
    run(home, "one", SECOND)
    assert changes_of(home, "one") == as_tuple(counts_of(FIRST, SECOND))


def test_what_a_killed_run_changed_is_recorded_as_its_own(home):
    run(home, "one", FIRST)
    begin(home, "killed")
    write(home, SECOND)
    history = History(home)
    assert history.unfinished().record.run_id == "killed"
    assert [found.record.run_id for found in history.runs()] == ["one"]
    run(home, "three", FIRST)
    assert changes_of(home, "killed") == as_tuple(counts_of(FIRST, SECOND))
    assert changes_of(home, "three") == as_tuple(counts_of(SECOND, FIRST))
    assert between(home, "one", "three") == (0, 0, 0)
    assert [found.record.ended is None for found in History(home).runs()] == [False, True, False]


@pytest.mark.parametrize("step", ["_write", "_replace_base"])
def test_a_run_killed_while_it_is_recorded_is_recorded_once(home, step):
    run(home, "one", FIRST)
    history = begin(home, "killed")
    write(home, SECOND)
    with patch.object(History, step, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        history.finish()
    run(home, "three")
    assert changes_of(home, "killed") == as_tuple(counts_of(FIRST, SECOND))
    assert changes_of(home, "three") == (0, 0, 0)
    assert between(home, "one", "three") == as_tuple(counts_of(FIRST, SECOND))


def test_changes_between_runs_are_recorded_on_their_own(home):
    run(home, "one", FIRST)
    write(home, SECOND)
    run(home, "two", {})
    ids = [found.record.run_id for found in History(home).runs()]
    assert ids == ["one", "outside-3", "two"]
    assert changes_of(home, "outside") == as_tuple(counts_of(FIRST, SECOND))
    assert changes_of(home, "two") == (0, 2, 0)
    assert between(home, "one", "two") == (0, 2, 0)


def test_a_deleted_cache_that_is_rebuilt_is_no_change(home):
    families = TABLES["families"].create_empty()
    row = dict.fromkeys(families.columns, 1) | dict.fromkeys(["sound_id", "functional_id", "family_id"], SOUNDS[0])
    row |= {"functional_representative": True, "family_representative": True, "best_name": "ONE"}
    rows = pl.DataFrame([row], schema=families.schema)
    history = begin(home, "one")
    Tables(home).write("families", rows)
    history.finish()
    Tables(home).path("families").unlink()
    run(home, "two")
    history = begin(home, "three")
    Tables(home).write("families", rows)
    history.finish()
    for run_id in ("two", "three"):
        found = history.changes_of(history.find(run_id))
        assert found.tables.rows() == [("families", 1, 0, 0, 0)]


@pytest.mark.parametrize("how", [how for how in DAMAGES if how not in ("deleted", "a folder")])
def test_after_damage_to_a_table_its_changes_are_not_known_and_nothing_is_made_up(home, how):
    run(home, "one", FIRST)
    run(home, "two", SECOND)
    damage_file(Tables(home).path("training_splits"), how)
    run(home, "three", FIRST)
    assert changes_of(home, "three") == (None, None, None)
    assert between(home, "two", "three") == (None, None, None)
    assert between(home, "one", "three") == (0, 0, 0)  # the same file
    history = History(home)
    assert any("training_splits" in note for note in history.changes_of(history.find("three")).notes)
    assert changes_of(home, "two") == as_tuple(counts_of(FIRST, SECOND))


def test_a_damaged_record_is_left_out_and_not_compared_across(home):
    for number in range(5):
        run(home, f"run-{number}", FIRST if number % 2 else SECOND)
    history = History(home)
    damage_file(history.find("run-2").path, "truncated")
    assert [found.record.run_id for found in history.runs()] == ["run-0", "run-1", "run-3", "run-4"]
    with pytest.raises(HistoryError, match="missing or damaged"):
        between(home, "run-1", "run-3")
    assert between(home, "run-3", "run-4") == as_tuple(counts_of(FIRST, SECOND))
    run(home, "run-5", {})
    assert changes_of(home, "run-5") == (0, 2, 0)


def test_without_the_base_a_new_history_begins(home):
    run(home, "one", FIRST)
    (base,) = home.changes.glob("*-base")
    for path in base.iterdir():
        path.unlink()
    base.rmdir()
    write(home, SECOND)
    run(home, "two")
    run(home, "three", {})
    with pytest.raises(HistoryError, match="missing or damaged"):
        between(home, "one", "two")
    assert between(home, "two", "three") == (0, 2, 0)


def test_runs_are_found_by_id_beginning_and_word(home):
    history = History(home)
    with pytest.raises(HistoryError, match="no run is recorded"):
        history.find("last")
    for run_id in ("abc1", "abc2", "abc12", "b\x1b[31m"):
        run(home, run_id)
    assert history.find("abc1").record.run_id == history.find("first").record.run_id == "abc1"
    assert history.find("b").record.run_id == history.find("last").record.run_id == "b\x1b[31m"
    for unknown, reason in (("abc", "3 recorded runs"), ("", "no recorded run"), ("\x1b[31m", r"'\\x1b\[31m'")):
        with pytest.raises(HistoryError, match=reason):
            history.find(unknown)
    with pytest.raises(HistoryError, match="earlier run first"):
        history.between(history.find("last"), history.find("first"))


def test_the_oldest_records_are_removed(home):
    with patch.object(history_module, "MAX_RECORDS", 3):
        for number in range(6):
            run(home, f"run-{number}", FIRST if number % 2 else SECOND)
    assert [found.record.run_id for found in History(home).runs()] == ["run-3", "run-4", "run-5"]
    with patch.object(history_module, "MAX_BYTES", 1):
        run(home, "last", {})
    assert [found.record.run_id for found in History(home).runs()] == ["last"]
    assert len(list(home.changes.iterdir())) == 2  # the record and the base


def test_the_base_takes_no_space_where_the_file_system_has_links(home):
    run(home, "one", FIRST)
    (linked,) = home.changes.glob("*-base/*")
    assert linked.samefile(Tables(home).path("training_splits"))


def test_a_file_system_without_links_is_enough(home):
    with patch.object(os, "link", side_effect=OSError):
        run(home, "one", FIRST)
        run(home, "two", SECOND)
    assert changes_of(home, "two") == as_tuple(counts_of(FIRST, SECOND))


steps = st.lists(st.tuples(st.sampled_from(["run", "killed", "outside"]), st.none() | states), min_size=1, max_size=6)


@settings(max_examples=20)
@given(steps)
def test_any_two_runs_compare_like_the_tables_they_left(tmp_path_factory, steps):
    """Runs that end or are killed, and changes between them, in any order."""
    home = Home(tmp_path_factory.mktemp("history") / "home")
    open_state(home, print)
    state, left = {}, {}  # after each run; the record of a killed one lasts until the next run begins
    killed = None
    write(home, state)
    for number, (kind, written) in enumerate([*steps, ("run", None)]):
        run_id = f"{kind}-run-{number}"
        if kind == "run":
            run(home, run_id, written)
        elif kind == "killed":
            begin(home, run_id)
        if kind != "run" and written is not None:
            write(home, written)
        state = state if written is None else written
        killed = {"run": None, "killed": run_id}.get(kind, killed)
        if kind != "outside" or killed:
            left[killed or run_id] = state
    history = History(home)
    for first, second in itertools.combinations(left, 2):
        difference = history.between(history.find(first), history.find(second))
        assert counts(difference) == as_tuple(counts_of(left[first], left[second])), (first, second)
        moves = {(sound_id, before, after) for _, sound_id, _, before, after in difference.moves.iter_rows()}
        assert moves == moves_of(left[first], left[second])
