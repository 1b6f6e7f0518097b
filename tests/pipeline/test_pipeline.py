"""The pipeline in Dagster: definitions, jobs run in process, plots, sensor and schedule."""

import base64
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib import resources

import dagster as dg
import numpy as np
import polars as pl
import pytest
from matplotlib.image import imread

from deepdx_core.codec.reader import read
from deepdx_core.codec.writer import write_bank
from deepdx_core.database.snapshot import query
from deepdx_core.evaluation.protocol import BASELINES, REAL_HALF, REAL_OTHER
from deepdx_core.gan.config import GanConfig
from deepdx_core.generation.model import WEIGHTS, save_model
from deepdx_core.generation.registry import model_folder
from deepdx_core.generation.training import model_fingerprint
from deepdx_core.overrides import write_override
from deepdx_core.settings import SettingsError, load_settings
from deepdx_core.state.store import open_state
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_core.writer.config import WriterConfig
from deepdx_pipeline.definitions import build_defs
from deepdx_pipeline.defs import generator, schedules
from deepdx_pipeline.defs.evaluation import FILTERED_MUTATION
from deepdx_pipeline.defs.jobs import op_configs
from deepdx_pipeline.instance import PROCESS_TAGS, open_instance
from deepdx_pipeline.lineage import LINEAGE
from deepdx_pipeline.plots import Plots, curves
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.source_code import web_address
from tests.support.other_synths import dx7ii_file, four_operator_file
from tests.support.paths import DEMO, ROOT
from tests.support.toy_models import blank_model
from tests.support.voices import random_voices

CORPUS_TABLES = set(TABLES) - set(GENERATOR_TABLES)


READERS = {
    "inbox": ("raw_files", "dumps", "synth_messages"),
    "rules": ("unique_voices", "verdicts", "models", "generated_banks", "model_evaluation"),
    "taxonomy": ("labeled_voices", "voice_model", "models", "model_evaluation"),
    "overrides": ("verdicts", "labeled_voices"),
}
"""The assets that read each source."""


def small_training(**settings):
    """Return the run config of a training that takes seconds but generates acceptable voices."""
    small = {"steps": 30, "batch_size": 16, "width": 16, "depth": 1, "heads": 2, "learning_rate": 0.03}
    small |= {"dropout": 0.0, "ema_decay": 0.9, "written": 200, "mixed": False, "threads": 1}
    return {"ops": {"voice_model": {"config": small | settings}}}


def run(home, job="refresh_corpus", run_config=None):
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return (
        build_defs(home)
        .resolve_job_def(job)
        .execute_in_process(
            instance=dg.DagsterInstance.ephemeral(), raise_on_error=False, run_config=quiet | (run_config or {})
        )
    )


def materializations(result):
    return {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
    }


@pytest.fixture
def banks(home):
    """A home with some banks of the demo corpus, voices of other synths and a text file in its inbox."""
    for name in ("Keys/EPIANOS1.syx", "Mixed/MIXED1.syx"):
        shutil.copy(DEMO / name, home.inbox)
    for number, bank in enumerate(sorted((DEMO / "Backup").iterdir())):
        shutil.copy(bank, home.inbox / f"{number}-{bank.name}")
    (home.inbox / "readme.txt").write_text("hello")
    (home.inbox / "tx81z.syx").write_bytes(four_operator_file(8))
    (home.inbox / "dx7ii.syx").write_bytes(dx7ii_file(*random_voices(32, seed=1)))
    return home


