"""Names of generated voices: fitted to real ones, stored, drawn."""

import json
import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepdx_core.codec.names import names_to_text, text_to_names
from deepdx_core.generation.names import NameModel, fit_names
from tests.support.voices import random_voices

LABELS = ["Pads", "Pianos", "Plucked", "Bass", "Orchestra", "Synth", "Perc", "Other"]
BEGINNINGS = ["FROSTY", "LOUD", "QUIET", "PLAIN"]
NOUNS = {"Bass": ["BASS", "LOWEND"], "Pads": ["PAD", "CHOIR"], "Perc": ["BELL", "GONG"], "Pianos": ["PIANO", "CLAV"]}


def corpus(*more, families=4):
    """Plain names with labels and families, each in several families; `more` are further pairs of name and label."""
    rows = [
        (name, label)
        for label, nouns in NOUNS.items()
        for noun in nouns
        for name in [noun, f"{noun} 2", *(f"{first} {noun}" for first in BEGINNINGS[:3])]
    ]
    rows = [row for row in [*rows, *more] for _ in range(families)]
    return [name for name, _ in rows], [label for _, label in rows], list(range(len(rows)))


VOICES, _ = random_voices(3000)


def named(model, labels, seed, **more):
    """Names for voices of these labels, always the same voices."""
    return model.draw(VOICES[: len(labels)], labels, seed, **more)


def name_model(firsts, lasts):
    return NameModel(firsts=firsts, lasts=lasts, numbers={"": 1}, taken=[])


def squeezed(name):
    return re.sub("[^A-Z0-9]", "", name.upper())


@pytest.fixture(scope="module")
def model():
    return fit_names(*corpus())


@pytest.mark.parametrize("labels", [LABELS * 300, *([label] * 2000 for label in [*LABELS, "Spoons", "Löffel", ""])])
def test_thousands_of_names_fit_the_display_and_no_two_are_alike(model, labels):
    names = named(model, labels, seed=1)
    assert len(set(map(squeezed, names))) == len(labels)
    assert all(re.fullmatch("[A-Z0-9. ]{1,10}", name) for name in names)
    assert list(names_to_text(text_to_names(names))) == names
    assert all(re.fullmatch(r"(\S+ )?[A-Z.]*[A-Z]{2,}( [1-9][0-9]*)?", name) for name in names)


def test_names_depend_on_the_seed_and_not_on_the_count(model):
    labels = LABELS * 5
    assert named(model, labels, 1) == named(model, labels, 1) == named(model, labels * 3, 1)[: len(labels)]
    stems = [[name.rstrip(" 0123456789") for name in named(model, labels, seed)] for seed in (1, 2)]
    assert len(set(stems[0]) & set(stems[1])) < len(labels) / 2


def test_a_voice_has_the_same_name_whatever_the_other_voices(model):
    labels = LABELS * 5
    whole = dict(zip(range(40), named(model, labels, 1), strict=True))
    for rows in ([7], [31, 2, 16], list(range(39, 0, -3))):
        names = model.draw(VOICES[rows], [labels[row] for row in rows], 1)
        alike = [name == whole[row] for row, name in zip(rows, names, strict=True)]
        assert sum(alike) >= len(rows) - 2  # unless an earlier voice has the same
    alone = {model.draw(VOICES[[row]], [labels[row]], 1)[0] for row in range(40)}
    assert len(alone & set(whole.values())) >= 35


def test_names_of_real_voices_are_not_drawn(model):
    before = named(model, ["Bass"] * 40, 1)
    real = [name.lower().replace(" ", "-") for name in before[:20]]
    after = named(model, ["Bass"] * 40, 1, taken=real)
    assert not set(map(squeezed, real)) & set(map(squeezed, after))
    assert len(set(before[20:]) & set(after)) >= 15


