"""Relations of voices as far as they are written: how they differ from the parent, and what they copy."""

import numpy as np
import pytest
import torch

from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.layout import EARLIER_SOURCES, LENGTH, OPERATOR, PARENT_SOURCES, SIZES
from deepdx_core.writer.relations import SOURCES, Relations

COUNT = 5


@pytest.fixture(scope="module")
def conditions():
    random = np.random.default_rng(1)
    zeros = torch.zeros(COUNT, dtype=torch.int64)
    parents = torch.from_numpy(random.integers(0, np.minimum(SIZES, 4), size=(COUNT, LENGTH)))
    return Conditions(parents, torch.tensor([9, 9, 9, 9, -1]), zeros, zeros, zeros.bool())


@pytest.fixture(scope="module")
def voices(conditions):
    """Voices of which most values are the parent's, or those of the operator before."""
    random = np.random.default_rng(2)
    parents = conditions.parents.numpy()
    before = np.where(EARLIER_SOURCES[:, 0] < 0, np.arange(LENGTH), EARLIER_SOURCES[:, 0])
    choice = random.random((COUNT, LENGTH))
    others = random.integers(0, SIZES, size=(COUNT, LENGTH))
    return torch.from_numpy(np.where(choice < 0.7, parents, np.where(choice < 0.9, parents[:, before], others)))


def relations(of_change, of_run):
    """Return an embedding with an output for each earlier parameter and for each source: the numbers as given."""
    found = Relations(6 + SOURCES)
    with torch.no_grad():
        found.change.zero_()
        found.run.zero_()
        for column in range(6):
            found.change[column, :, column] = of_change
        for source in range(SOURCES):
            found.run[source, :, 6 + source] = of_run
    return found


def embed_all(relations, voices, conditions):
    return relations(voices, conditions, relations.runs(voices, conditions), 0, LENGTH)


@torch.no_grad()
def test_changes_are_those_of_the_parameter_before_and_of_earlier_operators(voices, conditions):
    found = embed_all(relations(torch.arange(1.0, 9.0), torch.zeros(13)), voices, conditions)[..., :6]
    differences = (voices - conditions.parents).clamp(-3, 3).numpy() + 3
    differences[4] = 7  # no parent
    for position in range(LENGTH):
        places = [position - 1, *EARLIER_SOURCES[position]]
        expected = [differences[:, place] + 1 if place >= 0 else np.zeros(COUNT) for place in places]
        assert (expected == found[:, position].numpy().T).all()


@torch.no_grad()
def test_runs_are_the_lengths_of_copies_within_the_operator(voices, conditions):
    found = embed_all(relations(torch.zeros(8), torch.arange(1.0, 14.0)), voices, conditions)[..., 6:].numpy()
    written, parents = voices.numpy(), conditions.parents.numpy()
    sources = np.concatenate([PARENT_SOURCES, EARLIER_SOURCES], axis=1)
    for voice in range(COUNT):
        for position in range(LENGTH):
            for source in range(SOURCES):
                of_parent = source < PARENT_SOURCES.shape[1]
                if sources[position, source] < 0 or (of_parent and voice == 4):
                    assert found[voice, position, source] == 0
                    continue
                among, run = (parents if of_parent else written)[voice], 0
                for place in range(position - 1, -1, -1):
                    if OPERATOR[place] != OPERATOR[position] or among[sources[place, source]] != written[voice, place]:
                        break
                    run += 1
                assert found[voice, position, source] == min(run, 12) + 1


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (1, 2), (18, 19), (19, 20), (60, 75), (144, 145)])
@torch.no_grad()
def test_parts_are_as_in_the_whole(voices, conditions, start, stop):
    torch.manual_seed(0)
    found = Relations(8)
    whole = embed_all(found, voices, conditions)
    part = found(voices, conditions, found.runs(voices, conditions)[:, start:stop], start, stop)
    assert torch.allclose(part, whole[:, start:stop], atol=1e-6)


def test_runs_are_extended_position_by_position(voices, conditions):
    found = Relations(8)
    runs = found.runs(voices, conditions)
    for position in range(LENGTH - 1):
        extended = found.extend_runs(runs[:, position : position + 1], voices, conditions, position)
        assert torch.equal(extended[:, 0], runs[:, position + 1])