def test_assets_jobs_and_checks_are_defined():
    repository = build_defs().get_repository_def()
    assert {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()} == {
        "inbox",
        "rules",
        "taxonomy",
        "overrides",
        *TABLES,
        "corpus_database",
        "corpus_charts",
        "models_in_database",
        "voice_model",
        "generated_banks",
    }
    assert {job.name for job in repository.get_all_jobs()} >= {
        "everything",
        "refresh_corpus",
        "train",
        "generate_bank",
        "evaluate",
    }
    checks = {(key.asset_key.to_user_string(), key.name) for key in repository.asset_graph.asset_check_keys}
    assert checks == {
        *((table, "fits_its_schema") for table in TABLES),
        ("corpus_database", "funnel_adds_up"),
        ("training_splits", "every_sound_in_one_split"),
        ("training_splits", "splits_do_not_leak"),
        ("training_splits", "families_stay_together"),
        ("labeled_voices", "most_sounds_have_a_label"),
        ("labeled_voices", "no_label_is_too_small"),
        ("labeled_voices", "labels_do_not_drift"),
    }


def test_each_asset_depends_on_the_assets_before_it():
    graph = build_defs().get_repository_def().asset_graph
    line = [
        "inbox",
        "dumps",
        "decoded_voices",
        "unique_voices",
        "audio_features",
        "families",
    ]
    line += ["verdicts", "labeled_voices", "training_splits", "training_set", "voice_model", "models"]
    flow = list(itertools.pairwise(line))
    flow += [("models", leaf) for leaf in ("generated_banks", "realness", "model_evaluation")]
    flow += [("training_set", "corpus_database")]
    flow += [(source, reader) for source, assets in READERS.items() for reader in assets]
    for upstream, downstream in flow:
        assert dg.AssetKey(upstream) in graph.get(dg.AssetKey(downstream)).parent_keys


def test_the_corpus_job_writes_every_table_and_the_database(banks):
    result = run(banks)
    assert result.success
    for table in CORPUS_TABLES:
        assert Tables(banks).path(table).is_file(), table
        made = materializations(result)[table]
        assert made.metadata["dagster/row_count"].value == len(Tables(banks).read(table))
        assert made.metadata["dagster/row_count"].value > 0
        schema = build_defs(banks).get_repository_def().asset_graph.get(dg.AssetKey(table)).metadata
        assert len(schema["dagster/column_schema"].columns) == len(TABLES[table].column_names())
        assert made.metadata["path"].path == str(Tables(banks).path(table))
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) == len(CORPUS_TABLES) + 7
    # A few banks do not have enough of every label.
    assert {e.check_name for e in evaluations if not e.passed} <= {"no_label_is_too_small"}
    assert banks.database.is_file()
    assert not banks.models.exists()


@pytest.mark.slow
def test_the_job_everything_leads_from_the_inbox_to_new_banks(banks):
    result = run(banks, "everything", run_config=small_training())
    assert result.success
    made = sorted(banks.banks.iterdir())
    assert len(made) == 8
    for path in made:
        (segment,) = read(path.read_bytes()).segments
        assert (segment.voices, segment.checksum) == (32, "right")
    tables = Tables(banks)
    (champion,) = tables.read("models").iter_rows(named=True)
    assert (champion["role"], champion["reason"]) == ("champion", "the first")
    model = materializations(result)["voice_model"]
    assert model.metadata["model"].text == champion["model_id"]
    assert model.metadata["trained"].text == "in this run"
    assert {"losses", "c2st"} <= model.metadata.keys()
    assert {path.name for path in banks.models.iterdir()} == {champion["model_id"], "training"}
    assert not list((banks.models / "training").iterdir())  # the checkpoint is deleted
    realness = tables.read("realness")
    assert set(realness["sound_id"]) == set(tables.read("training_set")["sound_id"])
    assert realness["model_id"].unique().to_list() == [champion["model_id"]]
    assert len(query(banks.database, "FROM least_real")) == len(realness)

    # The same voices, settings and code: the model is kept, and everything downstream is the same bytes.
    kept = [*made, *(tables.path(table) for table in ("models", "realness"))]
    before = [path.read_bytes() for path in kept]
    again = run(banks, "everything", run_config=small_training())
    assert again.success
    assert materializations(again)["voice_model"].metadata["trained"].text.startswith("earlier")
    version = "dagster/data_version"
    assert materializations(again)["voice_model"].tags[version] == model.tags[version]
    assert [path.read_bytes() for path in kept] == before

    # Another seed gives a challenger, and the table records the winner and the reason.
    assert run(banks, "everything", run_config=small_training(seed=1)).success
    rows = {row["model_id"]: row for row in tables.read("models").iter_rows(named=True)}
    (challenger,) = rows.keys() - {champion["model_id"]}
    assert rows[challenger]["against"] == champion["model_id"]
    if rows[challenger]["role"] == "champion":
        assert rows[champion["model_id"]]["reason"] == f"{challenger} took its place"
    else:
        assert rows[challenger]["reason"].startswith("worse than the champion in ")
        assert rows[champion["model_id"]] == champion
    (winner,) = (model_id for model_id, row in rows.items() if row["role"] == "champion")
    assert tables.read("realness")["model_id"].unique().to_list() == [winner]


