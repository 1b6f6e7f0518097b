"""Ratings and notes: kept in one file, changed one sound at a time, undone by the former row."""

import subprocess
import sys

import polars as pl
import pytest

from deepdx_core.keeping.ratings import UNCHANGED, RatedSound, rate, read_ratings
from deepdx_core.keeping.scale import Rating
from deepdx_core.overrides import OverridesError
from tests.support.paths import ROOT

A, B = "a" * 20, "b" * 20


def rows(home):
    return read_ratings(home).rows()


def test_a_rating_and_a_note_are_set_one_by_one(home):
    assert rows(home) == []
    assert rate(home, B, Rating.STAR) == RatedSound()
    assert rate(home, A, note='warm, "wide"\n in the bass') == RatedSound()
    assert rate(home, B, note="lead") == RatedSound(Rating.STAR)
    assert rows(home) == [(A, None, 'warm, "wide" in the bass'), (B, "star", "lead")]
    assert home.ratings.read_text() == f'sound_id,rating,note\n{A},,"warm, ""wide"" in the bass"\n{B},star,lead\n'
    assert rate(home, B, "fine", UNCHANGED) == RatedSound(Rating.STAR, "lead")
    assert rate(home, B, None) == RatedSound(Rating.FINE, "lead")
    assert rows(home)[1] == (B, None, "lead")
    rate(home, B, note=None)
    assert [row[0] for row in rows(home)] == [A]


def test_ratings_are_in_ascending_order(home):
    for number, rating in enumerate(Rating):
        rate(home, f"{number:020x}", rating)
    ratings = read_ratings(home)
    assert ratings.filter(pl.col("rating") >= "keep")["rating"].to_list() == ["keep", "star"]
    assert ratings["rating"].to_physical().to_list() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "before", [RatedSound(), RatedSound(Rating.SKIP), RatedSound(None, "x"), RatedSound("star", "y")]
)
def test_the_former_row_undoes_a_change(home, before):
    rate(home, B, Rating.KEEP, "other")
    rate(home, A, *before)
    kept = rows(home)
    rate(home, A, *rate(home, A, Rating.FINE, "another note"))
    assert rows(home) == kept


@pytest.mark.parametrize(
    ("sound_id", "rating", "note"),
    [("abc", "star", ""), (A, "superb", ""), ("../../x", "star", ""), (A, None, "n" * 20_000)],
)
def test_an_invalid_change_changes_nothing(home, sound_id, rating, note):
    rate(home, A, Rating.SKIP)
    kept = home.ratings.read_bytes()
    with pytest.raises(OverridesError, match="nothing was changed"):
        rate(home, sound_id, rating, note)
    assert home.ratings.read_bytes() == kept


@pytest.mark.parametrize("note", ["\0", "\ud800x", "caf\udce9", "\x1b[31m", "=1+1", "<b>", "\u202e", "a\r\nb\rc", '"'])
def test_any_note_can_be_read_again(home, note):
    rate(home, A, Rating.STAR, note)
    rate(home, B, Rating.FINE)
    assert [row[:2] for row in rows(home)] == [(A, "star"), (B, "fine")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sound_id,rating\n", "the first line must be sound_id,rating,note"),
        (f"sound_id,rating,note\n{A},good,\n", "line 2: 'good' is not one of skip, fine, keep, star"),
        (f"sound_id,rating,note\n{A},star,\n\n{A},,x\n", f"line 4: {A} is already on a line above"),
        (f"sound_id,rating,note\n{A},star,\0\n", "line 2: a NUL byte"),
    ],
)
def test_an_invalid_file_is_refused_and_kept(home, text, reason):
    home.state.mkdir()
    home.ratings.write_text(text)
    for attempt in (lambda: read_ratings(home), lambda: rate(home, B, Rating.STAR)):
        with pytest.raises(OverridesError) as refused:
            attempt()
        assert f"ratings.csv: {reason}" in str(refused.value)
    assert home.ratings.read_text() == text


RATE = """
import sys
from pathlib import Path
from deepdx_core.home import Home
from deepdx_core.keeping.ratings import rate
home, process = Home(Path(sys.argv[1])), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(5):
    rate(home, f"{process:010x}{number:010x}", "star")
"""


def test_no_concurrent_rating_is_lost(home):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    command = [sys.executable, "-c", RATE, str(home.root)]
    processes = [subprocess.Popen([*command, str(number)], **pipes) for number in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # all at once
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert len(rows(home)) == 15
