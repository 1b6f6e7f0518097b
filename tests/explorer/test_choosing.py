"""Taste, picks, similar sounds and the map."""

import io

import numpy as np
import polars as pl
import pytest
import soundfile

from deepdx_core.sound.rendering import SAMPLE_RATE, render
from deepdx_core.tables.storage import Tables


def sounds(client, **filter_):
    return client.get("/api/sounds", params={"verdict": "valid", "limit": 500, **filter_}).json()["sounds"]


def test_ratings_sort_the_sounds_by_taste(writer):
    rated = sounds(writer, label="Pianos")[:4] + sounds(writer, label="Pads")[:4]
    for number, sound in enumerate(rated):
        rating = "star" if number < 4 else "skip"
        writer.put(f"/api/sounds/{sound['sound_id']}/rating", json={"rating": rating})
    ordered = sounds(writer, sort="taste")
    tastes = [sound["taste"] for sound in ordered]
    assert tastes == sorted(tastes, reverse=True)
    labels = [sound["label"] for sound in ordered]
    assert labels[:20].count("Pianos") > labels[-20:].count("Pianos")
    found = writer.get("/api/taste", params={"count": 3}).json()
    assert found["ratings"] == 8
    assert len({sound["sound_id"] for sound in found["next"]} - {sound["sound_id"] for sound in rated}) == 3


def test_a_pick_is_of_different_families_and_leaves_out_sounds(client, stocked):
    picked = client.get("/api/pick", params={"count": 16}).json()["voices"]
    families = Tables(stocked).read("families").filter(pl.col("sound_id").is_in([v["sound_id"] for v in picked]))
    assert families["family_id"].n_unique() == 16
    assert all(voice["why"] for voice in picked)
    without = picked[0]["sound_id"]
    others = client.get("/api/pick", params={"count": 16, "without": [without]}).json()["voices"]
    assert (len(others), without in {voice["sound_id"] for voice in others}) == (16, False)
    assert client.get("/api/pick", params={"count": 16, "label": "nonsense"}).status_code == 409


@pytest.mark.parametrize("by", ["ear", "parameters"])
def test_similar_sounds_come_nearest_first_without_the_sound_itself(client, by):
    sound = sounds(client, q="E.PIANO 3")[0]
    found = client.get(f"/api/sounds/{sound['sound_id']}/similar", params={"by": by, "count": 5}).json()
    distances = [one["distance"] for one in found]
    assert (len(found), distances) == (5, sorted(distances))
    assert sound["sound_id"] not in {one["sound_id"] for one in found}


def test_a_recording_finds_its_sound(client):
    sound = sounds(client, q="E.PIANO 3")[0]
    voice = np.frombuffer(bytes.fromhex(sound["parameters"]), np.uint8)[None]
    file = io.BytesIO()
    soundfile.write(file, 0.2 * render(voice, note=55, seconds=2.0)[0], SAMPLE_RATE, format="WAV")
    found = client.post("/api/similar", content=file.getvalue(), params={"count": 3}).json()
    assert sound["sound_id"] in {one["sound_id"] for one in found}


def test_what_is_no_recording_is_refused(client):
    refused = client.post("/api/similar", content=b"RIFF nonsense")
    assert (refused.status_code, list(refused.json())) == (409, ["error"])


def test_the_map_has_a_place_for_each_heard_sound_and_each_generated_voice(client, stocked):
    found = client.get("/api/map").json()
    places = Tables(stocked).read("sound_map")
    assert len(found["ids"]) == len(places) + 2
    assert set(found["ids"]) > set(places["sound_id"])
    lengths = {len(found[name]) for name in ("rows", "names", "x", "y")}
    lengths |= {len(color["codes"]) for color in found["colors"].values()}
    assert lengths == {len(found["ids"])}
    labels = found["colors"]["label"]
    by_id = {sound["sound_id"]: sound["label"] for sound in sounds(client)}
    for sound_id, code in zip(found["ids"], labels["codes"], strict=True):
        assert labels["values"][code] == (by_id.get(sound_id) or "none")
