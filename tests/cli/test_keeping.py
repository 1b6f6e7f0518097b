"""The commands rate and collection."""

import shutil

import numpy as np
import pytest

import deepdx_core as dx
from deepdx_core.home import Home
from deepdx_core.keeping.collections import list_collections, read_collection
from deepdx_core.keeping.ratings import read_ratings
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO
from tests.support.runs import run_job

BANK = DEMO / "Keys" / "EPIANOS1.syx"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("corpus"))
    shutil.copytree(DEMO / "Keys", home.inbox)
    assert run_job(home).success
    return home


@pytest.fixture
def own(corpus, monkeypatch, tmp_path):
    home = Home(shutil.copytree(corpus.root, tmp_path / "own"))
    monkeypatch.setenv("DEEPDX_HOME", str(home.root))
    return home


def test_a_voice_is_rated_by_name_and_id(own, capsys):
    with dx.load_corpus(own.root) as found:
        sound_id, name = found.sql(
            "SELECT sound_id, name FROM unique_voices ORDER BY files DESC, sound_id LIMIT 1"
        ).row(0)
    code, shown, _ = run_deepdx(capsys, "rate", sound_id[:8], "star", "--note", "bright, for leads")
    assert code == 0
    assert f"{name} {sound_id}: rated star; note kept" in shown
    assert "rated fine, before star" in run_deepdx(capsys, "rate", sound_id, "fine")[1]
    assert read_ratings(own).rows() == [(sound_id, "fine", "bright, for leads")]
    assert "your rating and note are removed" in run_deepdx(capsys, "rate", sound_id, "--clear")[1]
    assert read_ratings(own).is_empty()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["x"], 2), (["x", "superb"], 2), (["x", "star", "--clear"], 2), (["no such voice", "star"], 1)],
)
def test_a_wrong_rating_changes_nothing(own, capsys, arguments, code):
    assert run_deepdx(capsys, "rate", *arguments)[0] == code
    assert not own.ratings.exists()


def test_a_bank_becomes_a_collection_and_a_bank_again(own, capsys, tmp_path):
    assert "no collections yet" in run_deepdx(capsys, "collection", "list")[1]
    code, shown, _ = run_deepdx(capsys, "collection", "import", "My keys", BANK, DEMO / "Keys" / "CLAVS1.syx")
    assert (code, shown.split(";")[0].strip()) == (0, "My keys: 64 voices")
    assert "My keys" in run_deepdx(capsys, "collection", "list")[1]
    listed = run_deepdx(capsys, "collection", "show", "My keys")[1]
    assert all(voice in listed for voice in read_collection(own, "My keys").sound_ids())
    assert run_deepdx(capsys, "collection", "export", "My keys", "-o", tmp_path / "keys.syx")[0] == 0
    written = np.concatenate(
        [dx.read(path).select(PARAMETER_NAMES).to_numpy() for path in sorted(tmp_path.glob("*.syx"))]
    )
    assert np.array_equal(written, read_collection(own, "My keys").parameters)
    code, _, refused = run_deepdx(capsys, "collection", "export", "My keys", "-o", tmp_path / "keys.syx")
    assert (code, "exists already" in refused) == (1, True)
    code, _, refused = run_deepdx(capsys, "collection", "import", "my KEYS", BANK)
    assert (code, "there is a collection 'My keys' already; nothing was written (--force" in refused) == (1, True)
    assert run_deepdx(capsys, "collection", "import", "my KEYS", BANK, "--force")[0] == 1  # another name, the same file
    assert len(read_collection(own, "My keys")) == 64
    assert run_deepdx(capsys, "collection", "import", "My keys", BANK, "--force")[0] == 0
    assert len(read_collection(own, "My keys")) == 32
    assert run_deepdx(capsys, "collection", "delete", "My keys")[0] == 0
    assert list_collections(own) == []


def test_a_file_without_voices_makes_no_collection(own, capsys):
    code, _, refused = run_deepdx(capsys, "collection", "import", "x", DEMO / "From the net" / "noise.syx")
    assert (code, "0 legal voices" in refused) == (1, True)
    assert run_deepdx(capsys, "collection", "show", "../verdicts")[0] == 1
    assert list_collections(own) == []


def test_ratings_are_in_sql_at_once(own, capsys):
    with dx.load_corpus(own.root) as found:
        assert found.table("ratings").is_empty()
        sound_id = found.table("verdicts").filter(verdict="valid")["sound_id"][0]
    run_deepdx(capsys, "rate", sound_id, "star", "--note", "'; DROP TABLE ratings")
    query = "SELECT rating, note, verdict FROM ratings JOIN verdicts USING (sound_id)"
    assert run_deepdx(capsys, "sql", query, "--format", "csv")[1].splitlines()[1] == "star,'; DROP TABLE ratings,valid"


def test_doctor_names_what_cannot_be_read(own, capsys):
    run_deepdx(capsys, "collection", "import", "good", BANK)
    assert "1 collection" in run_deepdx(capsys, "doctor")[1]
    (own.collections / "bad.csv").write_text("sound_id,name\n")
    assert "bad.csv: the first line must be sound_id,name,voice" in run_deepdx(capsys, "doctor")[1].replace("\n", " ")
