"""Candidate parents, and how they are drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.writer.parents import CANDIDATES, SAMPLING_SLACK, TRAINING_SLACK, Parents, draw_parents, find_parents
from tests.support.toy_models import toy_voices
from tests.support.voices import random_voices

SAME_FAMILY = 255


def by_brute_force(voices, families, among, families_among):
    """Return the candidates' rows and distances, voice by voice."""
    rows, differing = [], []
    for voice, family in zip(voices, families, strict=True):
        distances = [
            (SAME_FAMILY if family == other_family else int((voice != other).sum()), row)
            for row, (other, other_family) in enumerate(zip(among, families_among, strict=True))
        ]
        nearest = sorted(distances)[:CANDIDATES]
        rows.append([row for _, row in nearest])
        differing.append([distance for distance, _ in nearest])
    return np.array(rows), np.array(differing)


def sparse_voices(random, count):
    """Return voices with few values other than 0, so that many distances are equal."""
    return random.integers(0, 2, (count, 145)).astype(np.uint8) * (random.random((count, 145)) < 0.1)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 20), st.integers(3, 60))
def test_candidates_match_a_brute_force_search(seed, count, count_among):
    random = np.random.default_rng(seed)
    voices, among = sparse_voices(random, count).astype(np.uint8), sparse_voices(random, count_among).astype(np.uint8)
    families, families_among = random.integers(0, 4, count), np.arange(count_among) % 3
    found = find_parents(voices, families, among, families_among)
    rows, differing = by_brute_force(voices, families, among, families_among)
    assert (found.rows == rows).all()
    assert (found.differing == differing).all()


def test_more_voices_than_a_batch_are_all_compared():
    voices, others = toy_voices(300), toy_voices(40, 1)
    reports = []
    found = find_parents(
        voices.parameters, voices.families, others.parameters, others.families, lambda *at: reports.append(at[1:])
    )
    rows, differing = by_brute_force(voices.parameters, voices.families, others.parameters, others.families)
    assert (found.rows == rows).all()
    assert (found.differing == differing).all()
    assert reports[-1] == (300, 300)


def test_a_drawn_parent_is_never_of_the_same_family():
    voices = toy_voices(60)
    few_families = voices.families % 3
    found = find_parents(voices.parameters, few_families, voices.parameters, few_families)
    rows = np.repeat(np.arange(60), 50)
    for chances in (np.random.default_rng(0).random(len(rows)), np.zeros(len(rows)), np.ones(len(rows))):
        parents, differing = found.draw(rows, chances)
        assert (few_families[parents] != few_families[rows]).all()
        assert (differing == (voices.parameters[parents] != voices.parameters[rows]).sum(axis=1)).all()


def test_candidates_of_the_same_family_are_never_drawn_even_if_there_are_few_others():
    voices = random_voices(40)[0]
    families = np.array([0] * 39 + [1])
    found = find_parents(voices, families, voices, families)
    parents, _ = found.draw(np.arange(39), np.ones(39))
    assert (parents == 39).all()


def test_probabilities_sum_to_one_and_fall_with_the_distance():
    voices = toy_voices(120)
    found = find_parents(voices.parameters, voices.families, voices.parameters, voices.families)
    assert (found.cumulative[:, -1] == 1).all()
    chances = np.diff(found.cumulative, axis=1, prepend=0)
    assert (chances >= 0).all()
    assert (np.diff(chances, axis=1) <= 1e-12).all()
    assert np.allclose(
        np.log(chances[:, 0] / chances[:, 1]),
        (found.differing[:, 1] - found.differing[:, 0]) / TRAINING_SLACK,
        atol=1e-6,
    )


@pytest.mark.parametrize("slack", [TRAINING_SLACK, SAMPLING_SLACK])
def test_less_slack_means_closer_parents(slack):
    found = Parents(np.array([[7, 8]]), np.array([[10, 13]]), slack)
    assert found.cumulative[0, 0] == pytest.approx(1 / (1 + np.exp(-3 / slack)))


def test_candidates_are_drawn_by_their_probability():
    found = Parents(np.array([[7, 8, 9]]), np.array([[10, 15, SAME_FAMILY]]))
    rows, differing = found.draw(np.zeros(20_000, dtype=int), np.random.default_rng(0).random(20_000))
    assert (rows == 7).mean() == pytest.approx(np.e / (np.e + 1), abs=0.02)
    assert set(zip(rows.tolist(), differing.tolist(), strict=True)) == {(7, 10), (8, 15)}


def test_voices_of_a_single_family_have_no_parents():
    voices = random_voices(5)[0]
    with pytest.raises(ValueError, match="more than one family"):
        find_parents(voices, np.zeros(5, dtype=int), voices, np.zeros(5, dtype=int))


def test_voices_have_no_parents_among_none():
    voices = random_voices(5)[0]
    with pytest.raises(ValueError, match="more than one family"):
        find_parents(voices, np.arange(5), voices[:0], np.arange(0))


def test_drawn_parents_are_those_of_voices_with_the_label():
    train = toy_voices(120)
    parents = find_parents(train.parameters, train.families, train.parameters, train.families)
    wanted = np.repeat([0, 2, 7], 300)  # no voice has label 7
    rows, differing = draw_parents(train.labels, parents, wanted, np.random.default_rng(0))
    for label in (0, 2):
        own = np.flatnonzero(train.labels == label)
        of_label = {(row, far) for i in own for row, far in zip(parents.rows[i], parents.differing[i], strict=True)}
        drawn = set(zip(rows[wanted == label].tolist(), differing[wanted == label].tolist(), strict=True))
        assert drawn <= of_label
        assert len(drawn) > 50
    assert len(set(rows[wanted == 7].tolist())) > 50


def test_a_drawn_parent_does_not_depend_on_the_other_wanted_labels():
    train = toy_voices(120)
    parents = find_parents(train.parameters, train.families, train.parameters, train.families)
    one, other = (
        draw_parents(train.labels, parents, np.array([0, 1, 2, 1, *rest]), np.random.default_rng(0))
        for rest in ([0, 0, 0, 0], [2, 1, 1, 2])
    )
    assert (one[0][:4] == other[0][:4]).all()
    assert (one[1][:4] == other[1][:4]).all()
