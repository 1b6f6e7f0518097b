"""Ratings, the user's categories and verdicts, collections, and banks made of them."""

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.keeping.collections import read_collection
from deepdx_core.keeping.ratings import read_ratings
from deepdx_core.tables.storage import Tables
from deepdx_explorer.app import create_app
from tests.support.paths import DEMO
from tests.support.runs import run_job


def sounds(client, **filter_):
    return client.get("/api/sounds", params={"verdict": "valid", "limit": 500, **filter_}).json()["sounds"]


def put(client, path, **body):
    response = client.put(f"/api/{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_a_rating_is_kept_shown_counted_and_taken_back(writer, own):
    sound = sounds(writer)[0]
    path = f"sounds/{sound['sound_id']}/rating"
    assert put(writer, path, rating="star") == {"before": {"rating": None, "note": ""}}
    assert put(writer, path, note="=1+1 <b>") == {"before": {"rating": "star", "note": ""}}
    assert read_ratings(own).rows() == [(sound["sound_id"], "star", "=1+1 <b>")]
    (row,) = sounds(writer, rating="star")
    assert (row["sound_id"], row["rating"], row["note"]) == (sound["sound_id"], "star", "=1+1 <b>")
    before = put(writer, path, rating=None, note=None)["before"]
    assert read_ratings(own).is_empty()
    put(writer, path, **before)
    assert read_ratings(own)["rating"].to_list() == ["star"]


@pytest.mark.parametrize("body", [{"rating": "best"}, {"note": "x" * 10_001}, {"unknown": 1}, {"rating": 3}])
def test_an_invalid_rating_changes_nothing(writer, own, body):
    response = writer.put(f"/api/sounds/{sounds(writer)[0]['sound_id']}/rating", json=body)
    assert response.status_code == 422
    assert read_ratings(own).is_empty()


def test_a_category_and_a_verdict_win_in_the_next_run(writer, own):
    one, other = sounds(writer)[:2]
    assert put(writer, f"sounds/{one['sound_id']}/category", value="bell", why="hear it") == {
        "before": {"value": None, "why": ""}
    }
    assert put(writer, f"sounds/{other['sound_id']}/verdict", value="corrupt") == {"before": {"value": None, "why": ""}}
    shown = {row["sound_id"]: row for row in sounds(writer)}
    assert shown[one["sound_id"]]["my_category"] == "bell"
    assert shown[other["sound_id"]]["my_verdict"] == "corrupt"
    assert run_job(own, ops={}).success
    labels = Tables(own).read("labeled_voices").filter(pl.col("sound_id") == one["sound_id"])
    verdicts = Tables(own).read("verdicts").filter(pl.col("sound_id") == other["sound_id"])
    assert (labels["category"].to_list(), verdicts["verdict"].to_list()) == (["bell"], ["corrupt"])
    assert put(writer, f"sounds/{one['sound_id']}/category", value=None) == {
        "before": {"value": "bell", "why": "hear it"}
    }


def test_a_value_that_does_not_exist_is_refused(writer, own):
    sound = sounds(writer)[0]
    response = writer.put(f"/api/sounds/{sound['sound_id']}/category", json={"value": "nonsense"})
    assert response.status_code == 409
    assert not own.labels.exists()


def test_a_collection_keeps_its_order_and_names_and_becomes_a_bank(writer, own, tmp_path):
    chosen = sounds(writer)[:40][::-1]
    chosen[0]["name"] = "FIRST"
    answer = put(writer, "collections/My best", voices=chosen)
    kept = read_collection(own, "My best")
    assert kept.version == answer["version"]
    assert kept.sound_ids() == [sound["sound_id"] for sound in chosen]
    bank = writer.post("/api/banks", json={"voices": chosen})
    path = tmp_path / "bank.syx"
    path.write_bytes(bank.content)
    assert len(bank.content) == 2 * 4104
    _, voices = inspect_files([path])
    assert voices["sound_id"].to_list()[:40] == [sound["sound_id"] for sound in chosen]
    assert voices["name"].to_list()[0] == "FIRST"
    assert writer.get("/api/collections").json() == [{"name": "My best", "voices": 40, "problem": ""}]


def test_a_collection_that_was_changed_elsewhere_is_not_overwritten(writer):
    first, second = sounds(writer)[:2]
    version = put(writer, "collections/Bank", voices=[first])["version"]
    put(writer, "collections/Bank", voices=[first, second], version=version)
    response = writer.put("/api/collections/Bank", json={"voices": [], "version": version})
    assert response.status_code == 409
    assert "changed" in response.json()["error"]
    assert len(writer.get("/api/collections/Bank").json()["voices"]) == 2


@pytest.mark.parametrize("name", ["..", "a%2Fb", "%00", "x" * 65, " x", "NUL"])
def test_a_name_that_is_no_name_of_a_file_is_refused(writer, own, name):
    response = writer.put(f"/api/collections/{name}", json={"voices": []})
    assert response.status_code in (404, 405, 409, 422)
    assert not list(own.root.rglob("*.csv"))


def test_a_collection_is_renamed_deleted_and_restored(writer, own):
    chosen = sounds(writer)[:3]
    put(writer, "collections/One", voices=chosen)
    assert writer.post("/api/collections/One/name", json={"new_name": "Two"}).json() == {"name": "Two"}
    before = writer.delete("/api/collections/Two").json()["voices"]
    assert writer.get("/api/collections").json() == []
    put(writer, "collections/Two", voices=before)
    assert read_collection(own, "Two").sound_ids() == [sound["sound_id"] for sound in chosen]


def test_a_voice_out_of_range_is_not_put_in_a_bank(writer):
    sound = sounds(writer)[0] | {"parameters": "ff" * 145}
    response = writer.post("/api/banks", json={"voices": [sound]})
    assert response.status_code == 409
    assert "op6_eg_rate_1" in response.json()["error"]
    assert writer.post("/api/banks", json={"voices": []}).status_code == 409


def test_a_dropped_file_is_read_as_the_intake_reads_it(writer, own):
    path = DEMO / "Keys" / "EPIANOS1.syx"
    found = writer.post("/api/files", content=path.read_bytes()).json()["voices"]
    _, voices = inspect_files([path])
    assert [voice["name"] for voice in found] == voices["name"].to_list()
    refused = writer.post("/api/files", content=b"just text")
    assert (refused.status_code, "text" in refused.json()["error"]) == (409, True)


def test_an_original_bank_is_shown_slot_by_slot(writer, own):
    dump = Tables(own).read("dumps").filter(pl.col("voices") == 32).row(0, named=True)
    found = writer.get(f"/api/dumps/{dump['sha256']}/{dump['offset']}").json()
    payload = np.frombuffer(dump["payload"], np.uint8).reshape(32, 128)
    names = [bytes(record[118:]).decode("ascii", "replace").rstrip() for record in payload]
    assert [voice["name"] for voice in found["voices"]] == names
    bank = writer.post("/api/banks", json={"voices": found["voices"]}).content
    assert bank[6:-2] == dump["payload"]
    assert writer.get("/api/dumps/" + "0" * 64 + "/0").status_code == 404


def test_the_places_of_a_sound_lead_to_its_banks(client):
    sound = sounds(client, q="E.PIANO 3")[0]
    place = client.get(f"/api/sounds/{sound['sound_id']}/evidence").json()["places"][0]
    bank = client.get(f"/api/dumps/{place['sha256']}/{place['offset']}").json()
    assert bank["voices"][place["slot"] - 1]["sound_id"] == sound["sound_id"]


def test_a_new_voice_that_is_in_no_file_is_rated_too(writer):
    sound = sounds(writer)[0]
    parameters = bytearray(bytes.fromhex(sound["parameters"]))
    parameters[0] ^= 1
    found = writer.post("/api/banks", json={"voices": [{"name": "NEW", "parameters": parameters.hex()}]})
    (new,) = [
        voice for voice in writer.post("/api/files", content=found.content).json()["voices"] if voice["name"] == "NEW"
    ]
    put(writer, f"sounds/{new['sound_id']}/rating", rating="keep", note="mine")
    row = writer.get(f"/api/sounds/{new['sound_id']}").json()["row"]
    assert (row["origin"], row["rating"], row["note"]) == ("made", "keep", "mine")


def test_a_collected_voice_is_known_after_a_restart(writer, own):
    sound = sounds(writer)[0]
    parameters = bytearray(bytes.fromhex(sound["parameters"]))
    parameters[0] ^= 1
    put(writer, "collections/Kept", voices=[{"name": "NEW", "parameters": parameters.hex()}])
    (sound_id,) = read_collection(own, "Kept").sound_ids()
    again = TestClient(create_app(own), base_url="http://localhost")
    assert again.get(f"/api/sounds/{sound_id}").json()["name"] == "NEW"
    assert again.put(f"/api/sounds/{sound_id}/rating", json={"rating": "keep"}).status_code == 200


def test_a_collection_is_deleted_only_as_it_was_read(writer):
    first, second = sounds(writer)[:2]
    version = put(writer, "collections/Bank", voices=[first])["version"]
    put(writer, "collections/Bank", voices=[first, second], version=version)
    assert writer.delete("/api/collections/Bank", params={"version": version}).status_code == 409
    assert writer.delete("/api/collections/Bank").status_code == 200
