"""Preferences among candidates: taste and likeness to a recording, alone and through `deepdx generate`."""

import shutil
from functools import partial

import numpy as np
import polars as pl
import pytest

from deepdx_core.codec.reader import read
from deepdx_core.generation.fulfillment import fill_order
from deepdx_core.generation.model import save_model
from deepdx_core.generation.orders import Order
from deepdx_core.generation.preferences import UnknownTasteError, hear, prefer_taste
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.sampling import sample
from deepdx_core.home import Home
from deepdx_core.keeping.ratings import rate
from deepdx_core.similarity.index import SoundIndex
from deepdx_core.similarity.matching import distances_to_recording
from deepdx_core.similarity.recordings import trim_note
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_core.taste.model import Taste
from deepdx_core.voice.parameters import INDEX
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO
from tests.support.runs import run_job
from tests.support.similarity import as_file, note_of
from tests.support.toy_models import trained_model

ID = "a" * 16


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A home after a run on two banks, with a writer as the champion."""
    home = Home(tmp_path_factory.mktemp("preferences") / "home")
    home.inbox.mkdir(parents=True)
    for bank in ("Keys/EPIANOS1.syx", "Pads/PADS1.syx"):
        shutil.copy(DEMO / bank, home.inbox)
    assert run_job(home, ops={}).success
    save_model(home.models / ID, trained_model())
    row = {"model_id": ID, "judged": 1, "role": "champion", "reason": "the first", "kind": "writer", "c2st": 0.6}
    Tables(home).write("models", pl.DataFrame([row], schema=TABLES["models"].create_empty().schema))
    return home


@pytest.fixture
def own(ran, tmp_path):
    return Home(shutil.copytree(ran.root, tmp_path / "own", symlinks=True))


@pytest.fixture
def deepdx(own, monkeypatch, tmp_path, capsys, compiled_engine):
    """`run_deepdx` in an empty working directory, with a copy of the home."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("DEEPDX_HOME", str(own.root))
    return partial(run_deepdx, capsys)


def rate_by_label(home, count=5):
    """Rate pads `skip` and pianos `star`. Return the parameters of those that are not rated, by label."""
    labels = Tables(home).read("labeled_voices", ["sound_id", "label"]).sort("sound_id")
    index = SoundIndex.load(home)
    rest = {}
    for label, rating in (("Pads", "skip"), ("Pianos", "star")):
        ids = labels.filter(pl.col("label") == label, pl.col("sound_id").is_in(index.sound_ids.implode()))["sound_id"]
        for sound_id in ids[:count]:
            rate(home, sound_id, rating)
        rest[label] = index.parameters[index.sound_ids.search_sorted(ids[count:]).to_numpy()]
    return rest


def test_odds_are_multiplied(ran):
    def prefer(parameters, audio):
        assert audio is None
        return 3.0 * (parameters[:, INDEX["feedback"]] > 3)

    shares = [
        (sample(trained_model(), 64, 0, request).parameters[:, INDEX["feedback"]] > 3).mean()
        for request in (SamplingRequest(choices=8), SamplingRequest(choices=8, preferences=(prefer,)))
    ]
    assert shares[0] + 0.2 < shares[1]


def test_a_taste_prefers_unrated_voices_like_the_liked_ones(own):
    rest = rate_by_label(own)
    prefer = prefer_taste(Taste.of_home(own))
    pads, pianos = (prefer(rest[label], None) for label in ("Pads", "Pianos"))
    assert np.median(pianos) > np.median(pads) + 1
    assert np.isfinite(np.concatenate([pads, pianos])).all()


def test_too_few_ratings_tell_no_taste(own, deepdx):
    rate_by_label(own, 3)
    with pytest.raises(UnknownTasteError, match="6 ratings of sounds in the corpus tell no taste"):
        prefer_taste(Taste.of_home(own))
    code, _, errors = deepdx("generate", "--to-taste", "-o", "out.syx")
    assert code == 1
    assert "deepdx pick --next-to-rate 10" in errors


def test_a_recording_prefers_voices_that_sound_like_it(ran):
    index = SoundIndex.load(ran)
    recording = trim_note(note_of(index.parameters[3], 55))
    heard = hear(index, recording)
    assert 1 <= len(heard.voices) == len(heard.names) <= 8
    assert (heard.voices == index.parameters[3]).all(axis=1).any()
    distances = distances_to_recording(recording, index.parameters, np.full(len(index.parameters), 55))
    odds = heard.preference(index.parameters, None)
    assert np.corrcoef(distances, odds)[0, 1] < -0.8
    assert distances[3] <= np.sort(distances)[1]


def test_voices_like_a_recording_are_nearer_to_it_than_variations_without(ran):
    index = SoundIndex.load(ran)
    recording = trim_note(note_of(index.parameters[3], 55))
    heard = hear(index, recording)
    with_, without = (
        sample(trained_model(), 16, 0, SamplingRequest(like=heard.voices, choices=8, preferences=preferences))
        for preferences in ((heard.preference,), ())
    )
    far = [distances_to_recording(recording, made.parameters, np.full(16, 55)).mean() for made in (with_, without)]
    assert far[0] < 0.9 * far[1]


def test_variations_of_a_recording_change_less_unless_told(own, tmp_path):
    (tmp_path / "note.wav").write_bytes(as_file(note_of(SoundIndex.load(own).parameters[3], 55)))
    by_default, gentle, strong = (
        fill_order(own, Order(like=str(tmp_path / "note.wav"), strength=strength, count=1, by_ear=False)).parameters
        for strength in (None, 0.05, 0.15)
    )
    assert (by_default == gentle).all()
    assert (by_default != strong).any()


def test_all_conditions_at_once(own, deepdx, tmp_path):
    rate_by_label(own)
    index = SoundIndex.load(own)
    (tmp_path / "here" / "A NOTE.WAV").write_bytes(as_file(note_of(index.parameters[3], 55)))
    options = ("--label", "Low", "--algorithm", 5, "--set", "feedback=6", "--keep", "envelopes", "--to-taste")
    for name in ("one.syx", "two.syx"):
        code, _, errors = deepdx(
            "generate", "--like", "A NOTE.WAV", *options, "--choices", 2, "--count", 2, "--allow-copies", "-o", name
        )
        assert code == 0, errors
    one, two = ((tmp_path / "here" / name).read_bytes() for name in ("one.syx", "two.syx"))
    assert one == two
    assert read(one).segments[0].voices == 32


@pytest.mark.parametrize(
    ("content", "reason"), [(b"not audio", "note.wav: not a recording"), (as_file(np.zeros(999)), "note.wav: silent")]
)
def test_a_file_that_is_no_recording_is_refused(deepdx, tmp_path, content, reason):
    (tmp_path / "here" / "note.wav").write_bytes(content)
    code, _, errors = deepdx("generate", "--like", "note.wav", "-o", "out.syx")
    assert code == 1
    assert reason in errors
    assert not (tmp_path / "here" / "out.syx").exists()