@pytest.mark.slow
def test_a_gan_is_trained_by_the_same_job_and_judged_like_a_writer(banks):
    gan = {"steps": 150, "batch_size": 16, "width": 8, "written": 200}
    config = {"ops": {"voice_model": {"config": {"model": "gan", "gan": gan}}}}
    result = run(banks, "everything", run_config=config)
    assert result.success
    tables = Tables(banks)
    (champion,) = tables.read("models").iter_rows(named=True)
    assert (champion["kind"], champion["role"], champion["steps"]) == ("gan", "champion", 150)
    assert champion["validation_loss"] is None
    metadata = materializations(result)["voice_model"].metadata
    assert (metadata["model"].text, metadata["kind"].text) == (champion["model_id"], "gan")
    assert {"losses", "c2st"} <= metadata.keys()
    assert len(list(banks.banks.iterdir())) == 8
    assert len(tables.read("realness"))

    order = {"ops": {"order": {"config": {"model": "gan", "count": 3, "output": "by-gan.syx"}}}}
    assert run(banks, "generate_bank", run_config=order).success
    assert (banks.banks / "by-gan.syx").is_file()
    order["ops"]["order"]["config"] |= {"novelty": 2.0, "output": "new.syx"}
    assert not run(banks, "generate_bank", run_config=order).success

    # A writer is its challenger, and the schedule trains with the settings of whichever won.
    assert run(banks, "train", run_config=small_training()).success
    rows = {row["role"]: row for row in tables.read("models").iter_rows(named=True)}
    assert {row["kind"] for row in rows.values()} == {"gan", "writer"}
    settings = schedules.champion_settings(banks)
    assert settings["model"] == rows["champion"]["kind"]


def test_the_schedule_trains_with_the_settings_of_the_champion(banks):
    open_state(banks, print)
    assert schedules.champion_settings(banks) == {}
    row = {"model_id": "0" * 16, "judged": 1, "role": "champion", "reason": "the first", "kind": "writer"}
    row["config"] = WriterConfig(width=64, steps=9).to_json()
    Tables(banks).write("models", pl.DataFrame([row], schema=TABLES["models"].create_empty().schema))
    config = voice_model_of_schedule(banks)
    depth = WriterConfig().depth
    assert (config["model"], config["width"], config["steps"], config["depth"]) == ("writer", 64, 9, depth)
    row |= {"kind": "gan", "config": json.dumps({"width": 9, "of another version": 1})}
    Tables(banks).write("models", pl.DataFrame([row], schema=TABLES["models"].create_empty().schema))
    config = voice_model_of_schedule(banks)
    assert (config["model"], config["gan"]["width"], config["gan"]["steps"]) == ("gan", 9, 2000)


def voice_model_of_schedule(home):
    """Return the configuration of `voice_model` in the run that the schedule requests, which is a valid one."""
    defs = build_defs(home)
    resources = {"home": HomeResource(root=str(home.root))}
    with dg.build_schedule_context(resources=resources) as context:
        (request,) = defs.schedules[0].evaluate_tick(context).run_requests
    assert dg.validate_run_config(defs.resolve_job_def("everything"), request.run_config)
    return request.run_config["ops"]["voice_model"]["config"]


