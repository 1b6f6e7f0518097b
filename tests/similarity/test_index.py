"""The nearest sounds by ear, by parameters and by a recording, and the file of spectra."""

import shutil

import numpy as np
import pytest

from deepdx_core.home import Home
from deepdx_core.progress import silent
from deepdx_core.similarity.index import NoAudioError, SoundIndex
from deepdx_core.similarity.spectra_cache import load_spectra
from deepdx_core.tables.storage import MissingTableError, Tables
from deepdx_core.voice.parameters import INDEX
from tests.support.homes import DAMAGES, damage_file
from tests.support.runs import run_job
from tests.support.similarity import as_file, note_of


@pytest.fixture
def home(rendered_home, tmp_path):
    shutil.copytree(rendered_home.root, tmp_path / "home")
    return Home(tmp_path / "home")


def changed(voice, **values):
    voice = voice.copy()
    for name, value in values.items():
        voice[INDEX[name]] = value
    return voice


@pytest.mark.parametrize("search", ["by_ear", "by_parameters"])
def test_a_slightly_changed_voice_finds_its_original_first(index, search):
    for row in range(0, len(index.sound_ids), 9):
        voice = index.parameters[row]
        near = changed(voice, lfo_speed=voice[INDEX["lfo_speed"]] ^ 1)
        found = getattr(index, search)(near, 5)
        assert index.sound_ids[row] in found["sound_id"].head(3).to_list()
        assert found["distance"].is_sorted() and len(found) == 5


@pytest.mark.parametrize("search", ["by_ear", "by_parameters"])
def test_a_voice_does_not_find_itself(index, search):
    found = getattr(index, search)(index.parameters[7], 1000)
    assert index.sound_ids[7] not in found["sound_id"] and found["sound_id"].is_unique().all()
    assert len(found) == len(index.sound_ids) - 1


def test_distance_by_ear_is_symmetric_and_ignores_level(index):
    one, other = index.parameters[3], index.parameters[20]
    to = dict(index.by_ear(one, 1000).iter_rows())[index.sound_ids[20]]
    back = dict(index.by_ear(other, 1000).iter_rows())[index.sound_ids[3]]
    assert to == pytest.approx(back, rel=1e-5) and to > 0


def test_distance_by_parameters_adds_up_roots_of_shares(index):
    voice = index.parameters[0]
    delay = 0 if voice[INDEX["lfo_delay"]] > 49 else 99
    step = voice[INDEX["transpose"]] ^ 1
    share = abs(int(voice[INDEX["lfo_delay"]]) - delay) / 99
    for values, expected in (({"transpose": step}, (1 / 48) ** 0.5), ({"lfo_delay": delay}, share**0.5)):
        found = dict(index.by_parameters(changed(voice, **values), 1000).iter_rows())
        assert found[index.sound_ids[0]] == pytest.approx(expected, rel=1e-5)
    both = index.by_parameters(changed(voice, transpose=step, lfo_delay=delay), 1000)
    assert dict(both.iter_rows())[index.sound_ids[0]] == pytest.approx((1 / 48) ** 0.5 + share**0.5, rel=1e-5)


def test_illegal_voices_are_refused(index):
    voice = changed(index.parameters[0], algorithm=32)
    for search in (index.by_ear, index.by_parameters):
        with pytest.raises(ValueError, match="range"):
            search(voice)


@pytest.mark.parametrize("note", [48, 55, 67, 72])
def test_a_recording_at_any_note_velocity_and_level_finds_its_voice(index, note):
    ranks = []
    for row in range(1, len(index.sound_ids), 12):
        samples = note_of(index.parameters[row], note, velocity=64 + row % 60, held=0.7)
        silence = np.zeros(5000)
        content = as_file(np.concatenate([silence, samples * 0.02 / np.abs(samples).max(), silence]), subtype="PCM_24")
        found = index.by_recording(content, 10)
        ids = found["sound_id"].to_list()
        ranks.append(ids.index(index.sound_ids[row]) if index.sound_ids[row] in ids else 99)
        assert found["distance"].is_sorted() and found["sound_id"].is_unique().all()
    # The banks have variants that hardly differ.
    assert np.mean(np.array(ranks) == 0) >= 0.5 and np.mean(np.array(ranks) < 4) >= 0.85


def test_a_known_note_is_the_only_one_compared(index):
    samples = note_of(index.parameters[4], 55)
    found = index.by_recording(as_file(samples), 5, note=55)
    assert found["sound_id"][0] == index.sound_ids[4] and set(found["note"]) == {55}
    with pytest.raises(ValueError, match="note is 12, its range is 24 to 108"):
        index.by_recording(as_file(samples), note=12)


def test_the_same_recording_gives_the_same_answer_in_every_form(index, tmp_path):
    samples = note_of(index.parameters[9], 60)
    samples = 0.5 * samples / np.abs(samples).max()
    answer = index.by_recording(as_file(samples, subtype="FLOAT"), 5)
    assert index.by_recording(as_file(samples, subtype="FLOAT"), 5).equals(answer)
    (tmp_path / "note.flac").write_bytes(as_file(samples, "FLAC", "PCM_24"))
    stereo = as_file(np.stack([samples, 0.3 * samples], axis=1), subtype="PCM_24")
    for source in (tmp_path / "note.flac", stereo, as_file(samples, "MP3", "MPEG_LAYER_III")):
        assert index.by_recording(source, 5)["sound_id"][0] == answer["sound_id"][0] == index.sound_ids[9]


def test_the_index_is_the_same_until_the_tables_change(home):
    first = SoundIndex.load(home)
    assert SoundIndex.load(home) is first
    tables = Tables(home)
    verdicts = tables.read("verdicts")
    tables.write("verdicts", verdicts.filter(verdicts["sound_id"] != first.sound_ids[0]))
    second = SoundIndex.load(home)
    assert len(second.sound_ids) == len(first.sound_ids) - 1


@pytest.mark.parametrize("how", [None, *DAMAGES])
def test_spectra_are_kept_and_made_anew_if_damaged(home, how):
    index = SoundIndex.load(home)
    ids = index.sound_ids.to_list()
    fresh = load_spectra(home, ids, index.parameters, silent)
    if how is not None:
        damage_file(home.spectra, how)
    rendered = []
    again = load_spectra(home, ids, index.parameters, lambda what, done, total: rendered.append(total))
    assert (again == fresh).all()
    assert bool(rendered) == (how is not None)
    assert home.spectra.is_file()


def test_spectra_of_new_sounds_are_added(home):
    index = SoundIndex.load(home)
    ids = index.sound_ids.to_list()
    home.spectra.unlink(missing_ok=True)
    load_spectra(home, ids[:50], index.parameters[:50], silent)
    totals = []
    both = load_spectra(home, ids, index.parameters, lambda what, done, total: totals.append(total))
    assert set(totals) == {len(ids) - 50}
    home.spectra.unlink()
    assert (load_spectra(home, ids, index.parameters, silent) == both).all()


def test_a_home_without_a_run_or_without_audio_says_so(tmp_path, rendered_home):
    with pytest.raises(MissingTableError, match="run `deepdx run` first"):
        SoundIndex.load(Home(tmp_path))
    home = Home(tmp_path / "silent")
    shutil.copytree(rendered_home.inbox, home.inbox)
    assert run_job(home).success
    index = SoundIndex.load(home)
    with pytest.raises(NoAudioError, match=r"no sound of .* was rendered yet"):
        index.by_ear(index.parameters[0])
    assert len(index.by_parameters(index.parameters[0], 3)) == 3
    assert Tables(home).read("sound_map").is_empty()
