"""Voices of other synths in a run: sounds of their own, apart from DX7 voices in splits unless a setting says so."""

import json
import shutil

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_bank
from deepdx_core.database.funnel import funnel, funnel_by_source, gaps
from deepdx_core.database.snapshot import Snapshot, query
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.home import Home
from deepdx_core.intake.survey import survey
from deepdx_core.settings import load_settings
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES
from deepdx_pipeline.cli.app import app
from deepdx_pipeline.defs.jobs import REFRESH_CORPUS, op_configs
from tests.support.homes import damage_file
from tests.support.other_synths import dx7ii_file, four_operator_file, sy77_file
from tests.support.paths import DEMO
from tests.support.runs import WITHOUT_AUDIO, changed_assets, run_job

WITH_CONVERTED = WITHOUT_AUDIO | {"training_splits": {"config": {"converted": True}}}


@pytest.fixture(scope="module")
def voices():
    known = decode_dumps(survey(DEMO / "Mixed").dumps).filter("valid").unique("sound_id").sort("sound_id").head(32)
    return known.select(PARAMETER_NAMES).to_numpy(), text_to_names(known["name"].to_list())


@pytest.fixture(scope="module")
def runs(tmp_path_factory, voices):
    """Homes after runs: of a DX7 and a DX7II bank, and of these with an SY77 and a 4-operator bank beside them."""
    homes = [Home(tmp_path_factory.mktemp(name) / "home") for name in ("alone", "mixed")]
    for home in homes:
        home.inbox.mkdir(parents=True)
        (home.inbox / "dx7.syx").write_bytes(write_bank(*voices))
        (home.inbox / "dx7ii.syx").write_bytes(dx7ii_file(*voices, mono=1))
    (homes[1].inbox / "SY").mkdir()
    (homes[1].inbox / "SY" / "sy77.syx").write_bytes(sy77_file(*voices))
    (homes[1].inbox / "tx81z.syx").write_bytes(four_operator_file(8))
    assert all(run_job(home).success for home in homes)
    return homes


@pytest.fixture
def alone(runs):
    return Tables(runs[0])


@pytest.fixture
def mixed(runs):
    return Tables(runs[1])


@pytest.fixture
def copied(runs, tmp_path):
    home = Home(tmp_path / "home")
    shutil.copytree(runs[1].root, home.root, copy_function=shutil.copy2)
    return home


def test_dx7_voices_are_what_they_are_without_the_others(alone, mixed):
    for table in ("decoded_voices", "supplements", "performances", "training_splits"):
        assert alone.path(table).read_bytes() == mixed.path(table).read_bytes(), table
    before, after = (
        tables.read("families").select("sound_id", "functional_id", "family_id") for tables in (alone, mixed)
    )
    assert before.equals(after.join(before, on="sound_id", how="semi"))
    dx7 = mixed.read("unique_voices").filter(~pl.col("converted"))
    assert dx7.select("sound_id", *PARAMETER_NAMES).equals(
        alone.read("unique_voices").select("sound_id", *PARAMETER_NAMES)
    )
    assert not alone.read("unique_voices")["converted"].any()


def test_converted_voices_are_labeled_sounds_in_no_split(mixed):
    converted = mixed.read("unique_voices").filter("converted")
    assert len(converted) > 30
    labeled = mixed.read("labeled_voices").join(converted, on="sound_id", how="semi")
    assert len(labeled) > 30
    assert mixed.read("training_splits").join(converted, on="sound_id", how="semi").is_empty()
    assert mixed.read("training_set").join(converted, on="sound_id", how="semi").is_empty()


def test_the_funnel_counts_conversions(mixed, runs):
    with Snapshot(runs[1].database) as corpus:
        rows, sources = funnel(corpus), funnel_by_source(corpus)
        assert gaps(rows, corpus) == []
        assert gaps(rows.filter(pl.col("step") != "conversions"), corpus) != []
    counts = {(step, outcome): count for step, outcome, count in rows.iter_rows()}
    converted = mixed.read("unique_voices").filter("converted")
    assert counts["conversions", "unique"] == len(converted)
    in_no_split = mixed.read("labeled_voices").join(converted, on="sound_id", how="semi")
    assert counts["splits", "none: converted"] == len(in_no_split)
    by_source = dict(sources.select("source", "converted").iter_rows())
    assert by_source["SY"] + by_source["(loose files)"] == len(converted)


