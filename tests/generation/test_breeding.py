"""Breeding and locks: children of whole operators, parts that stay exactly as they are."""

import numpy as np
import pytest

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA, require_legal
from deepdx_core.generation.breeding import breed
from deepdx_core.generation.candidates import make_candidates
from deepdx_core.generation.orders import Order, OrderError, check_order
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.sampling import sample
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from deepdx_core.voice.parts import PARTS, part_columns
from tests.support.toy_models import toy_voices, trained_model
from tests.support.voices import random_voices

OPERATORS = {n: part_columns([f"op{n}"]) for n in range(1, 7)}
ALGORITHM = INDEX["algorithm"]


@pytest.fixture(scope="module")
def model():
    return trained_model()


@pytest.fixture(scope="module")
def three():
    return toy_voices(60, seed=5).parameters[[4, 20, 41]]


def test_every_parameter_is_in_a_part_and_every_part_names_parameters():
    assert {name for names in PARTS.values() for name in names} == set(PARAMETER_NAMES)
    assert part_columns(["op1", "op2", "op3", "op4", "op5", "op6"]) == list(range(126))
    assert part_columns(["algorithm", "op1_coarse"]) == [INDEX["op1_coarse"], ALGORITHM]
    assert part_columns([]) == []
    with pytest.raises(ValueError, match=r"'op7' is none of op1, .* feedback, and no parameter"):
        part_columns(["op1", "op7"])


def sources(child, parents):
    """The parent and the operator that each operator of a child is from."""
    return [
        next(
            (n, operator)
            for n, parent in enumerate(parents)
            for operator in range(1, 7)
            if (child[OPERATORS[place]] == parent[OPERATORS[operator]]).all()
        )
        for place in range(1, 7)
    ]


def test_a_child_has_whole_operators_of_two_parents_and_the_algorithm_of_one():
    parents = random_voices(4, seed=1)[0]
    children = breed(parents, 300, np.random.default_rng(0))
    pairs = set()
    for child in children:
        found = sources(child, parents)
        one = next(n for n, parent in enumerate(parents) if parent[ALGORITHM] == child[ALGORITHM])
        (other,) = {n for n, _ in found} - {one}
        assert one in {n for n, _ in found}
        assert len({operator for n, operator in found if n == other}) == [n for n, _ in found].count(other)
        assert all(operator == place for place, (n, operator) in enumerate(found, 1) if n == one)
        for part in ("pitch-envelope", "lfo"):
            columns = part_columns([part])
            assert any((child[columns] == parents[n][columns]).all() for n in (one, other))
        pairs.add((one, other))
    assert len(pairs) == 12


def test_an_operator_takes_the_role_that_it_had():
    parents = random_voices(2, seed=2)[0]
    parents[:, ALGORITHM] = [4, 4]  # three pairs of a modulator and a carrier
    carriers = set(ALGORITHMS[4].carriers)
    parents[1, ALGORITHM] = 31  # all carriers
    parents[1, ALGORITHM] = 0  # carriers 1 and 3
    others = set(ALGORITHMS[0].carriers)
    kept = moved = 0
    for child in breed(parents, 200, np.random.default_rng(0), first_leads=True):
        assert child[ALGORITHM] == 4
        for place, (n, operator) in enumerate(sources(child, parents), 1):
            if n == 1:
                kept += (place in carriers) == (operator in others)
                moved += 1
    assert kept > 0.8 * moved


def test_breeding_depends_on_the_seed_only():
    parents = random_voices(3)[0]
    one, two = (breed(parents, 20, np.random.default_rng(seed)) for seed in (0, 1))
    assert (one == breed(parents, 20, np.random.default_rng(0))).all()
    assert (one != two).any()


