"""Runs do only what is new: what each change makes them do again, and what they leave alone."""

import os
import shutil
from dataclasses import replace

import dagster as dg
import pytest
from typer.testing import CliRunner

from deepdx_core.database.snapshot import query
from deepdx_core.home import Home
from deepdx_core.intake.survey import survey
from deepdx_core.overrides import write_override
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_pipeline.cli.app import app
from deepdx_pipeline.definitions import build_defs
from deepdx_pipeline.inputs import ASSET_STEPS, SURVEYED, is_up_to_date
from tests.support.homes import damage_file
from tests.support.paths import DEMO
from tests.support.runs import WITHOUT_AUDIO, changed_assets, run_job

CORPUS = {*TABLES} - {*GENERATOR_TABLES} | {"corpus_database", "corpus_charts"}


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """A home after a run, and the history of its runs. Tests work on copies of the home."""
    home, history = Home(tmp_path_factory.mktemp("unchanged") / "home"), dg.DagsterInstance.ephemeral()
    home.inbox.mkdir(parents=True)
    for name in ("Keys/EPIANOS1.syx", "Mixed/MIXED1.syx"):
        shutil.copy(DEMO / name, home.inbox)
    assert run_job(home, instance=history).success
    return home, history


@pytest.fixture
def history(run_once):
    return run_once[1]