@pytest.mark.slow
def test_a_model_is_kept_and_a_damaged_one_is_trained_again(banks):
    assert run(banks).success
    resource = HomeResource(root=str(banks.root))
    config = small_training(steps=2)
    settings = WriterConfig.from_json(json.dumps(config["ops"]["voice_model"]["config"]))
    fingerprint = model_fingerprint(generator.read_splits(resource), settings)
    old = blank_model()
    folder = model_folder(banks, fingerprint)
    save_model(folder, replace(old, summary=old.summary.model_copy(update={"fingerprint": fingerprint})))

    def train():
        made = dg.materialize([generator.voice_model], resources={"home": resource}, run_config=config)
        return materializations(made)["voice_model"].metadata

    kept = train()
    assert (kept["model"].text, kept["trained"].text[:7]) == (folder.name, "earlier")
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)
    assert train()["trained"].text == "in this run"
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).mkdir()
    trained = train()
    assert (trained["model"].text, trained["trained"].text) == (fingerprint[:16], "in this run")
    assert train()["trained"].text[:7] == "earlier"


def test_every_label_gets_a_distinct_and_safe_file_name():
    labels = ("Pads", "pads", "R&B/Soul", "../../up", "..", "a" * 300, "Ärger")
    names = generator.bank_file_names(labels)
    assert len({name.lower() for name in names}) == len(labels)
    assert all(name.endswith(".syx") and "/" not in name and not name.startswith(".") for name in names)
    assert names[:3] == ["pads.syx", "pads-2.syx", "r&b-soul.syx"]
    assert max(map(len, names)) < 100


@pytest.mark.parametrize("count", [1, 2, 300])
def test_curves_are_visible_in_plot_and_preview_whatever_the_number_of_points(count, tmp_path):
    figure = curves(pl.DataFrame({"step": range(count), "loss": [float(n) for n in range(count)]}), "step", "Bits")
    shown = Plots(tmp_path / "asset").metadata("losses", figure)
    encoded = shown["losses"].md_str.partition("base64,")[2].removesuffix(")")
    assert len(encoded) < 12_000  # events stay in Dagster's storage for good
    path = tmp_path / "asset" / "losses.png"
    assert shown["losses_file"].path == str(path)
    for file, width in ((path, 770), (io.BytesIO(base64.b64decode(encoded)), 315)):
        pixels = imread(file, format="png")[..., :3]
        assert pixels.shape[1] == width
        left_of_the_legend = pixels[:, : width * 5 // 7]
        assert (np.ptp(left_of_the_legend, axis=2) > 0.3).sum() > width // 40


def test_column_lineage_refers_to_columns_of_upstream_tables():
    graph = build_defs().get_repository_def().asset_graph
    assert LINEAGE.keys() == TABLES.keys() - {"raw_files", "dumps", "synth_messages"}
    for table, columns in LINEAGE.items():
        upstream = {key.to_user_string() for key in graph.get(dg.AssetKey(table)).parent_keys}
        assert columns.keys() <= {*TABLES[table].column_names(), "*"}
        for names in columns.values():
            for name in names:
                other, column = name.split(".")
                assert other in upstream, (table, name)
                assert column in TABLES[other].column_names(), (table, name)


def test_every_asset_has_group_kinds_owner_code_references_and_code_version():
    graph = build_defs().get_repository_def().asset_graph
    sources = {"inbox", "rules", "taxonomy", "overrides"}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name != "default", key
        assert node.kinds, key
        assert node.owners == ["team:deepdx"], key
        (reference,) = node.metadata["dagster/code_references"].code_references
        place = getattr(reference, "file_path", None) or reference.url
        assert "deepdx_pipeline/defs/" in place, key
        if key.to_user_string() not in {*sources, "corpus_database", "corpus_charts", "models_in_database"}:
            assert node.code_version, key


def test_assets_record_the_versions_of_the_sources_they_depend_on(banks):
    made = materializations(run(banks))
    for source, assets in READERS.items():
        for asset in set(assets) & made.keys():
            recorded = made[asset].tags[f"dagster/input_data_version/{source}"]
            assert recorded == made[source].tags["dagster/data_version"], (source, asset)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/someone/deepdx.git", "https://github.com/someone/deepdx"),
        ("https://user:secret@example.org:8443/group/deepdx", "https://example.org:8443/group/deepdx"),
        ("git@gitlab.com:group/deepdx.git", "https://gitlab.com/group/deepdx"),
        ("/srv/git/deepdx.git", ""),
        ("file:///srv/git/deepdx", ""),
        ("", ""),
    ],
)
def test_web_addresses_of_remotes_hold_no_password(remote, address):
    assert web_address(remote) == address