def test_bred_voices_are_near_their_parents_legal_and_the_same_by_seed(model, three):
    request = SamplingRequest(parents=three, strength=0.05)
    made = sample(model, 12, seed=0, request=request)
    require_legal(made.parameters)
    assert (sample(model, 12, seed=0, request=request).parameters == made.parameters).all()
    assert (sample(model, 3, seed=0, request=request).parameters == made.parameters[:3]).all()
    unlike = (made.parameters[:, None] != three).sum(axis=2)
    assert unlike.min() > 5
    strangers = (made.parameters[:, None] != toy_voices(60, seed=6).parameters[:3]).sum(axis=2)
    assert np.median(unlike.min(axis=1)) < np.median(strangers.min(axis=1))
    # Values are mostly inherited, from more than one parent.
    assert (made.parameters[:, None] == three).any(axis=1).mean() > 0.7
    assert len(np.unique(unlike.argmin(axis=1))) > 1


@pytest.mark.parametrize(
    "keep",
    [
        ("algorithm",),
        ("op1", "op2", "envelopes"),
        ("op6_coarse", "lfo"),
        tuple(part for part in PARTS if part != "levels" and not part.startswith("op")),
    ],
)
def test_kept_parts_are_those_of_the_voice(model, three, keep):
    like = three[0]
    kept = part_columns(keep)
    made = sample(model, 12, seed=0, request=SamplingRequest(like=like, keep=keep)).parameters
    assert (made[:, kept] == like[kept]).all()
    assert (made != like).any(axis=1).all()
    assert len(np.unique(made, axis=0)) == 12
    require_legal(made)


def test_kept_parts_of_children_are_those_of_the_first_parent(model, three):
    keep = ("op1", "algorithm", "pitch-envelope")
    kept = part_columns(keep)
    made = sample(model, 12, seed=0, request=SamplingRequest(parents=three, keep=keep)).parameters
    assert (made[:, kept] == three[0][kept]).all()
    assert (made[:, None] != three).any(axis=2).all()


@pytest.mark.parametrize("keep", [("op4", "op5", "op6"), ("op2", "op3", "op4", "op5", "op6"), ("envelopes", "scaling")])
def test_strength_counts_the_parameters_that_may_change(model, three, keep):
    changed = []
    for strength in (0.02, 0.3):
        request = SamplingRequest(like=three[0], keep=keep, strength=strength, avoid_copies=False)
        made = make_candidates(model, request, np.zeros(96, dtype=int), np.zeros(96), np.random.default_rng(0))
        changed.append((made != three[0]).sum(axis=1).mean())
    assert changed[0] + 0.5 < changed[1] < 0.5 * request.free.sum()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"keep": ("op9",), "like": INIT_VOICE}, "keep 'op9' is none of"),
        (
            {
                "keep": (
                    "op1",
                    "op2",
                    "op3",
                    "op4",
                    "op5",
                    "op6",
                    "lfo",
                    "algorithm",
                    "feedback",
                    "frequencies",
                    "pitch-envelope",
                ),
                "like": INIT_VOICE,
            },
            "keep leaves nothing",
        ),
        ({"parents": INIT_VOICE[None]}, "parents must be 2 to 8"),
        ({"parents": np.tile(INIT_VOICE, (9, 1))}, "parents must be 2 to 8"),
        ({"parents": np.array([INIT_VOICE, MAXIMA + 1])}, "its range is"),
        ({"parents": np.tile(INIT_VOICE, (2, 1)), "like": INIT_VOICE}, "exclude each other"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        SamplingRequest(**options)


@pytest.mark.parametrize(
    ("order", "key", "reason"),
    [
        ({"set": {"algorithm": 3}}, "set", "use `algorithm`, which counts from 1"),
        ({"set": {"feedback": 3}, "between": ["a:1", "b:2"]}, "set", "cannot be combined"),
        ({"keep": ["op1\x1b"], "like": "a:1"}, "keep", r"'op1\\x1b' is none of op1"),
        ({"keep": ["op1"], "between": ["a:1", "b:2"]}, "keep", "cannot be combined"),
        ({"parents": ["a:1"]}, "parents", "needs 2 to 8 voices"),
        ({"parents": ["a:1"] * 9}, "parents", "needs 2 to 8 voices"),
        ({"parents": ["a:1", "b:1"], "like": "c:1"}, "parents", "cannot be combined"),
        ({"parents": ["a:1", "b:1"], "novelty": 2.0}, "novelty", "cannot be combined"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(order, key, reason):
    with pytest.raises(OrderError, match=reason) as refused:
        check_order(Order(**order))
    assert refused.value.key == key
