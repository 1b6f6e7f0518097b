"""New voices by the API, with a GAN as the champion."""

import polars as pl
import pytest

from deepdx_core.generation.model import save_model
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import INDEX
from tests.support.toy_models import blank_model, trained_gan

GAN, WRITER = "a" * 16, "b" * 16


@pytest.fixture
def champion(own):
    """A GAN as the champion. Returns a function that adds a beaten writer."""
    rows = [{"model_id": GAN, "judged": 1, "role": "champion", "reason": "the first", "kind": "gan", "c2st": 0.9}]
    schema = TABLES["models"].create_empty().schema
    save_model(own.models / GAN, trained_gan())
    Tables(own).write("models", pl.DataFrame(rows, schema=schema))

    def add_writer():
        rows.append({"model_id": WRITER, "judged": 2, "role": "beaten", "reason": "", "kind": "writer", "c2st": 0.8})
        save_model(own.models / WRITER, blank_model())
        Tables(own).write("models", pl.DataFrame(rows, schema=schema))

    return add_writer


def test_a_gan_makes_voices_of_a_label(writer, champion):
    made = writer.post("/api/voices", json={"label": "High", "count": 2}).json()
    assert len(made["voices"]) == 2


def test_variations_need_a_writer_beside_a_gan(writer, champion):
    sound_id = writer.get("/api/sounds").json()["sounds"][0]["sound_id"]
    wish = {"like": sound_id, "count": 2, "strength": 0.5}
    refused = writer.post("/api/voices", json=wish)
    assert refused.status_code >= 400
    assert "no writer yet" in refused.text
    champion()
    made = writer.post("/api/voices", json=wish)
    assert made.status_code == 200, made.text
    assert len(made.json()["voices"]) == 2


def test_values_and_taste_are_conditions_like_any_other(writer, champion):
    made = writer.post("/api/voices", json={"set": {"feedback": 6}, "algorithm": 3, "count": 2})
    assert made.status_code == 200, made.text
    voices = [bytes.fromhex(voice["parameters"]) for voice in made.json()["voices"]]
    assert {(voice[INDEX["feedback"]], voice[INDEX["algorithm"]]) for voice in voices} == {(6, 2)}
    refused = writer.post("/api/voices", json={"to_taste": True, "count": 2})
    assert refused.status_code >= 400
    assert "0 ratings" in refused.text
    for number, sound in enumerate(writer.get("/api/sounds", params={"limit": 10}).json()["sounds"]):
        writer.put(f"/api/sounds/{sound['sound_id']}/rating", json={"rating": "star" if number < 5 else "skip"})
    assert writer.post("/api/voices", json={"to_taste": True, "count": 2}).status_code == 200