@pytest.fixture
def home(run_once, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPDX_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("deepdx_core.intake.inbox_index.RACY_NS", -(10**18))
    home = Home(tmp_path / "home")
    shutil.copytree(run_once[0].root, home.root, copy_function=shutil.copy2)
    survey(home.inbox).index.write(home.inbox_index)  # the copies have other inodes
    return home


def files(home):
    """Return inode and modification time of every file of a home except locks and the history."""
    kept = [path for path in home.root.iterdir() if path not in (home.locks, home.changes)]
    found = (path for top in kept for path in (top, *top.rglob("*")) if path.is_file())
    return {path.relative_to(home.root): (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def test_an_unchanged_run_says_so_and_rewrites_nothing(home, history):
    before = files(home)
    result = run_job(home, instance=history)
    assert result.success
    assert changed_assets(result) == set()
    assert files(home) == before
    # A few banks do not have enough of every label.
    assert {check.check_name for check in result.get_asset_check_evaluations() if not check.passed} == {
        "no_label_is_too_small"
    }


def test_an_unchanged_result_keeps_version_rows_and_metadata(home):
    def made(instance):
        events = run_job(home, instance=instance).get_asset_materialization_events()
        return {event.asset_key.to_user_string(): event.step_materialization_data.materialization for event in events}

    instance = dg.DagsterInstance.ephemeral()
    (home.tables / "families.parquet").unlink()
    first, second = made(instance), made(instance)
    for asset in ("families", "corpus_database"):
        assert second[asset].tags["dagster/data_version"] == first[asset].tags["dagster/data_version"]
        assert {**second[asset].metadata} == {**first[asset].metadata, "unchanged": dg.MetadataValue.bool(True)}
    assert first.keys() == second.keys()


def add_bank(home):
    shutil.copy(DEMO / "Mixed" / "MIXED2.syx", home.inbox)


def add_copy(home):
    shutil.copy(home.inbox / "MIXED1.syx", home.inbox / "copy.syx")


def add_text(home):
    (home.inbox / "readme.txt").write_text("hello")


def change_rules(home):
    home.rules.write_text('[rule.quiet]\nverdict = "note"\nreason = "quiet"\nwhen = "loudest_db < -1"\n')


def change_taxonomy(home):
    package = (DEMO.parents[1] / "deepdx_core" / "labels" / "taxonomy.toml").read_text()
    home.taxonomy.write_text(package + "\n# mine\n")


def override_verdict(home):
    (sound,) = query(home.database, "SELECT sound_id FROM verdicts WHERE verdict = 'valid' LIMIT 1")["sound_id"]
    write_override(home.verdicts, "verdict", VERDICTS, sound, "corrupt", "", lock=home.overrides_lock)


def lose_families(home):
    (home.tables / "families.parquet").unlink()


def damage_verdicts(home):
    damage_file(home.tables / "verdicts.parquet", "a flipped bit")


def lose_database(home):
    home.database.unlink()


def lose_plots(home):
    shutil.rmtree(home.plots / "corpus_charts")


def touch(home):
    for path in home.inbox.iterdir():
        os.utime(path)


def rename(home):
    (home.inbox / "MIXED1.syx").rename(home.inbox / "renamed.syx")


CHANGES = {
    add_bank: (CORPUS, {"audio_features", "converted_voices", "performances"}),
    add_copy: ({*SURVEYED, "labeled_voices", "corpus_database", "corpus_charts"}, set()),
    add_text: ({*SURVEYED, "decoded_voices", "labeled_voices", "corpus_database", "corpus_charts"}, set()),
    change_rules: (
        {"unique_voices", "verdicts", "sound_map", "labeled_voices", "corpus_database", "corpus_charts"},
        {"sound_map", "labeled_voices"},
    ),
    change_taxonomy: ({"labeled_voices"}, set()),
    override_verdict: (
        {
            "verdicts",
            "sound_map",
            "labeled_voices",
            "training_splits",
            "training_set",
            "corpus_database",
            "corpus_charts",
        },
        set(),
    ),
    lose_families: ({"families"}, set()),
    damage_verdicts: ({"verdicts"}, set()),
    lose_database: ({"corpus_database", "corpus_charts"}, set()),
    lose_plots: ({"corpus_charts"}, set()),
    touch: (set(), set()),
    rename: ({*SURVEYED, "labeled_voices", "corpus_database", "corpus_charts"}, set()),
}
"""By change: the assets that it makes a run do again, and those among them that it may not reach."""


def up_to_date(home, instance, ops=WITHOUT_AUDIO):
    return is_up_to_date(home, build_defs(home).resolve_job_def("refresh_corpus"), ops, instance)


FAST = (add_bank, change_rules, damage_verdicts)


@pytest.mark.parametrize(
    "change", [change if change in FAST else pytest.param(change, marks=pytest.mark.slow) for change in CHANGES]
)
def test_a_change_does_again_what_depends_on_it_and_only_that(home, history, change):
    assert up_to_date(home, history)
    change(home)
    assert not up_to_date(home, history)
    expected, optional = CHANGES[change]
    result = run_job(home, instance=history)
    assert result.success
    assert expected - optional <= changed_assets(result) <= expected
    assert up_to_date(home, history)


def test_there_is_something_to_do_for_another_configuration_or_without_a_history(home, history):
    assert not up_to_date(home, history, ops={})  # with audio
    assert not up_to_date(home, history, ops={"inbox_survey": {"config": {"verify": True}}})
    assert not up_to_date(home, dg.DagsterInstance.ephemeral())  # the UI would show no assets


def test_the_command_reads_every_file_again_on_request(home, monkeypatch):
    monkeypatch.setenv("DEEPDX_HOME", str(home.root))
    ran = CliRunner().invoke(app, ["run", "--without", "training", "--without", "audio", "--verify"])
    assert ran.exit_code == 0, ran.exception


def test_a_raised_code_version_or_another_release_does_the_asset_again(home, monkeypatch):
    step = ASSET_STEPS["families"]
    assert step.is_current(home)
    assert not replace(step, code_version="next").is_current(home)
    monkeypatch.setattr("deepdx_pipeline.inputs.release", lambda: "next")
    assert not step.is_current(home)


def test_rendering_after_a_run_without_it_and_back(home, history):
    instance = history
    assert "audio_features" in changed_assets(run_job(home, ops={}, instance=instance))
    rendered = Tables(home).path("audio_features").read_bytes()
    assert changed_assets(run_job(home, instance=instance)) <= {"audio_features"}
    assert up_to_date(home, instance)
    assert up_to_date(home, instance, ops={})
    assert Tables(home).path("audio_features").read_bytes() == rendered


def test_a_failed_check_is_evaluated_again(home, history, monkeypatch):
    from deepdx_core.dataset import splits

    instance = history
    shutil.copy(DEMO / "Mixed" / "MIXED2.syx", home.inbox)
    with monkeypatch.context() as patched:
        patched.setattr(splits, "leaks", lambda *tables: Tables(home).read("unique_voices"))
        assert not run_job(home, instance=instance).success
    assert run_job(home, instance=instance).success
