"""The map of sounds: places depend on the sound alone; the network of the package, and files that are not one."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from deepdx_core.progress import silent
from deepdx_core.similarity.ear import DIMENSIONS, ear_vectors
from deepdx_core.similarity.sound_map import (
    MapCard,
    SoundMap,
    from_file,
    package_map,
    place_sounds,
    place_voices,
    to_file,
)
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.tables.storage import Tables
from tests.support.voices import init_voice, random_voices


def small_map(**changes):
    random = np.random.default_rng(0)
    weights = [random.normal(0, 0.1, shape).astype(np.float16) for shape in ((DIMENSIONS, 4), (4, 2))]
    card = MapCard(data="a test", date="2026-01-01", sounds=10, measures={"kept": 0.5})
    mean, scale = np.zeros(DIMENSIONS, np.float32), np.ones(DIMENSIONS, np.float32)
    biases = (np.zeros(4, np.float16), np.zeros(2, np.float16))
    return replace(SoundMap(card, mean, scale, tuple(weights), biases), **changes)


def features_of(parameters):
    return compute_voice_features(parameters, AudioFeatures.create_empty(), silent)


def test_the_table_has_a_place_for_every_valid_rendered_sound(rendered_home):
    tables = Tables(rendered_home)
    places = tables.read("sound_map")
    valid = tables.read("verdicts").filter(pl.col("verdict") == "valid")
    heard = tables.read("audio_features").join(valid, on="sound_id", how="semi")["sound_id"].unique()
    assert sorted(places["sound_id"]) == sorted(heard) and len(places) > 60
    assert places.select(pl.all_horizontal(pl.col("x", "y").is_between(-1, 1))).to_series().all()
    assert places.select("x", "y").unique().height > 0.9 * len(places)


def test_a_sound_has_the_same_place_alone_and_among_others():
    parameters = random_voices(12, seed=3)[0]
    together = place_voices(parameters)
    assert together.dtype == np.float32 and together.shape == (12, 2)
    for one in range(12):
        assert (place_voices(parameters[one : one + 1]) == together[one]).all()


def test_voices_keep_their_order_and_twins_share_a_place():
    parameters = random_voices(3, seed=5)[0]
    places = place_voices(parameters)
    assert (place_voices(parameters[[2, 0, 2]]) == places[[2, 0, 2]]).all()
    assert (places[0] != places[2]).any()


def test_level_does_not_move_a_sound_far():
    loud, soft = (init_voice(op1_output_level=level) for level in (99, 90))
    other = init_voice(op1_eg_rate_2=40, op1_eg_level_2=0, op1_eg_level_3=0, op1_coarse=4)
    a, b, c = place_voices(np.stack([loud, soft, other]))
    assert np.abs(a - b).max() < 0.02 < np.abs(a - c).max()


def test_voices_out_of_range_have_no_place():
    parameters = random_voices(1)[0]
    parameters[0, 0] = 200
    with pytest.raises(ValueError, match="range"):
        place_voices(parameters)


def test_no_audio_gives_an_empty_table():
    assert place_sounds(AudioFeatures.create_empty()).is_empty()


def test_vectors_do_not_depend_on_the_order_of_rows():
    audio = features_of(random_voices(6, seed=2)[0])
    ids, vectors = ear_vectors(audio)
    again, shuffled = ear_vectors(audio.sample(fraction=1, shuffle=True, seed=1))
    assert ids.to_list() == again.to_list() == sorted(ids) and (vectors == shuffled).all()
    assert vectors.shape == (6, DIMENSIONS) and np.isfinite(vectors).all()


def test_the_map_of_the_package_is_small_and_has_a_card():
    card = package_map().card
    assert card.sounds > 20_000 and "dx7-library" in card.data
    assert card.measures["trustworthiness"] > 0.9
    assert len(to_file(package_map())) < 400_000


def test_a_map_is_the_same_from_its_file():
    vectors = np.random.default_rng(1).normal(0, 10, (20, DIMENSIONS)).astype(np.float32)
    again = from_file(to_file(small_map()))
    assert (again.places(vectors) == small_map().places(vectors)).all() and again.card == small_map().card


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scale": np.zeros(DIMENSIONS, np.float32)}, "positive"),
        ({"mean": np.full(DIMENSIONS, np.nan, np.float32)}, "finite"),
        ({"mean": np.zeros(3, np.float32), "scale": np.ones(3, np.float32)}, f"mean must be of {DIMENSIONS}"),
        ({"weights": (), "biases": ()}, "layers"),
        ({"weights": (np.zeros((DIMENSIONS, 3), np.float16),), "biases": (np.zeros(3, np.float16),)}, "two outputs"),
        ({"weights": (np.zeros((5, 2), np.float16),), "biases": (np.zeros(2, np.float16),)}, "do not fit"),
        ({"weights": (np.zeros((DIMENSIONS, 2), np.float32),), "biases": (np.zeros(2, np.float16),)}, "float16"),
    ],
)
def test_a_map_of_other_shapes_or_values_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        small_map(**changes)


def test_a_file_with_arrays_missing_or_too_many_is_refused():
    arrays = load(to_file(small_map()))
    card = {"card": small_map().card.model_dump_json()}
    assert from_file(save(arrays, card)).card == small_map().card
    for changed in (arrays | {"more": np.zeros(1)}, {name: a for name, a in arrays.items() if name != "1/biases"}):
        with pytest.raises(ValueError, match="not a map"):
            from_file(save(changed, card))
    for bad in ({}, {"card": "no JSON"}, {"card": "{}"}):
        with pytest.raises(ValueError, match="not a map"):
            from_file(save(arrays, bad))


@given(st.data())
def test_damaged_files_are_refused_or_give_places(data):
    content = bytearray(to_file(small_map()))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = from_file(bytes(content[: data.draw(st.integers(0, len(content)))]))
    except ValueError as error:
        assert str(error).startswith("not a map")
    else:
        assert np.abs(found.places(np.zeros((1, DIMENSIONS), np.float32))).max() <= 1
