"""Taste and picks: learnt from a few ratings, of every label its share, never two of a family or a skipped sound."""

import shutil

import numpy as np
import polars as pl
import pytest
from scipy.stats import spearmanr

import deepdx_core as dx
from deepdx_core.home import Home
from deepdx_core.keeping.collections import read_collection
from deepdx_core.keeping.ratings import rate, read_ratings
from deepdx_core.tables.storage import Tables
from deepdx_core.taste.features import Features, UnknownSoundError
from deepdx_core.taste.model import PRIOR, Taste
from deepdx_core.taste.picking import PickError, pick_sounds, to_collection
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO
from tests.support.runs import run_job


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A home with part of the demo corpus, rendered."""
    home = Home(tmp_path_factory.mktemp("rendered"))
    for folder in ("Keys", "Basses", "Pads", "Percussion", "Backup"):
        shutil.copytree(DEMO / folder, home.inbox / folder)
    assert run_job(home, ops={}).success
    return home


@pytest.fixture(scope="module")
def features(rendered):
    return Features.of_corpus(rendered)


@pytest.fixture
def own(rendered, tmp_path, monkeypatch):
    home = Home(shutil.copytree(rendered.root, tmp_path / "own"))
    monkeypatch.setenv("DEEPDX_HOME", str(home.root))
    return home


@pytest.fixture(scope="module")
def brightness(rendered, features):
    """The rank of each sound by brightness, 0 to 1: the taste of a user who likes it bright."""
    audio = Tables(rendered).read("audio_features").filter(pl.col("note") == 60, pl.col("velocity") == 100)
    audio = features.sound_ids.to_frame("sound_id").join(audio, on="sound_id", how="left", maintain_order="left")
    hertz = audio["brightness_hz"].fill_null(0).to_numpy()
    return hertz.argsort().argsort() / len(hertz)


def ratings_of(features, hidden, rows):
    names = np.array(["skip", "fine", "keep", "star"])[np.digitize(hidden[rows], [0.4, 0.7, 0.9])]
    return pl.DataFrame({"sound_id": features.sound_ids.gather(rows), "rating": pl.Series(names)})


def test_features_are_by_ear_and_those_of_any_voice(rendered, features):
    assert features.by_ear
    voices = Tables(rendered).read("training_set").sort("sound_id")
    assert features.sound_ids.equals(voices["sound_id"])
    some = voices.select(PARAMETER_NAMES)[:5].to_numpy()
    again = features.of_voices(np.concatenate([some[::-1], some]))
    assert np.allclose(again[5:], features.vectors[:5], atol=1e-3)
    assert np.allclose(again[:5], again[5:][::-1])


def test_without_audio_features_are_of_the_parameters(rendered):
    voices = Tables(rendered).read("training_set")
    features = Features.of_sounds(voices, Tables(rendered).read("audio_features")[:40])
    assert not features.by_ear
    found = features.of_voices(voices.sort("sound_id").select(PARAMETER_NAMES).to_numpy())
    assert np.allclose(found, features.vectors)


def test_without_ratings_nothing_is_known(features):
    taste = Taste.fit(features, pl.DataFrame(schema={"sound_id": pl.String, "rating": pl.String}))
    mean, deviation = taste.predict(features.sound_ids)
    assert np.allclose(mean, PRIOR)
    assert np.allclose(taste.sure(deviation), 0)
    assert taste.agreement is None
    assert np.ptp(taste.log_odds(features.sound_ids)) < 1e-9
    assert len(set(taste.next_to_rate(7))) == 7


@pytest.mark.parametrize(("count", "least"), [(5, 0.2), (40, 0.6)])
def test_a_taste_is_learnt_from_a_few_ratings(features, brightness, count, least):
    found = []
    for seed in range(5):
        rows = np.random.default_rng(seed).choice(len(brightness), count, replace=False)
        taste = Taste.fit(features, ratings_of(features, brightness, rows))
        mean, deviation = taste.predict(features.vectors)
        found.append(spearmanr(mean, brightness).statistic)
        assert taste.sure(deviation)[rows].mean() > taste.sure(deviation).mean() > 0
        assert taste.ratings == count
    assert np.mean(found) > least
    if count > 8:
        assert taste.agreement > 0.3


def test_ratings_of_unknown_sounds_and_notes_alone_do_not_count(features):
    unknown = pl.DataFrame({"sound_id": ["f" * 20, features.sound_ids[0]], "rating": ["star", None]})
    assert Taste.fit(features, unknown).ratings == 0
    with pytest.raises(UnknownSoundError, match="ffff"):
        Taste.fit(features, unknown).predict(["f" * 20])


def test_the_next_to_rate_are_unrated_unlike_and_tell_more_than_others(features, brightness):
    first = ratings_of(features, brightness, np.arange(0, 12))
    taste = Taste.fit(features, first)
    proposed = taste.next_to_rate(10)
    assert taste.next_to_rate(10) == proposed
    assert not set(proposed) & set(first["sound_id"])
    left = []
    for rows in (
        features.rows(proposed),
        np.random.default_rng(0).choice(np.arange(12, len(brightness)), 10, replace=False),
    ):
        more = Taste.fit(features, pl.concat([first, ratings_of(features, brightness, rows)]))
        left.append(more.predict(features.vectors)[1].mean())
    assert left[0] < left[1]


def families_of(home, picked):
    return picked.join(Tables(home).read("families"), on="sound_id")["family_id"]


def test_without_ratings_a_pick_is_representative(rendered, features):
    picked = pick_sounds(rendered, 32, features=features)
    assert picked.equals(pick_sounds(rendered, 32))
    assert len(picked) == families_of(rendered, picked).n_unique() == 32
    labels = Tables(rendered).read("labeled_voices")["label"].unique()
    assert set(picked["label"]) == set(labels)
    files = (
        Tables(rendered).read("unique_voices").join(Tables(rendered).read("training_set"), on="sound_id", how="semi")
    )
    assert picked["files"].mean() > files["files"].mean()
    assert picked["why"].str.starts_with("in ").all()
    assert not picked.equals(pick_sounds(rendered, 32, seed=1))


def test_neighbors_in_a_pick_are_alike(rendered, features):
    picked = pick_sounds(rendered, 64, features=features)
    assert picked["label"].rle().len() == picked["label"].n_unique()
    points = features.vectors[features.rows(picked["sound_id"])]
    shuffled = points[np.random.default_rng(0).permutation(64)]
    lengths = [np.linalg.norm(np.diff(path, axis=0), axis=1).sum() for path in (points, shuffled)]
    assert lengths[0] < 0.8 * lengths[1]


def test_a_pick_leaves_out_what_a_bank_has_already(rendered, features):
    first = pick_sounds(rendered, 16, features=features)
    rest = pick_sounds(rendered, 16, without=first["sound_id"].to_list(), features=features)
    assert len(rest) == 16
    assert not set(families_of(rendered, first)) & set(families_of(rendered, rest))


def test_liked_sounds_come_first_and_skipped_ones_never(own, features):
    random = np.random.default_rng(1)
    families = Tables(own).read("families").filter(pl.col("sound_id").is_in(features.sound_ids.implode()))
    one_each = families.sort("sound_id").unique("family_id", keep="first", maintain_order=True)["sound_id"]
    some = one_each.gather(random.choice(len(one_each), 60, replace=False)).to_list()
    for sound_id in some[:10]:
        rate(own, sound_id, "star" if sound_id < "8" else "keep")
    for sound_id in some[10:]:
        rate(own, sound_id, "skip")
    picked = pick_sounds(own, 40, features=features)
    assert set(some[:10]) <= set(picked["sound_id"])
    assert not set(families_of(own, picked)) & set(families.filter(pl.col("sound_id").is_in(some[10:]))["family_id"])
    liked = picked.filter(pl.col("rating").is_not_null())
    assert liked["why"].to_list() == [f"you rated it {rating}" for rating in liked["rating"]]
    assert picked.filter(pl.col("rating").is_null())["why"].str.contains("taste .* nearest to").all()
    fewer = pick_sounds(own, 5, features=features)
    assert set(fewer["sound_id"]) <= set(some[:10])


def test_a_pick_follows_the_taste(own, features, brightness):
    rows = np.random.default_rng(3).choice(len(brightness), 40, replace=False)
    ratings = ratings_of(features, brightness, rows)
    picked = pick_sounds(own, 32, features=features, ratings=ratings)
    unrated = picked.filter(pl.col("rating").is_null())["sound_id"]
    assert brightness[features.rows(unrated)].mean() > brightness.mean() + 0.15


def test_quotas_and_labels(rendered, features):
    counts = dict(Tables(rendered).read("labeled_voices")["label"].value_counts().iter_rows())
    one, two = sorted(counts, key=counts.get)[-2:]
    picked = pick_sounds(rendered, 20, quotas={one: 3}, features=features)
    assert len(picked.filter(label=one)) == 3
    assert set(pick_sounds(rendered, 10, labels=[two], features=features)["label"]) == {two}
    both = pick_sounds(rendered, 10, labels=[two], quotas={one: 4}, features=features)
    assert dict(both["label"].value_counts().iter_rows()) == {one: 4, two: 6}
    for wrong, reason in [
        ({"count": 0}, "choose 1 to"),
        ({"count": 5, "labels": ["Kazoo\x1b"]}, "'Kazoo\\\\x1b' is not one of the labels"),
        ({"count": 5, "quotas": {one: 6}}, "only 5 are to be chosen"),
        ({"count": 3000}, "only .* families"),
        ({"count": 3000, "quotas": {one: 2000}}, f"{one}: 2,000 of"),
    ]:
        with pytest.raises(PickError, match=reason):
            pick_sounds(rendered, features=features, **wrong)


def test_picks_are_written_as_banks_and_kept_as_a_collection(own, capsys, tmp_path):
    picked = pick_sounds(own, 40)
    code, shown, _ = run_deepdx(capsys, "pick", "--count", 40, "-o", tmp_path / "best.syx", "--collection", "My best")
    assert code == 0, shown
    voices = pl.concat([dx.read(tmp_path / f"best-0{number}.syx") for number in (1, 2)])[:40]
    assert voices["sound_id"].to_list() == picked["sound_id"].to_list()
    assert read_collection(own, "My best").sound_ids() == to_collection(own, picked).sound_ids()
    assert "best-02.syx" in shown
    assert run_deepdx(capsys, "pick", "--quota", "Bass=2,Pads=1")[1].count(" Bass ") == 2
    for wrong in (["--quota", "Bass"], ["--quota", "Bass=1,Bass=2"], ["-o", "x.mid"], ["--count", "0"]):
        assert run_deepdx(capsys, "pick", *wrong)[0] == 2
    assert run_deepdx(capsys, "pick", "--label", "Kazoo")[0] == 1
    asked = run_deepdx(capsys, "pick", "--next-to-rate", 3)[1].splitlines()
    assert len(asked) == 4
    assert read_ratings(own).is_empty()