def test_parents_keep_their_names_and_children_are_named_after_the_nearer_one(model):
    one, other = VOICES[0], VOICES[1]
    way = np.array([np.where(np.arange(145) < 145 * step / 31, other, one) for step in range(32)], dtype=np.uint8)
    parents = [(one, "E.PIANO 3"), (other, "Brass  1")]
    names = model.draw(way, ["Pads"] * 32, 1, taken=["e.piano 7", "BRASS 8"], parents=parents)
    assert (names[0], names[-1]) == ("E.PIANO 3", "Brass  1")
    assert all(re.fullmatch(r"E\.PIANO [0-9]{1,2}", name) for name in names[1:15])
    assert all(re.fullmatch(r"Brass [0-9]+", name) for name in names[17:-1])
    assert len(set(map(squeezed, names))) == 32
    assert not {"EPIANO7", "BRASS8"} & set(map(squeezed, names))
    few = model.draw(way[[0, 5, 31]], ["Pads"] * 3, 1, parents=parents)
    assert few == [names[0], names[5], names[31]]
    assert model.draw(way[:1], ["Pads"], 2, parents=parents) == ["E.PIANO 3"]


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("STRINGS", "STRINGS [1-9][0-9]?"),
        ("SYNBRASS 1", r"SYNBRASS[1-9][0-9]|SYNBRASS [2-9]"),
        ("TENLETTERS", r"TENLETTER[2-9]|TENLETTE[1-9][0-9]"),
        ("<b>& pad", r"<b>& pad ?[0-9]{1,2}"),
        ("1234", "[A-Z. ]+( [1-9])?"),
        ("", "[A-Z. ]+( [1-9])?"),
        ("SHIT PAD", "(?!.*SHIT)[A-Z. ]+( [1-9])?"),
    ],
)
def test_a_parent_of_any_name_has_children_with_distinct_names(model, parent, child):
    names = model.draw(VOICES[1:30], ["Pads"] * 29, 1, parents=[(VOICES[0], parent)])
    assert all(re.fullmatch(child, name) and len(name) <= 10 for name in names)
    assert len(set(map(squeezed, names))) == 29


def test_thousands_of_children_have_names_too(model):
    names = model.draw(VOICES[1:], ["Pads"] * 2999, 1, parents=[(VOICES[0], "E.PIANO 3")])
    assert len(set(map(squeezed, names))) == 2999
    assert all(re.fullmatch(r"E\.PIANO? ?[0-9]{1,4}", name) and len(name) <= 10 for name in names)


def test_a_voice_keeps_its_name_once(model):
    voices = VOICES[[0, 0, 1]]
    names = model.draw(voices, ["Pads"] * 3, 1, parents=[(VOICES[0], "SAME"), (VOICES[0], "SAME")])
    assert names[:2] == ["SAME", "SAME"]
    assert names[2] != "SAME"
    names = model.draw(voices, ["Pads"] * 3, 1, parents=[(VOICES[0], "SAME")])
    assert names[0] == "SAME"
    assert len(set(names)) == 3


def test_the_order_of_the_corpus_does_not_matter(model):
    rows = list(zip(*corpus(), strict=True))
    random.Random(1).shuffle(rows)
    assert fit_names(*map(list, zip(*rows, strict=True))).model_dump_json() == model.model_dump_json()


def test_no_name_is_a_real_one_however_it_is_written():
    real = ["Dub Bass", "HeavyBass", "FAT-BASS", "SOLID.BASS", "SUB_BASS 2"]
    before = set(map(squeezed, named(fit_names(*corpus()), ["Bass"] * 600, 1)))
    after = set(map(squeezed, named(fit_names(*corpus(*((name, "Bass") for name in real))), ["Bass"] * 600, 1)))
    assert {"DUBBASS", "HEAVYBASS", "FATBASS", "SOLIDBASS"} <= before
    assert not after & set(map(squeezed, [*real, *corpus()[0]]))


def test_a_label_has_its_own_words_and_those_that_fit_any(model):
    words = {label: set(" ".join(named(model, [label] * 300, 1)).split()) for label in LABELS}
    for label, nouns in NOUNS.items():
        assert set(nouns) <= words[label]
        assert not {noun for other in NOUNS if other != label for noun in NOUNS[other]} & words[label] - {"BELL"}
        assert {"FROSTY", "LOUD", "QUIET"} <= words[label]
    assert not {"FROSTY", "LOUD", "QUIET"} & words["Plucked"]


