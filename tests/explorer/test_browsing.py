"""Pages of sounds, facets, sheets and evidence."""

import polars as pl
import pytest
from fastapi.testclient import TestClient

from deepdx_core.codec.packing import MAXIMA
from deepdx_core.home import Home
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_explorer.app import create_app
from tests.explorer.conftest import HOSTILE


def find(client, **filter_):
    response = client.get("/api/sounds", params=filter_)
    assert response.status_code == 200, response.text
    return response.json()


def test_every_sound_and_every_generated_voice_has_one_row(client, stocked):
    found = find(client, limit=500)
    sounds = Tables(stocked).read("unique_voices")
    assert found["total"] == len(sounds) + 2
    assert {sound["sound_id"] for sound in found["sounds"]} > set(sounds["sound_id"])
    assert dict(found["facets"]["origin"]) == {"real": len(sounds), "generated": 2}


def test_words_are_found_in_names_files_and_folders_in_any_case(client):
    assert find(client, q="made one")["sounds"][0]["name"] == "MADE ONE"
    assert find(client, q="epianos1.syx")["total"] == 32
    assert find(client, q="pads e.piano")["total"] == 0
    assert all("PIANO" in sound["name"].upper() for sound in find(client, q="É.PIANO")["sounds"])
    assert find(client, q="É.PIANO")["total"] > 0


def test_wildcards_and_quotes_are_plain_text(client):
    assert find(client, q="%")["total"] == 0
    assert find(client, q=HOSTILE.lower())["total"] == 2  # in the name of a file with INIT VOICE, too
    assert find(client, q=".*")["total"] == 0


def test_values_of_a_facet_are_alternatives_and_facets_all_match(client):
    labels = dict(find(client)["facets"]["label"])
    one, other = list(labels)[:2]
    both = find(client, label=[one, other], limit=500)
    assert both["total"] == labels[one] + labels[other]
    algorithms = {sound["algorithm"] for sound in both["sounds"]}
    some = find(client, label=[one, other], algorithm=[min(algorithms)])
    assert {sound["algorithm"] for sound in some["sounds"]} == {min(algorithms)}
    # A facet counts as if nothing of its own were chosen.
    assert dict(some["facets"]["algorithm"]).keys() == algorithms


def test_pages_follow_each_other_without_gaps(client):
    whole = [sound["sound_id"] for sound in find(client, sort="name", descending=False, limit=500)["sounds"]]
    pages = [find(client, sort="name", descending=False, limit=7, offset=start)["sounds"] for start in range(0, 70, 7)]
    assert [sound["sound_id"] for page in pages for sound in page] == whole[:70]


@pytest.mark.parametrize("sort", ["name", "files", "brightness_hz", "attack_seconds", "confidence"])
@pytest.mark.parametrize("descending", [True, False])
def test_sounds_are_sorted_and_missing_values_are_last(client, sort, descending):
    values = [sound[sort] for sound in find(client, sort=sort, descending=descending, limit=500)["sounds"]]
    known = [value.lower() if isinstance(value, str) else value for value in values if value is not None]
    assert known == sorted(known, reverse=descending)
    assert values[len(known) :] == [None] * (len(values) - len(known))


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"sort": "sound_id; DROP TABLE x"}, "sort"),
        ({"limit": 501}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 10**26}, "offset"),
        ({"algorithm": "x"}, "algorithm"),
        ({"q": "x" * 201}, "q"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_an_invalid_request_is_refused_with_its_field(client, parameters, reason):
    response = client.get("/api/sounds", params=parameters)
    assert response.status_code == 422
    assert response.json()["error"].startswith(reason)


def test_a_sheet_has_the_parameters_the_routing_and_the_envelopes_of_the_voice(client, stocked):
    row = find(client, q="E.PIANO 3")["sounds"][0]
    sheet = client.get(f"/api/sounds/{row['sound_id']}").json()
    assert sheet["parameters"] == row["parameters"]
    algorithm = ALGORITHMS[sheet["algorithm"]["number"] - 1]
    assert sheet["algorithm"]["carriers"] == list(algorithm.carriers)
    assert [operator["operator"] for operator in sheet["operators"]] == [1, 2, 3, 4, 5, 6]
    roles = {operator["operator"] for operator in sheet["operators"] if operator["role"] == "carrier"}
    assert roles == set(algorithm.carriers)
    assert max(sheet["contour"]["levels_db"]) == 0
    assert sheet["phrase"]["label"] == row["label"]


def test_the_sheet_of_a_generated_voice_has_all_but_evidence(client):
    (row,) = find(client, q="made two")["sounds"]
    assert (row["origin"], row["label"], row["verdict"]) == ("generated", None, None)
    assert len(client.get(f"/api/sounds/{row['sound_id']}").json()["operators"]) == 6
    assert client.get(f"/api/sounds/{row['sound_id']}/evidence").json() is None


def test_evidence_names_places_verdict_label_and_split(client, stocked):
    row = find(client, q="E.PIANO 3")["sounds"][0]
    known = client.get(f"/api/sounds/{row['sound_id']}/evidence").json()
    assert known["verdict"]["verdict"] == "valid"
    assert known["label"]["label"] == row["label"]
    assert known["split"]["split"] == row["split"]
    assert any(place["path"] == "EPIANOS1.syx" for place in known["places"])
    family = Tables(stocked).read("families").filter(pl.col("sound_id") == row["sound_id"])["family_size"][0]
    assert known["family_size"] == family


def test_levels_make_louder_voices_softer(client):
    sounds = [sound for sound in find(client, limit=500)["sounds"] if sound["loudness_db"] is not None]
    one_carrier = [sound for sound in sounds if sum(map(len, [ALGORITHMS[sound["algorithm"] - 1].carriers])) == 2]
    ordered = sorted(one_carrier, key=lambda sound: sound["loudness_db"])
    levels = [sound["level"] for sound in ordered]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > levels[-1]


def test_matches_are_the_rows_of_the_page(client):
    rows = client.get("/api/matches", params={"origin": "generated"}).json()["rows"]
    assert len(rows) == 2
    assert min(rows) == find(client, limit=1)["total"] - 2


def test_an_unknown_sound_is_not_found(client):
    for path in ("", "/voice", "/evidence", "/audio.wav", "/spectrogram.png", "/voice.syx"):
        response = client.get(f"/api/sounds/{'0' * 20}{path}")
        assert (response.status_code, list(response.json())) == (404, ["error"])


def test_without_a_corpus_the_page_says_what_to_do(tmp_path):
    client = TestClient(create_app(Home(tmp_path)), base_url="http://localhost")
    status = client.get("/api/status").json()
    assert "deepdx run" in status["corpus"]
    assert "deepdx run" in status["model"]
    assert client.get("/api/sounds").status_code == 409


def test_a_run_and_a_new_bank_are_seen_without_a_restart(writer, own):
    before = find(writer)["total"]
    version = writer.get("/api/matches").json()["version"]
    (own.banks / "made.syx").unlink()
    assert find(writer)["total"] == before - 2
    assert writer.get("/api/matches").json()["version"] != version


def test_parameters_out_of_range_are_shown_but_not_played(client):
    broken = [sound for sound in find(client, limit=500)["sounds"] if not sound["playable"]]
    for sound in broken:
        values = bytes.fromhex(sound["parameters"])
        assert any(value > maximum for value, maximum in zip(values, MAXIMA.tolist(), strict=True))
        assert "operators" not in client.get(f"/api/sounds/{sound['sound_id']}").json()
        assert client.get(f"/api/sounds/{sound['sound_id']}/audio.wav").status_code == 409
