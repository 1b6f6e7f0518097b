"""The order in which voices are written, and what is known of each place."""

import numpy as np
import pytest
from hypothesis import given, settings

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from deepdx_core.writer.layout import (
    EARLIER_SOURCES,
    KIND,
    KINDS,
    OPERATOR,
    PARENT_SOURCES,
    PLACES,
    ROLE,
    ROLES,
    SIZES,
    SYMMETRIES,
    VALUES,
    unwritten,
    written,
)
from tests.support.voices import legal_voices

PARAMETER = written(np.arange(PLACES, dtype=np.uint8)[None])[0]
"""The parameter that stands at each place."""
NAMES = [PARAMETER_NAMES[parameter] for parameter in PARAMETER]


def of_one(name):
    """An operator's number, 0 for none, and what the parameter is called within it."""
    return (int(name[2]), name[4:]) if name.startswith("op") else (0, name)


@settings(deadline=None, max_examples=50)
@given(legal_voices(8))
def test_a_voice_survives_being_written(voices):
    parameters, _ = voices
    places = written(parameters)
    assert places.dtype == np.int64
    assert (places < SIZES).all()
    back = unwritten(places)
    assert back.dtype == np.uint8
    assert (back == parameters).all()


def test_each_parameter_has_one_place_and_the_algorithm_comes_first():
    assert sorted(PARAMETER) == list(range(145))
    assert PARAMETER[0] == INDEX["algorithm"]
    assert (MAXIMA[PARAMETER].astype(int) + 1 == SIZES).all()
    assert SIZES.max() == VALUES


def test_operators_follow_what_they_share_in_their_order():
    assert OPERATOR.tolist() == [of_one(name)[0] for name in NAMES]
    assert (np.diff(OPERATOR) >= 0).all()


def test_a_kind_is_one_parameter_whichever_the_operator():
    called = {}
    for kind, name in zip(KIND.tolist(), NAMES, strict=True):
        called.setdefault(kind, set()).add(of_one(name)[1])
    assert len(called) == KINDS
    assert all(len(names) == 1 for names in called.values())
    assert len(set.union(*called.values())) == KINDS


def test_a_parent_gives_its_value_at_the_same_place_or_that_of_another_operator():
    for place, sources in enumerate(PARENT_SOURCES):
        there = sources[sources >= 0]
        assert there[0] == place
        operators = {of_one(NAMES[source])[0] for source in there}
        assert {of_one(NAMES[source])[1] for source in there} == {of_one(NAMES[place])[1]}
        assert operators == (set(range(1, 7)) if OPERATOR[place] else {0})
        assert len(there) == len(operators)


def test_what_is_repeated_is_the_same_parameter_of_each_operator_before():
    for place, sources in enumerate(EARLIER_SOURCES):
        there = sources[sources >= 0]
        assert (there < place).all()
        assert all(of_one(NAMES[source])[1] == of_one(NAMES[place])[1] for source in there)
        assert sorted(OPERATOR[there]) == list(range(1, OPERATOR[place]))


def chart(algorithm, to):
    """An algorithm, its operators called as `to` says."""
    return (
        {to[operator] for operator in algorithm.carriers},
        {(to[one], to[other]) for one, other in algorithm.modulations},
        tuple(to[operator] for operator in algorithm.feedback),
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: str(algorithm.number))
def test_exchanged_operators_stand_where_the_algorithm_treats_them_alike(algorithm):
    as_it_is = chart(algorithm, {operator: operator for operator in range(1, 7)})
    found = SYMMETRIES[algorithm.number - 1]
    assert len(np.unique(found, axis=0)) == len(found)
    assert (found == np.arange(PLACES)).all(axis=1).sum() == 1
    for sources in found:
        assert sorted(sources) == list(range(PLACES))
        assert (KIND[sources] == KIND).all()
        taken_from = {}
        for place in np.flatnonzero(OPERATOR):
            taken_from.setdefault(int(OPERATOR[place]), set()).add(int(OPERATOR[sources[place]]))
        assert all(len(operators) == 1 for operators in taken_from.values())
        to = {operator: operators.pop() for operator, operators in taken_from.items()}
        assert chart(algorithm, to) == as_it_is
        roles = ROLE[algorithm.number - 1]
        assert all(roles[operator] == roles[to[operator]] for operator in to)


@pytest.mark.parametrize(("number", "exchanges"), [(1, 1), (5, 2), (19, 2), (22, 6), (23, 2), (25, 12), (32, 120)])
def test_there_are_as_many_exchanges_as_operators_that_do_the_same(number, exchanges):
    # By the chart: in 5 the stacks 2-1 and 4-3, in 19 the carriers 4 and 5, in 23 likewise, in 22 those under 6, in 25
    # the carriers 1 to 3 and 4 and 5, in 32 all but 6, which feeds itself.
    assert len(SYMMETRIES[number - 1]) == exchanges


def test_a_role_says_what_an_operator_does():
    role = {(number, operator): ROLE[number - 1, operator] for number in range(1, 33) for operator in range(7)}
    assert (ROLE[:, 0] == 0).all()
    assert (ROLE[:, 1:] > 0).all()
    assert ROLE.max() == ROLES - 1
    assert role[32, 1] == role[32, 5] == role[31, 1]  # heard, and nothing else
    assert role[32, 6] != role[32, 1]  # feeds itself
    assert role[1, 1] == role[1, 3]  # heard, modulated by one
    assert role[1, 2] == role[2, 6] != role[1, 6]  # in 1, operator 6 feeds itself, in 2 it is operator 2