def test_a_word_of_another_label_is_not_used_though_a_few_voices_have_it():
    bass = [(f"{first} {noun}", "Bass") for first in ["SLAPPY", "RUBBRY"] for noun in NOUNS["Bass"]] * 3
    pads = [("BASS", "Pads"), ("SLAPPY PAD", "Pads"), ("SLAPPY CHOIR", "Pads")]
    words = set(" ".join(named(fit_names(*corpus(*bass, *pads)), ["Pads"] * 600, 1)).split())
    assert {"PAD", "CHOIR", "FROSTY"} <= words
    assert not {"BASS", "SLAPPY"} & words


def test_every_name_ends_in_a_word_of_its_label(model):
    for label in LABELS:
        for name in named(model, [label] * 300, seed=3):
            assert re.sub(" [0-9]+$", "", name).split()[-1] in model.lasts[label]


def test_a_label_without_words_in_names_toml_is_learned_too():
    spoons = [(f"{first} {noun}".strip(), "Spoons") for first in ["", *BEGINNINGS] for noun in ("LADLE", "SCOOP")]
    names = named(fit_names(*corpus(*spoons)), ["Spoons"] * 30, 1)
    assert all(re.search("LADLE|SCOOP", name) for name in names)
    assert not any(re.search("LADLE|SCOOP", name) for name in named(fit_names(*corpus(*spoons)), ["Bass"] * 300, 1))


def test_an_unknown_label_takes_names_of_all_labels(model):
    names = named(model, ["Spoons"] * 500, 1)
    assert all(any(re.search(noun, " ".join(names)) for noun in model.lasts[label]) for label in LABELS)


def test_words_of_few_families_are_not_learned():
    names, labels, families = corpus()
    own = ["PLONK", "ZINGY BASS", "ZINGY LOWEND"] * 50
    few = fit_names(names + own, labels + ["Bass"] * 150, families + [number % 2 - 2 for number in range(150)])
    many = fit_names(names + own, labels + ["Bass"] * 150, families + [-number for number in range(1, 151)])
    assert "PLONK" not in few.lasts["Bass"] and "ZINGY" not in few.firsts["Bass"]
    assert "PLONK" in many.lasts["Bass"] and "ZINGY" in many.firsts["Bass"]


def test_nothing_offensive_is_learned_however_common():
    unfit = ["FUCKING", "SHIT", "HITLER", "TITS", "ANAL", "NEGRO", "HAMMOND", "VANGELIS", "PATCH"]
    more = [
        (f"{first}{word}{last}"[:10], "Bass")
        for word in unfit
        for first, last in [("", ""), ("", " BASS"), ("FAT ", "")]
    ]
    model = fit_names(*corpus(*more, families=50))
    assert not re.search("|".join(unfit), model.model_dump_json())
    for label in ["Bass", "Spoons"]:
        assert not any(re.search("|".join(unfit), name) for name in named(model, [label] * 2000, 1))


def test_a_stored_model_makes_no_offensive_names_either():
    model = name_model({"Bass": {"BASS": 1, "ANA": 1, "BIG": 1}}, {"Bass": {"HIT": 9, "LEAD": 9, "ASS": 9}})
    names = named(NameModel.model_validate_json(model.model_dump_json()), ["Bass"] * 300, 1)
    assert "BIG HIT" in names
    assert not {"BASS HIT", "ANA LEAD", "ASS", "BIG ASS"} & set(names)


def test_a_word_is_not_paired_with_itself_or_its_abbreviation():
    model = name_model({"Plucked": {"GTR": 1, "SOFT": 1}}, {"Plucked": {"GITAR": 1, "GTR": 1}})
    assert set(named(model, ["Plucked"] * 4, 1)) == {"SOFT GITAR", "SOFT GTR", "SOFT GTR 2", "SOFT GTR 3"}


