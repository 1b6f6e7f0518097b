"""The writer's order of parameters, and the tables about each position."""

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
    LENGTH,
    OPERATOR,
    PARENT_SOURCES,
    ROLE,
    ROLES,
    SIZES,
    SYMMETRIES,
    VALUES,
    from_sequence,
    to_sequence,
)
from tests.support.voices import legal_voices

PARAMETER = to_sequence(np.arange(LENGTH, dtype=np.uint8)[None])[0]
"""Index of the parameter at each position."""
NAMES = [PARAMETER_NAMES[parameter] for parameter in PARAMETER]


def split_name(name):
    """Return the operator's number, 0 for none, and the parameter's name without it."""
    return (int(name[2]), name[4:]) if name.startswith("op") else (0, name)


@settings(deadline=None, max_examples=50)
@given(legal_voices(8))
def test_a_voice_survives_the_round_trip(voices):
    parameters, _ = voices
    sequence = to_sequence(parameters)
    assert sequence.dtype == np.int64
    assert (sequence < SIZES).all()
    back = from_sequence(sequence)
    assert back.dtype == np.uint8
    assert (back == parameters).all()


def test_each_parameter_has_one_position_and_the_algorithm_is_first():
    assert sorted(PARAMETER) == list(range(145))
    assert PARAMETER[0] == INDEX["algorithm"]
    assert (MAXIMA[PARAMETER].astype(int) + 1 == SIZES).all()
    assert SIZES.max() == VALUES


def test_operators_follow_the_common_parameters_in_order():
    assert OPERATOR.tolist() == [split_name(name)[0] for name in NAMES]
    assert (np.diff(OPERATOR) >= 0).all()


def test_a_kind_is_one_parameter_in_all_operators():
    names_of = {}
    for kind, name in zip(KIND.tolist(), NAMES, strict=True):
        names_of.setdefault(kind, set()).add(split_name(name)[1])
    assert len(names_of) == KINDS
    assert all(len(names) == 1 for names in names_of.values())
    assert len(set.union(*names_of.values())) == KINDS


def test_values_are_copied_from_the_parent_at_the_same_position_or_another_operator():
    for position, sources in enumerate(PARENT_SOURCES):
        existing = sources[sources >= 0]
        assert existing[0] == position
        operators = {split_name(NAMES[source])[0] for source in existing}
        assert {split_name(NAMES[source])[1] for source in existing} == {split_name(NAMES[position])[1]}
        assert operators == (set(range(1, 7)) if OPERATOR[position] else {0})
        assert len(existing) == len(operators)


def test_values_are_copied_from_the_same_parameter_of_each_earlier_operator():
    for position, sources in enumerate(EARLIER_SOURCES):
        existing = sources[sources >= 0]
        assert (existing < position).all()
        assert all(split_name(NAMES[source])[1] == split_name(NAMES[position])[1] for source in existing)
        assert sorted(OPERATOR[existing]) == list(range(1, OPERATOR[position]))


def relabel(algorithm, to):
    """Return an algorithm with its operators renumbered by `to`."""
    return (
        {to[operator] for operator in algorithm.carriers},
        {(to[one], to[other]) for one, other in algorithm.modulations},
        tuple(to[operator] for operator in algorithm.feedback),
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: str(algorithm.number))
def test_permuted_operators_leave_the_algorithm_unchanged(algorithm):
    unchanged = relabel(algorithm, {operator: operator for operator in range(1, 7)})
    found = SYMMETRIES[algorithm.number - 1]
    assert len(np.unique(found, axis=0)) == len(found)
    assert (found == np.arange(LENGTH)).all(axis=1).sum() == 1
    for sources in found:
        assert sorted(sources) == list(range(LENGTH))
        assert (KIND[sources] == KIND).all()
        source_operators = {}
        for position in np.flatnonzero(OPERATOR):
            source_operators.setdefault(int(OPERATOR[position]), set()).add(int(OPERATOR[sources[position]]))
        assert all(len(operators) == 1 for operators in source_operators.values())
        to = {operator: operators.pop() for operator, operators in source_operators.items()}
        assert relabel(algorithm, to) == unchanged
        roles = ROLE[algorithm.number - 1]
        assert all(roles[operator] == roles[to[operator]] for operator in to)


@pytest.mark.parametrize(("number", "count"), [(1, 1), (5, 2), (19, 2), (22, 6), (23, 2), (25, 12), (32, 120)])
def test_the_number_of_symmetries_follows_from_the_chart_of_algorithms(number, count):
    # Interchangeable in the chart: in 5 the stacks 2-1 and 4-3, in 19 the carriers 4 and 5, in 23 likewise, in 22 those
    # under 6, in 25 the carriers 1 to 3 and 4 and 5, in 32 all but 6, which modulates itself.
    assert len(SYMMETRIES[number - 1]) == count


def test_operators_with_the_same_function_have_the_same_role():
    role = {(number, operator): ROLE[number - 1, operator] for number in range(1, 33) for operator in range(7)}
    assert (ROLE[:, 0] == 0).all()
    assert (ROLE[:, 1:] > 0).all()
    assert ROLE.max() == ROLES - 1
    assert role[32, 1] == role[32, 5] == role[31, 1]  # a carrier without modulation
    assert role[32, 6] != role[32, 1]  # modulates itself
    assert role[1, 1] == role[1, 3]  # a carrier with one modulator
    assert role[1, 2] == role[2, 6] != role[1, 6]  # feedback: operator 6 in algorithm 1, operator 2 in algorithm 2