def test_views_name_sources_losses_and_performances(mixed, runs):
    database = runs[1].database
    places = query(database, "SELECT synth, count(*) AS n FROM voice_sources GROUP BY ALL ORDER BY ALL")
    assert dict(places.iter_rows()) == {"4-operator": 32, "DX7": 64, "SY77": 32}
    lost = query(database, "SELECT DISTINCT lost FROM losses WHERE synth = 'DX7II'")
    assert lost["lost"].to_list() == ["key mode"]
    in_table = mixed.read("converted_voices")["losses"].list.len().sum()
    assert len(query(database, "FROM losses WHERE synth <> 'DX7II'")) == in_table > 0
    played = query(database, "SELECT name, voice_a FROM dx7ii_performances ORDER BY number")
    assert played.row(3) == ("PERFORMANCE 00000003", 3)
    assert query(database, "FROM tx802_performances").is_empty() and query(database, "FROM tx7_performances").is_empty()


def test_explain_says_what_a_voice_was_converted_from_and_lost(mixed, runs, monkeypatch):
    monkeypatch.setenv("DEEPDX_HOME", str(runs[1].root))
    name, sound_id = mixed.read("converted_voices").filter(synth="4-operator").select("name", "sound_id").row(0)
    text = CliRunner().invoke(app, ["explain", name]).output
    assert "converted from 4-operator; lost: pitch bend range" in text
    assert "Split: none, since it is converted from another synth" in text
    found = json.loads(CliRunner().invoke(app, ["explain", sound_id, "--json"]).output)
    assert found["converted"] and found["places"][0]["synth"] == "4-operator"


@pytest.mark.slow
def test_the_setting_splits_converted_voices_and_splits_last(copied):
    copied.settings.write_text("[run]\nconverted = true\n")
    assert op_configs(load_settings(copied.settings), REFRESH_CORPUS)["training_splits"] == {
        "config": {"converted": True}
    }
    tables = Tables(copied)
    assert run_job(copied, ops=WITH_CONVERTED).success
    splits = tables.read("training_splits")
    labeled = tables.read("labeled_voices")
    assert splits.filter("in_corpus")["sound_id"].to_list() == sorted(labeled["sound_id"])
    assert tables.read("training_set")["sound_id"].to_list() == sorted(labeled["sound_id"])
    copied.settings.unlink()
    assert run_job(copied).success
    apart = tables.read("training_splits")
    assert apart.drop("in_corpus").equals(splits.drop("in_corpus"))
    converted = tables.read("unique_voices").filter("converted")
    assert not apart.join(converted, on="sound_id", how="semi")["in_corpus"].any()
    assert run_job(copied, ops=WITH_CONVERTED).success
    again = tables.read("training_splits").select("sound_id", "split")
    assert again.equals(splits.select("sound_id", "split"))


@pytest.mark.slow
def test_a_file_that_goes_takes_its_rows_with_it(copied, alone):
    shutil.rmtree(copied.inbox / "SY")
    (copied.inbox / "tx81z.syx").unlink()
    assert run_job(copied).success
    tables = Tables(copied)
    assert tables.read("converted_voices").is_empty()
    for table in ("synth_messages", "unique_voices", "families", "labeled_voices", "training_set"):
        assert tables.path(table).read_bytes() == alone.path(table).read_bytes(), table


@pytest.mark.slow
@pytest.mark.parametrize("how", ["a flipped bit", "deleted", "other columns"])
def test_damaged_messages_are_read_again(copied, mixed, how):
    tables, history = Tables(copied), dg.DagsterInstance.ephemeral()
    damage_file(tables.path("synth_messages"), how)
    result = run_job(copied, instance=history)
    assert result.success
    assert tables.path("synth_messages").read_bytes() == mixed.path("synth_messages").read_bytes()
    assert tables.path("converted_voices").read_bytes() == mixed.path("converted_voices").read_bytes()
    assert changed_assets(run_job(copied, instance=history)) == set()