@pytest.mark.parametrize("names", [[], ["", "  ", "1234", "�����", "<b>&\\", "\x1b[31m"]])
def test_a_corpus_without_words_leaves_those_of_names_toml(names):
    model = fit_names(names, ["Bass"] * len(names), list(range(len(names))))
    assert NameModel.model_validate_json(model.model_dump_json()) == model
    assert len(set(named(model, LABELS * 50, 1))) == 400


def test_a_model_survives_storage(model):
    again = NameModel.model_validate_json(model.model_dump_json())
    assert again == model
    assert named(again, LABELS, 1) == named(model, LABELS, 1)


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["\n", "BASS\n", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
GOOD = {
    "firsts": {"Bass": {"": 1, "FAT": 2}},
    "lasts": {"Bass": {"BS": 1}},
    "numbers": {"": 5, "2": 1},
    "taken": ["FATBS"],
}


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(
        [
            (),
            *((key,) for key in GOOD),
            ("firsts", "Bass"),
            ("lasts", "Bass"),
            ("firsts", "Bass", "FAT"),
            ("numbers", "2"),
        ]
    ),
    ODD,
    st.text(max_size=8),
)
def test_a_model_of_unknown_origin_is_valid_or_refused(path, odd, key):
    for document in (odd, {**GOOD, key: odd}):
        _valid_or_refused(json.dumps(document))
    document = json.loads(json.dumps(GOOD))
    place = document
    for step in path[:-1]:
        place = place[step]
    if path:
        place[path[-1]] = odd
        _valid_or_refused(json.dumps(document))
        del place[path[-1]]
        place[key] = 1
        _valid_or_refused(json.dumps(document))


@given(st.text(max_size=40))
def test_any_other_text_is_refused(text):
    with pytest.raises(ValueError):
        NameModel.model_validate_json(text)


@pytest.mark.parametrize(
    "place, odd",
    [
        ("firsts", {"Bass": {"FAT": True}}),
        ("firsts", {"Bass": {"FAT": 0}}),
        ("firsts", {"Bass": {"FAT": 1.0}}),
        ("firsts", {"Bass": {"FAT": 10**12}}),
        ("firsts", {"Bass": {"fat": 1}}),
        ("firsts", {"Bass": {"FAT\n": 1}}),
        ("firsts", {"Bass": {"<B>": 1}}),
        ("firsts", {"Bass": {"FÄT": 1}}),
        ("firsts", {"Bass": {"LONGERTHANTEN": 1}}),
        ("firsts", {"Bass": {f"{a}{b}{c}": 1 for a in "ABCDE" for b in "ABCDE" for c in "ABCDE"}}),
        ("firsts", {"Pads": {"FAT": 1}}),
        ("firsts", {"\x1b": {"FAT": 1}}),
        ("lasts", {"Bass": {"": 1}}),
        ("lasts", {"Bass": {}}),
        ("lasts", {}),
        ("numbers", {"10": 1}),
        ("numbers", {"x": 1}),
        ("numbers", {}),
        ("taken", "FATBS"),
        ("taken", ["FAT BS"]),
        ("taken", ["FATBASSFATBASS"]),
        ("taken", [1]),
    ],
)
def test_invalid_models_are_refused(place, odd):
    assert named(NameModel.model_validate_json(json.dumps(GOOD)), ["Bass"], 1)
    with pytest.raises(ValueError, match=place):
        NameModel.model_validate_json(json.dumps({**GOOD, place: odd}))


def test_a_label_that_cannot_be_shown_is_refused():
    for label in ("\x1b[31m", "\ud800"):
        with pytest.raises(ValueError, match="must be printable"):
            name_model({label: {"FAT": 1}}, {label: {"BS": 1}})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"taken":' * 100_000, "1" * 5000, " " * 16_000_001])
def test_a_model_too_large_or_too_deep_is_refused(text):
    with pytest.raises(ValueError):
        NameModel.model_validate_json(text)


def _valid_or_refused(text):
    try:
        model = NameModel.model_validate_json(text)
    except ValueError:
        return
    assert NameModel.model_validate_json(model.model_dump_json()) == model
    assert all(re.fullmatch("[A-Z0-9. ]{1,10}", name) for name in named(model, ["Bass", "Bass", "Pads"], 1))