@pytest.mark.slow
def test_the_champion_is_evaluated_beside_baselines(banks):
    assert run(banks, "everything", run_config=small_training()).success
    protocol = {"ops": {"model_evaluation": {"config": {"gan_steps": 100, "render": False}}}}
    result = run(banks, "evaluate", run_config=protocol)
    assert result.success
    rows = Tables(banks).read("model_evaluation")
    others = ["GAN of the blog", FILTERED_MUTATION, "writer and critic"]
    assert rows["generator"].to_list() == [REAL_HALF, REAL_OTHER, *BASELINES, *others]
    assert rows["judged_on"].unique().to_list() == ["test"]
    assert rows["fit_seconds"].is_null().to_list() == [True, True, *[False] * (len(BASELINES) + 2), True]
    assert len(query(banks.database, "FROM model_evaluation")) == len(rows)


def test_invalid_training_settings_fail_with_their_name(banks):
    with pytest.raises(dg.DagsterInvalidConfigError, match="widht"):
        run(banks, "everything", run_config=small_training(widht=7))
    result = run(banks, "everything", run_config=small_training(dropout=1.5))
    (failure,) = result.get_step_failure_events()
    assert "dropout" in failure.step_failure_data.error.cause.message


def test_every_setting_has_a_default_and_a_description_in_the_launchpad():
    fields = generator.voice_model.op.config_schema.config_type.fields
    of_gan = fields["gan"].config_type.fields
    assert fields.keys() - {"model", "gan"} == WriterConfig.model_fields.keys()
    assert fields["model"].default_value == "writer"
    for settings, own in ((WriterConfig, fields), (GanConfig, of_gan)):
        for name, setting in settings.model_fields.items():
            assert own[name].description, name
            assert own[name].default_value == setting.default, name
    banks = generator.generated_banks.op.config_schema.config_type.fields
    assert banks.keys() == {"seed", "temperature", "novelty", "choices", "by_ear", "avoid_copies"}
    assert all(field.description and field.default_provided for field in banks.values())


def test_an_incremental_run_equals_a_cold_one(banks, tmp_path):
    run(banks)
    (banks.inbox / "new.syx").write_bytes(write_bank(*random_voices(32, seed=11)))
    next(banks.inbox.glob("0-*")).unlink()
    assert run(banks).success
    cold = type(banks)(tmp_path / "cold")
    shutil.copytree(banks.inbox, cold.inbox)
    assert run(cold).success
    for table in CORPUS_TABLES - {"training_splits", "training_set"}:  # earlier assignments are kept
        assert Tables(cold).path(table).read_bytes() == Tables(banks).path(table).read_bytes(), table


def test_a_second_run_moves_no_sound_to_another_split(banks):
    run(banks)
    tables = Tables(banks)
    before = tables.read("training_splits").filter("in_corpus")
    for number, bank in enumerate(sorted((DEMO / "Orchestra").iterdir())):
        shutil.copy(bank, banks.inbox / f"late-{number}-{bank.name}")
    assert run(banks).success
    after = tables.read("training_splits")
    assert len(after) > len(before)
    assert len(before.join(after, on=["sound_id", "split", "reason"])) == len(before)


