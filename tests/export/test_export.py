"""deepdx export: the folder holds the tables, in the same bytes each time, and replaces nothing but an export."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
import soundfile
from typer.testing import CliRunner

import deepdx_core as dx
from deepdx_core.errors import DeepDXError
from deepdx_core.export.clips import Clips
from deepdx_core.export.folder import CHECKSUMS, dataset_rows, export_dataset
from deepdx_core.files import EXISTS, OutputError
from deepdx_core.home import Home
from deepdx_core.tables.storage import MissingTableError, Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES
from deepdx_pipeline.cli.app import app
from tests.support.homes import file_contents
from tests.support.paths import DEMO, ROOT
from tests.support.runs import run_job


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A home with the tables of a few banks of the demo corpus."""
    home = Home(tmp_path_factory.mktemp("corpus"))
    for bank in ("Keys/EPIANOS1.syx", "Keys/EPIANOS2.syx"):
        target = home.inbox / bank
        target.parent.mkdir(parents=True, exist_ok=True)
        source = DEMO / bank
        if source.is_file():
            target.write_bytes(source.read_bytes())
    run_job(home)
    return home


def test_the_export_holds_the_training_set_by_split(corpus, tmp_path):
    done = export_dataset(corpus, tmp_path / "ds")
    rows = dataset_rows(Tables(corpus))
    assert sum(done.voices.values()) == len(rows) > 20
    parts = {split: pl.read_parquet(tmp_path / "ds" / "data" / f"{split}.parquet") for split in done.voices}
    assert pl.concat(parts.values()).sort("sound_id").equals(rows)
    assert {split: len(part) for split, part in parts.items()} == done.voices
    families = [set(part["family_id"]) for part in parts.values()]
    assert not set.intersection(*families)
    training_set = Tables(corpus).read("training_set").sort("sound_id")
    assert rows["label"].to_list() == training_set["label"].to_list()
    assert (np.array(rows["parameters"].to_list()) == training_set.select(PARAMETER_NAMES).to_numpy()).all()
    names = [entry["name"] for entry in json.loads((tmp_path / "ds" / "parameters.json").read_text())]
    assert names == list(PARAMETER_NAMES)


def test_the_card_lists_every_file_and_the_dictionary_every_column(corpus, tmp_path):
    export_dataset(corpus, tmp_path / "ds")
    card = (tmp_path / "ds" / "README.md").read_text()
    front = card.split("---")[1]
    for split in ("train", "validation", "test"):
        path = tmp_path / "ds" / "data" / f"{split}.parquet"
        assert (f"path: data/{split}.parquet" in front) == (len(pl.read_parquet(path)) > 0)
    assert "config_name: audio" not in front
    dictionary = (tmp_path / "ds" / "dictionary.md").read_text()
    assert all(f"| {column} | " in dictionary for column in dataset_rows(Tables(corpus)).columns)
    checksums = dict(line.split("  ")[::-1] for line in (tmp_path / "ds" / CHECKSUMS).read_text().splitlines())
    found = file_contents(tmp_path / "ds")
    assert checksums.keys() | {CHECKSUMS} == {str(path) for path in found}
    assert all(
        hashlib.sha256((tmp_path / "ds" / name).read_bytes()).hexdigest() == digest
        for name, digest in checksums.items()
    )


def test_clips_are_those_of_the_engine(corpus, tmp_path, compiled_engine):
    clips = Clips(notes=(48, 72), velocities=(90,), seconds=0.5, held=0.3)
    done = export_dataset(corpus, tmp_path / "ds", clips)
    rows = dataset_rows(Tables(corpus))
    assert done.clips == 2 * len(rows)
    shards = sorted((tmp_path / "ds" / "audio").glob("*.parquet"))
    found = pl.concat([pl.read_parquet(path) for path in shards])
    assert len(found) == done.clips and set(found["note"]) == {48, 72}
    own = found.filter(pl.col("note") == 72).row(0, named=True)
    samples, rate = soundfile.read(io.BytesIO(own["audio"]["bytes"]), dtype="float32")
    parameters = np.array(rows.filter(pl.col("sound_id") == own["sound_id"])["parameters"].to_list(), np.uint8)
    (expected,) = dx.render(parameters, 72, 90, 0.5, 0.3)
    assert rate == 44_100
    assert samples * own["peak"] == pytest.approx(expected, abs=own["peak"] / 16_000)
    assert "config_name: audio" in (tmp_path / "ds" / "README.md").read_text()
    assert "| peak | " in (tmp_path / "ds" / "dictionary.md").read_text()


def test_the_same_corpus_gives_the_same_bytes(corpus, tmp_path, compiled_engine):
    clips = Clips(seconds=0.2, held=0.1)
    for name in ("one", "two"):
        export_dataset(corpus, tmp_path / name, clips)
    assert file_contents(tmp_path / "one") == file_contents(tmp_path / "two")


def test_only_an_export_is_replaced_and_only_on_request(corpus, tmp_path):
    folder = tmp_path / "ds"
    folder.mkdir()
    export_dataset(corpus, folder)  # an empty folder is free
    with pytest.raises(OutputError, match=re.escape(EXISTS)):
        export_dataset(corpus, folder)
    export_dataset(corpus, folder, force=True)
    (folder / "mine.txt").write_text("mine")
    before = file_contents(folder)
    with pytest.raises(OutputError, match="holds other files, such as mine"):
        export_dataset(corpus, folder, force=True)
    assert file_contents(folder) == before


@pytest.mark.parametrize("what", ["file", "link"])
def test_a_file_or_a_link_in_the_way_is_left_alone(corpus, tmp_path, what):
    folder = tmp_path / "ds"
    if what == "file":
        folder.write_text("mine")
    else:
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="not a folder"):
        export_dataset(corpus, folder, force=True)
    assert folder.is_symlink() or folder.read_text() == "mine"


def test_a_failure_leaves_nothing(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("deepdx_core.export.folder.card", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_dataset(corpus, tmp_path / "ds")
    assert not list(tmp_path.iterdir())


def test_before_the_first_run_there_is_nothing_to_export(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "home"))
    refused = CliRunner().invoke(app, ["export", str(tmp_path / "ds")])
    assert isinstance(refused.exception, MissingTableError) and isinstance(refused.exception, DeepDXError)
    assert not (tmp_path / "ds").exists()


def test_names_of_other_people_stay_out_of_the_card(corpus, tmp_path):
    rows = Tables(corpus).read("unique_voices")
    hostile = "<b>|`x`"
    Tables(corpus).write("unique_voices", rows.with_columns(name=pl.lit(hostile)))
    try:
        export_dataset(corpus, tmp_path / "ds")
    finally:
        Tables(corpus).write("unique_voices", rows)
    assert hostile not in (tmp_path / "ds" / "README.md").read_text()
    assert set(pl.read_parquet(tmp_path / "ds" / "data" / "train.parquet")["name"]) == {hostile}


def test_the_command_prints_counts_and_refuses_clips_without_audio(corpus, tmp_path):
    command = [sys.executable, "-m", "deepdx_pipeline.cli", "export", "ds"]
    environment = os.environ | {"DEEPDX_HOME": str(corpus.root), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "voices: train " in done.stdout, done.stderr
    refused = CliRunner().invoke(app, ["export", str(tmp_path / "other"), "--note", "60"])
    assert refused.exit_code == 2
