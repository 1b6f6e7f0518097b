"""Near-duplicate groups against brute force, pairs across parts, and the table `families`."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.families import find_families
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING, near_duplicate_groups, near_duplicates_across
from deepdx_core.intake.survey import survey
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.paths import CORPUS, needs_corpus
from tests.support.voices import init_voice, random_voices


def near_pairs(parameters):
    """Return every pair at most 5 parameters apart, by brute force."""
    found = []
    for row in range(len(parameters)):
        (near,) = np.nonzero((parameters[row + 1 :] != parameters[row]).sum(axis=1) <= MAX_DIFFERING)
        found.append(np.stack([np.full(len(near), row), near + row + 1], axis=1))
    return np.concatenate(found)


def components(count, pairs):
    labels = np.arange(count)
    while True:
        before = labels.copy()
        for a, b in ((0, 1), (1, 0)):
            np.minimum.at(labels, pairs[:, a], labels[pairs[:, b]])
        if np.array_equal(labels, before):
            return labels


def check_groups(parameters):
    pairs = near_pairs(parameters)
    expected = components(len(parameters), pairs)
    np.testing.assert_array_equal(near_duplicate_groups(parameters), expected)
    return pairs, expected


def mutated(base, count, most, seed):
    """Return `count` voices drawn from `base`, each with up to `most` parameters changed."""
    random = np.random.default_rng(seed)
    voices = base[random.integers(0, len(base), count)]
    changes = random.integers(0, most + 1, count)
    for number in range(most):
        (rows,) = np.nonzero(changes > number)
        columns = random.integers(0, voices.shape[1], len(rows))
        voices[rows, columns] = random.integers(0, MAXIMA[columns].astype(int) + 1)
    return voices


@st.composite
def structured_voices(draw):
    """Voices with few varying columns and values: many differ in 4, 5, 6 or 7 parameters, and many are equal."""
    count = draw(st.integers(1, 60))
    varying = draw(st.integers(1, 40))
    columns = draw(st.permutations(range(145)))[:varying]
    voices = np.repeat(INIT_VOICE[None], count, axis=0)
    voices[:, columns] = draw(hnp.arrays(np.uint8, (count, varying), elements=st.integers(0, draw(st.integers(1, 3)))))
    return voices


@given(structured_voices())
def test_groups_equal_brute_force(voices):
    check_groups(voices)


@pytest.mark.parametrize(
    ("bases", "most"), [(1, 3), (1, 8), (1, 20), (5, 6), (300, 12), (1500, 40)], ids=lambda value: str(value)
)
def test_groups_of_mutations_equal_brute_force(bases, most):
    check_groups(mutated(random_voices(bases, seed=bases)[0], 1500, most, seed=most))


@pytest.mark.parametrize("few", [0, 400])
def test_large_groups_are_divided(few, monkeypatch):
    """Code paths for very many voices, reached by lowering the limits."""
    monkeypatch.setattr("deepdx_core.dedup.near_duplicates._FEW_PAIRS", few)
    monkeypatch.setattr("deepdx_core.dedup.near_duplicates._SMALL", 4)
    monkeypatch.setattr("deepdx_core.dedup.near_duplicates._TILE", 64)
    for most in (4, 9, 14):
        voices = mutated(random_voices(2, seed=7)[0], 400, most, seed=most)
        _, expected = check_groups(voices)
        parts = np.random.default_rng(most).integers(0, 3, len(voices))
        pairs = near_pairs(voices)
        apart = parts[pairs[:, 0]] != parts[pairs[:, 1]]
        np.testing.assert_array_equal(near_duplicates_across(voices, parts), pairs[apart])
        assert near_duplicates_across(voices, expected).shape == (0, 2)


def test_hash_collisions_lose_no_pair(monkeypatch):
    voices = mutated(random_voices(40, seed=8)[0], 300, 8, seed=8)
    expected = near_duplicate_groups(voices)
    monkeypatch.setattr(
        "deepdx_core.dedup.near_duplicates._hashes",
        lambda parameters, columns: np.zeros(len(parameters), dtype=np.uint64),
    )
    np.testing.assert_array_equal(near_duplicate_groups(voices), expected)


@pytest.mark.slow
@needs_corpus
def test_groups_of_real_sounds_equal_brute_force():
    sounds = decode_dumps(survey(CORPUS).dumps).filter("valid").unique("sound_id").sort("sound_id")
    parameters = sounds.select(PARAMETER_NAMES).to_numpy().astype(np.uint8)
    found = near_duplicate_groups(parameters)
    # Sounds of large families and their neighbors, so that the 3,000 contain near-duplicates.
    few = np.sort(np.argsort(-np.bincount(found)[found], kind="stable")[::2][:3000])
    _, expected = check_groups(parameters[few])
    assert len(np.unique(expected)) < 2900


def test_groups_do_not_depend_on_the_order_of_voices():
    voices = mutated(random_voices(100, seed=9)[0], 1000, 10, seed=9)
    order = np.random.default_rng(0).permutation(len(voices))
    found, shuffled = near_duplicate_groups(voices), near_duplicate_groups(voices[order])
    # Two rows share a group in one if they do in the other.
    pairs = {(a, b) for a, b in zip(found[order].tolist(), shuffled.tolist(), strict=True)}
    assert len(pairs) == len(np.unique(found)) == len(np.unique(shuffled))
    assert (found <= np.arange(len(voices))).all()


def test_links_join_groups():
    voices, _ = random_voices(10, seed=10)
    links = np.array([[7, 3], [9, 7], [0, 0]])
    assert near_duplicate_groups(voices, links).tolist() == [0, 1, 2, 3, 4, 5, 6, 3, 8, 3]


@pytest.mark.parametrize("count", [0, 1, 2, 3000])
def test_equal_voices_are_one_group(count):
    assert near_duplicate_groups(np.repeat(INIT_VOICE[None], count, axis=0)).tolist() == [0] * count


def test_voices_with_five_differing_parameters_are_near_duplicates_and_with_six_are_not():
    voices = np.repeat(INIT_VOICE[None], 3, axis=0)
    voices[1, 10:15] += 1
    voices[2, 100:106] -= np.minimum(voices[2, 100:106], 1)
    voices[2, 100:106] += voices[2, 100:106] == INIT_VOICE[100:106]
    assert near_duplicate_groups(voices).tolist() == [0, 0, 2]
    assert near_duplicates_across(voices, np.array([0, 1, 2])).tolist() == [[0, 1]]
    assert near_duplicates_across(voices, np.array([0, 0, 2])).tolist() == []


# The table of families.


def sounds_of(parameters, names=None, files=None, slots=None):
    count = len(parameters)
    names = names or [["NAME"]] * count
    frame = pl.DataFrame(
        {
            "sound_id": sound_ids(parameters),
            "converted": False,
            "names": [list(of_sound) for of_sound in names],
            "name_counts": [list(of_sound.values()) if isinstance(of_sound, dict) else [1] for of_sound in names],
            "files": files or [1] * count,
            "slots": slots or [1] * count,
        },
        schema_overrides={"name_counts": pl.List(pl.UInt32), "files": pl.UInt32, "slots": pl.UInt32},
    )
    return pl.concat([frame, pl.DataFrame(parameters, schema=list(PARAMETER_NAMES))], how="horizontal")


def voices_with(*changes):
    return np.stack([init_voice(**of_voice) for of_voice in changes])


FAR = {f"op1_eg_{kind}_{n}": 10 * n for kind in ("rate", "level") for n in (1, 2, 3, 4)}


def test_representatives_sizes_and_names():
    voices = voices_with({}, {"lfo_speed": 1}, {"op1_coarse": 2}, FAR)
    names = [{"LEAD": 2, "A": 1}, {"LEAD": 1}, {"": 5, "BASS": 2}, {"": 1}]
    sounds = sounds_of(voices, names, files=[3, 3, 2, 1], slots=[3, 4, 9, 1])
    table = find_families(sounds)
    assert table["sound_id"].is_sorted()
    init, slow, octave, far = (
        table.row(by_predicate=pl.col("sound_id") == id_, named=True) for id_ in sound_ids(voices)
    )
    assert init["functional_id"] == slow["functional_id"] != octave["functional_id"]
    assert {row["family_id"] for row in (init, slow, octave)} == {min(sound_ids(voices[:3]))}
    assert far["family_id"] == far["sound_id"]
    assert [row["functional_representative"] for row in (init, slow, octave, far)] == [False, True, True, True]
    assert [row["family_representative"] for row in (init, slow, octave, far)] == [False, True, False, True]
    assert [row["functional_size"] for row in (init, slow, octave, far)] == [2, 2, 1, 1]
    assert [row["family_size"] for row in (init, slow, octave, far)] == [3, 3, 3, 1]
    assert [row["best_name"] for row in (init, slow, octave, far)] == ["LEAD", "LEAD", "LEAD", ""]
    assert find_families(sounds.reverse()).equals(table)


def test_sounds_similar_by_ear_are_one_family():
    voices = voices_with({}, FAR)
    sounds = sounds_of(voices)
    ids = sounds["sound_id"].to_list()
    assert find_families(sounds)["family_id"].n_unique() == 2
    assert (
        find_families(sounds, pl.DataFrame({"sound_id": ids[:1], "other_id": ["0" * 20]}))["family_id"].n_unique() == 2
    )
    assert find_families(sounds, pl.DataFrame({"sound_id": ids[:1], "other_id": ids[1:]}))["family_id"].n_unique() == 1


def test_functional_equality_joins_sounds_with_many_differing_parameters():
    inaudible = {f"op6_eg_{kind}_{n}": 5 * n for kind in ("rate", "level") for n in (1, 2, 3, 4)}
    table = find_families(sounds_of(voices_with({}, inaudible)))
    assert table["functional_id"].n_unique() == table["family_id"].n_unique() == 1


def test_silence_joins_no_families():
    off = {"op1_output_level": 0}
    table = find_families(sounds_of(voices_with({}, off, FAR, FAR | off)))
    assert table["functional_id"].n_unique() == 3
    assert table["family_id"].n_unique() == 2


def test_no_sounds_give_no_rows():
    assert find_families(sounds_of(INIT_VOICE[None]).clear()).is_empty()