def test_a_user_verdict_overrides_the_rules(banks):
    run(banks)
    tables = Tables(banks)
    splits = tables.read("training_splits")
    sound_id = splits["sound_id"][0]
    lock = banks.overrides_lock
    write_override(banks.verdicts, "verdict", VERDICTS, sound_id, "corrupt", "I do not like it", lock=lock)
    result = run(banks)
    assert result.success
    row = tables.read("verdicts").row(by_predicate=pl.col("sound_id") == sound_id, named=True)
    assert (row["verdict"], row["decided_by"], row["why"]) == ("corrupt", "user", "I do not like it")
    assert sound_id not in tables.read("labeled_voices")["sound_id"]
    assert not tables.read("training_splits").filter(pl.col("sound_id") == sound_id)["in_corpus"].item()
    assert materializations(result)["verdicts"].metadata["by_the_user"].value == 1


@pytest.mark.slow
def test_a_user_label_overrides_the_evidence_and_a_user_taxonomy_replaces_the_default(banks):
    run(banks)
    tables = Tables(banks)
    sound_id = tables.read("labeled_voices").filter(pl.col("label") != "Perc")["sound_id"][0]
    write_override(banks.labels, "category", ["bell"], sound_id, "bell", "", lock=banks.overrides_lock)
    assert run(banks).success
    row = tables.read("labeled_voices").row(by_predicate=pl.col("sound_id") == sound_id, named=True)
    assert (row["category"], row["label"], row["decided_by"], row["confidence"]) == ("bell", "Perc", "user", 1.0)
    own = resources.files("deepdx_core.labels") / "taxonomy.toml"
    banks.taxonomy.write_text(own.read_text().replace('"Perc"', '"Struck"'))
    assert run(banks).success
    assert "Struck" in tables.read("labeled_voices")["label"]
    assert "Perc" not in tables.read("labeled_voices")["label"]


@pytest.mark.slow
def test_drifting_labels_fail_their_check(banks):
    with dg.DagsterInstance.ephemeral() as instance:
        for number in range(2):
            quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            job = build_defs(banks).resolve_job_def("refresh_corpus")
            result = job.execute_in_process(instance=instance, run_config=quiet)
            (drift,) = (e for e in result.get_asset_check_evaluations() if e.check_name == "labels_do_not_drift")
            assert drift.passed == (number == 0)
            for bank in sorted((DEMO / "Orchestra").iterdir()):
                shutil.copy(bank, banks.inbox)


def test_without_audio_nothing_is_rendered_and_the_rest_is_done(banks):
    config = {"ops": {"audio_features": {"config": {"render": False}}}}
    assert run(banks, run_config=config).success
    tables = Tables(banks)
    assert tables.read("audio_features").is_empty()
    assert not tables.read("verdicts")["heard"].any()


def test_an_unchanged_inbox_gives_the_same_data_versions(banks):
    first, second = (materializations(run(banks)) for _ in range(2))
    versions = [{name: made.tags["dagster/data_version"] for name, made in run_.items()} for run_ in (first, second)]
    tables = [{name: version for name, version in run_.items() if name in TABLES} for run_ in versions]
    assert tables[0] == tables[1]


def test_a_modified_table_fails_its_check(banks):
    run(banks)
    tables = Tables(banks)
    labels = tables.read("labeled_voices").with_columns(confidence=pl.lit(7.0, dtype=pl.Float32))
    labels.write_parquet(tables.path("labeled_voices"))
    defs = build_defs(banks)
    check = dg.AssetCheckKey(dg.AssetKey("labeled_voices"), "fits_its_schema")
    job = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        resources=defs.resources,
        jobs=[dg.define_asset_job("one_check", selection=dg.AssetSelection.checks(check))],
    ).resolve_job_def("one_check")
    result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert "does not match its checksum" in evaluation.metadata["reason"].text


