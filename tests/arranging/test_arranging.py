"""Arrangement: order of voices, those that sound alike, categories and verdicts outside of a corpus."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from deepdx_core.arranging.alike import _keep_first, find_earlier
from deepdx_core.arranging.judgement import find_categories, find_verdicts
from deepdx_core.arranging.order import sort_by_category, sort_by_name, sort_by_sound
from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.exchange.conversion import collect_voices, make_writable, to_parameters
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.similarity.ear import ear_vectors
from deepdx_core.similarity.order import short_path
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.paths import DEMO

BANKS = [DEMO / "Keys" / "EPIANOS1.syx", DEMO / "Basses" / "EBASS1.syx"]


@pytest.fixture(scope="module")
def voices():
    return make_writable(collect_voices(BANKS).voices).voices


def hear(voices):
    return compute_voice_features(to_parameters(voices), AudioFeatures.create_empty(), lambda *_: None)


def changed(voices, row, **parameters):
    """Return the voice in a row with other parameters, under the sound id and name `changed`."""
    values = {name: pl.lit(value, pl.UInt8) for name, value in parameters.items()}
    return make_writable(voices[row].drop("sound_id").with_columns(**values, name=pl.lit("changed"))).voices


def test_names_are_sorted_without_regard_to_case_and_equal_ones_stay_in_order(voices):
    mixed = voices.head(4).with_columns(name=pl.Series(["b", "A", " a", "B"]))
    assert sort_by_name(mixed)["name"].to_list() == ["A", " a", "b", "B"]
    assert sort_by_name(mixed)["slot"].to_list() == [2, 3, 1, 4]


def test_categories_come_in_the_order_of_the_taxonomy(voices, home):
    taxonomy = load_taxonomy()
    categories = find_categories(voices, home, taxonomy)
    assert (categories[:32] == "electric-piano").mean() > 0.9
    assert (categories[32:] == "bass").mean() > 0.9
    order = sort_by_category(voices.with_columns(category=categories), categories, taxonomy)
    assert order["category"].rle().struct.field("value").n_unique() == len(order["category"].rle())
    for _, part in order.group_by("category", maintain_order=True):
        assert part["name"].str.to_lowercase().is_sorted()
    assert set(order["category"][:32]) <= set(taxonomy.categories)


def test_a_label_of_the_user_wins(voices, home):
    home.state.mkdir(parents=True)
    home.labels.write_text(f"sound_id,category,why\n{voices['sound_id'][0]},organ,\n")
    assert find_categories(voices, home, load_taxonomy())[0] == "organ"


def test_blank_initial_and_silent_voices_have_a_verdict(voices, home):
    blank = changed(voices, 0, **dict.fromkeys(PARAMETER_NAMES, 0))
    initial = changed(voices, 0, **dict(zip(PARAMETER_NAMES, INIT_VOICE.tolist(), strict=True)))
    # Inaudible changes leave it INIT VOICE.
    inaudible = changed(initial, 0, op6_coarse=3, lfo_speed=99)
    silent = changed(voices, 0, **{f"op{n}_output_level": 0 for n in range(1, 7)})
    found = find_verdicts(pl.concat([voices.head(2), blank, initial, inaudible, silent]), home)
    assert found.to_list() == ["valid", "valid", "empty", "empty", "empty", "silent"]


def test_equal_voices_are_left_to_the_first_and_an_octave_is_not(voices):
    first, others = voices[0], voices[1:8]
    octave = changed(voices, 0, transpose=int(first["transpose"][0]) - 12)
    renamed = first.with_columns(name=pl.lit("copy"))
    all_ = pl.concat([others, first, renamed, octave])
    found = find_earlier(all_["sound_id"], hear(all_))
    assert found.tolist()[7:] == [7, 7, 9]


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] != pair[1]), max_size=30))
def test_the_first_of_like_ones_stays_and_stands_for_others_like_it(pairs):
    pairs = {tuple(sorted(pair)) for pair in pairs}
    earlier, later = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    found = _keep_first(earlier, later, 12).tolist()
    kept = []
    for row in range(12):  # one by one, as a person would
        like = [other for other in kept if (other, row) in pairs]
        assert found[row] == (like[0] if like else row)
        kept += [] if like else [row]


def test_neighbors_sound_alike(voices):
    audio = hear(voices)
    doubled = pl.concat([voices, voices.head(1)])
    found = sort_by_sound(doubled, audio)
    assert sorted(found["sound_id"]) == sorted(doubled["sound_id"])
    # Equal voices are neighbors, in their order.
    (at,) = np.nonzero((found["sound_id"] == voices["sound_id"][0]).to_numpy())
    assert at[1] == at[0] + 1
    ids, vectors = ear_vectors(audio)
    place = {sound_id: number for number, sound_id in enumerate(ids)}

    def length(order):
        points = vectors[[place[sound_id] for sound_id in order["sound_id"]]]
        return np.linalg.norm(np.diff(points, axis=0), axis=1).sum()

    assert length(found) < 0.75 * length(doubled.sample(fraction=1, shuffle=True, seed=1))


def test_a_path_of_many_points_is_not_refined_but_visits_all():
    points = np.random.default_rng(1).random((1500, 2))
    order = short_path(points)
    assert sorted(order) == list(range(1500))
    steps = np.linalg.norm(np.diff(points[order], axis=0), axis=1)
    assert steps.mean() < 0.1 * cdist(points[:100], points).mean()


def test_no_voices_are_in_order(voices, home):
    none = voices.clear()
    assert sort_by_name(none).is_empty()
    assert find_categories(none, home, load_taxonomy()).is_empty()
    assert find_verdicts(none, home).is_empty()
    assert short_path(np.empty((0, 3))).tolist() == []
