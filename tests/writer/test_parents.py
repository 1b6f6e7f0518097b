"""From which voices a voice may have been made."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.writer.parents import CANDIDATES, TO_LEARN, TO_WRITE, Parents, find_parents
from tests.support.toy_models import toy_voices
from tests.support.voices import random_voices

APART = 255


def by_brute_force(voices, families, among, families_among):
    """The candidates' rows and distances, compared pair by pair."""
    rows, differing = [], []
    for voice, family in zip(voices, families, strict=True):
        distances = [
            (APART if family == other_family else int((voice != other).sum()), row)
            for row, (other, other_family) in enumerate(zip(among, families_among, strict=True))
        ]
        nearest = sorted(distances)[:CANDIDATES]
        rows.append([row for _, row in nearest])
        differing.append([distance for distance, _ in nearest])
    return np.array(rows), np.array(differing)


def few(random, count):
    """Voices of few values each, so that many are equally far."""
    return random.integers(0, 2, (count, 145)).astype(np.uint8) * (random.random((count, 145)) < 0.1)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(3, 60))
def test_candidates_are_those_of_brute_force(seed, count, count_among):
    random = np.random.default_rng(seed)
    voices, among = few(random, count).astype(np.uint8), few(random, count_among).astype(np.uint8)
    families, families_among = random.integers(0, 4, count), np.arange(count_among) % 3
    found = find_parents(voices, families, among, families_among)
    rows, differing = by_brute_force(voices, families, among, families_among)
    assert (found.rows == rows).all()
    assert (found.differing == differing).all()


def test_more_voices_than_are_compared_at_once_are_all_compared():
    voices, others = toy_voices(300), toy_voices(40, 1)
    told = []
    found = find_parents(
        voices.parameters, voices.families, others.parameters, others.families, lambda *at: told.append(at[1:])
    )
    rows, differing = by_brute_force(voices.parameters, voices.families, others.parameters, others.families)
    assert (found.rows == rows).all()
    assert (found.differing == differing).all()
    assert told[-1] == (300, 300)


def test_no_parent_is_of_the_own_family_however_it_is_drawn():
    voices = toy_voices(60)
    few_families = voices.families % 3
    found = find_parents(voices.parameters, few_families, voices.parameters, few_families)
    rows = np.repeat(np.arange(60), 50)
    for chances in (np.random.default_rng(0).random(len(rows)), np.zeros(len(rows)), np.ones(len(rows))):
        parents, differing = found.draw(rows, chances)
        assert (few_families[parents] != few_families[rows]).all()
        assert (differing == (voices.parameters[parents] != voices.parameters[rows]).sum(axis=1)).all()


def test_even_where_fewer_than_the_candidates_are_of_other_families():
    voices = random_voices(40)[0]
    families = np.array([0] * 39 + [1])
    found = find_parents(voices, families, voices, families)
    parents, _ = found.draw(np.arange(39), np.ones(39))
    assert (parents == 39).all()


def test_chances_sum_to_one_and_fall_with_the_distance():
    voices = toy_voices(120)
    found = find_parents(voices.parameters, voices.families, voices.parameters, voices.families)
    assert (found.cumulated[:, -1] == 1).all()
    chances = np.diff(found.cumulated, axis=1, prepend=0)
    assert (chances >= 0).all()
    assert (np.diff(chances, axis=1) <= 1e-12).all()
    assert np.allclose(
        np.log(chances[:, 0] / chances[:, 1]), (found.differing[:, 1] - found.differing[:, 0]) / TO_LEARN, atol=1e-6
    )


@pytest.mark.parametrize("slack", [TO_LEARN, TO_WRITE])
def test_the_less_slack_the_nearer_the_parents(slack):
    found = Parents(np.array([[7, 8]]), np.array([[10, 13]]), slack)
    assert found.cumulated[0, 0] == pytest.approx(1 / (1 + np.exp(-3 / slack)))


def test_candidates_are_drawn_as_often_as_their_chance_says():
    found = Parents(np.array([[7, 8, 9]]), np.array([[10, 15, APART]]))
    rows, differing = found.draw(np.zeros(20_000, dtype=int), np.random.default_rng(0).random(20_000))
    assert (rows == 7).mean() == pytest.approx(np.e / (np.e + 1), abs=0.02)
    assert set(zip(rows.tolist(), differing.tolist(), strict=True)) == {(7, 10), (8, 15)}


def test_one_family_alone_has_no_parents():
    voices = random_voices(5)[0]
    with pytest.raises(ValueError, match="more than one family"):
        find_parents(voices, np.zeros(5, dtype=int), voices, np.zeros(5, dtype=int))


def test_nor_have_voices_among_none():
    voices = random_voices(5)[0]
    with pytest.raises(ValueError, match="more than one family"):
        find_parents(voices, np.arange(5), voices[:0], np.arange(0))