def test_an_empty_inbox_gives_empty_tables_and_training_fails_with_advice(home):
    assert run(home).success
    result = run(home, "everything", run_config=small_training())
    assert not result.success
    (failure,) = (event for event in result.get_step_failure_events())
    assert failure.step_key == "voice_model"
    assert "there are no train voices: add banks with `deepdx add`" in failure.step_failure_data.error.message


def test_names_cannot_act_as_markup_in_the_ui(home):
    parameters, names = random_voices(32)
    names[:] = list(b"<b>|x](y) ")
    (home.inbox / "evil.syx").write_bytes(write_bank(parameters, names))
    shown = materializations(run(home))["unique_voices"].metadata["commonest"].md_str
    assert "<b>" not in shown
    assert "](y" not in shown
    assert "&#60;b&#62;&#124;x&#93;(y) |" in shown
    assert shown.count("\n") == 1 + 15  # header, rule and 15 rows: no name broke its row


def test_the_schedule_retrains_weekly_unless_the_settings_say_otherwise(banks):
    def parts():
        defs = build_defs(banks)
        return defs.schedules[0], next(sensor for sensor in defs.sensors if sensor.name == "inbox_sensor")

    schedule, sensor = parts()
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 4 * * 1", "UTC")
    assert schedule.job_name == "everything"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    banks.settings.write_text(
        '[ui]\nretraining = false\nretraining_cron = "5 0 1 * *"\nretraining_timezone = "Europe/Berlin"\n'
        "sensor_seconds = 60\n"
    )
    schedule, sensor = parts()
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("5 0 1 * *", "Europe/Berlin")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert sensor.minimum_interval_seconds == 60
    banks.settings.write_text('[ui]\nretraining_cron = "5 0 1 * monday-ish"\n')
    with pytest.raises(SettingsError, match=r"ui\.retraining_cron: '5 0 1 \* monday-ish' is not a cron expression"):
        build_defs(banks)


def test_jobs_take_their_configuration_from_the_settings(banks):
    banks.settings.write_text("[run]\naudio = false\n[training]\nwidth = 64\nsteps = 7\n[banks]\nseed = 5\n")
    job = build_defs(banks).resolve_job_def("everything")
    ops = job.run_config["ops"]
    assert ops["audio_features"]["config"] == {"render": False}
    training = ops["voice_model"]["config"]
    assert (training["width"], training["steps"], training["depth"]) == (64, 7, WriterConfig().depth)
    assert ops["generated_banks"]["config"]["seed"] == 5
    assert (
        op_configs(load_settings(banks.settings), "everything", {"voice_model": {"steps": 9}})["voice_model"][
            "config"
        ].items()
        >= {"width": 64, "steps": 9}.items()
    )


@pytest.mark.slow
def test_a_run_after_a_killed_one_succeeds(banks):
    environment = os.environ | {"DEEPDX_HOME": str(banks.root)}
    command = [sys.executable, "-m", "deepdx_pipeline.cli", "run", "--without", "training"]
    killed = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, cwd=ROOT)
    for line in killed.stderr:
        if b"decoded_voices" in line:
            break
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not banks.database.exists()
    subprocess.run(command, env=environment, cwd=ROOT, check=True, timeout=120)
    assert banks.database.is_file()
    with open_instance(banks) as instance:
        assert sorted(made.status.value for made in instance.get_runs()) == ["FAILURE", "SUCCESS"]


def test_descriptions_have_no_indented_lines_which_the_ui_would_show_as_code():
    graph = build_defs().get_repository_def().asset_graph
    shown = [graph.get(key).description or "" for key in graph.get_all_asset_keys()]
    assert any("\n" in text for text in shown)
    assert not [text for text in shown if "\n    " in text]


def test_a_run_is_tagged_with_the_process_that_executes_it(home):
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_defs(home).resolve_job_def("refresh_corpus")
        result = job.execute_in_process(instance=instance, raise_on_error=False)
        assert instance.get_run_by_id(result.run_id).tags.items() >= PROCESS_TAGS.items()
