"""Names of generated voices."""

import pytest

from deepdx_core.codec.names import names_to_text, text_to_names
from deepdx_core.gan.names import make_names

LABELS = ["Pads", "Pianos", "Plucked", "Bass", "Orchestra", "Synth", "Perc", "Other"]


@pytest.mark.parametrize("labels", [LABELS * 500, *([label] * 3000 for label in LABELS)])
def test_thousands_of_names_are_unique_and_fit(labels):
    names = make_names(labels, seed=1)
    assert len(names) == len(set(names)) == len(labels)
    assert max(map(len, names)) <= 10
    assert list(names_to_text(text_to_names(names))) == names
    assert all(name == name.upper() for name in names)


def test_names_depend_on_the_seed_and_not_on_how_many_are_asked_for():
    labels = LABELS * 4
    assert make_names(labels, seed=1) == make_names(labels * 3, seed=1)[: len(labels)]
    assert make_names(labels, seed=1) != make_names(labels, seed=2)


def test_a_label_has_words_of_its_own():
    basses = {name.split()[1] for name in make_names(["Bass"] * 50, seed=1)}
    assert {"BASS", "BS"} <= basses
    assert not basses & {name.split()[1] for name in make_names(["Pads"] * 50, seed=1)}


def test_an_unknown_label_gets_general_names():
    assert len(set(make_names(["Spoons"] * 20, seed=1))) == 20
