"""The sensor on the inbox: when it requests a run, and when it retries a failed one."""

import os
import threading
import time

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from deepdx_core.codec.writer import write_bank
from deepdx_core.settings import UISettings
from deepdx_pipeline.defs import sensors
from deepdx_pipeline.defs.sources import source_versions
from deepdx_pipeline.resources import HomeResource
from tests.support.voices import random_voices

inbox_sensor = sensors.inbox_sensor(UISettings())


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.job
def corpus():
    pass


def tick(home, instance):
    resources = {"home": HomeResource(root=str(home.root))}
    with dg.build_sensor_context(instance, resources=resources, sensor_name=inbox_sensor.name) as context:
        return inbox_sensor(context)


def skip_reason(home, instance):
    skipped = tick(home, instance)
    assert isinstance(skipped, dg.SkipReason)
    return skipped.skip_message


def report(instance, run, event):
    instance.report_dagster_event(dg.DagsterEvent(event.value, "corpus", message=""), run.run_id)


def start_run(instance, request):
    """Create the run that the daemon creates for a request."""
    tags = request.tags | {"dagster/sensor_name": inbox_sensor.name}
    location = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="deepdx")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "corpus")
    return instance.create_run_for_job(corpus, tags=tags, remote_job_origin=origin)


END = {
    "SUCCESS": dg.DagsterEventType.RUN_SUCCESS,
    "FAILURE": dg.DagsterEventType.RUN_FAILURE,
    "CANCELED": dg.DagsterEventType.RUN_CANCELED,
}


def finish_run(home, instance, run, end="SUCCESS", last_table="training_set"):
    """Record the events of a run of the job `corpus`."""
    report(instance, run, dg.DagsterEventType.RUN_START)
    materializations = [
        dg.AssetMaterialization(source, tags={"dagster/data_version": version})
        for source, version in source_versions(home).items()
    ]
    if end == "SUCCESS":
        materializations.append(dg.AssetMaterialization(last_table))
    for materialization in materializations:
        event = dg.DagsterEvent(
            dg.DagsterEventType.ASSET_MATERIALIZATION.value,
            "corpus",
            event_specific_data=StepMaterializationData(materialization),
        )
        instance.report_dagster_event(event, run.run_id)
    report(instance, run, END[end])


def add_bank(home, name="new.syx"):
    bank = home.inbox / name
    bank.write_bytes(write_bank(*random_voices(32)))
    os.utime(bank, (time.time() - 60, time.time() - 60))
    return bank


def test_a_new_home_gets_a_run(home, instance):
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_after_a_success_no_run_is_requested_until_something_changes(home, instance):
    finish_run(home, instance, start_run(instance, tick(home, instance)))
    assert "nothing new" in skip_reason(home, instance)
    bank = add_bank(home)
    finish_run(home, instance, start_run(instance, tick(home, instance)))
    assert "nothing new" in skip_reason(home, instance)
    # A return to an earlier state is a change too.
    bank.unlink()
    assert isinstance(tick(home, instance), dg.RunRequest)
    finish_run(home, instance, start_run(instance, tick(home, instance)))
    home.verdicts.parent.mkdir(exist_ok=True)
    home.verdicts.write_text("sound_id,verdict,why\n")
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_a_run_from_the_command_line_counts(home, instance):
    add_bank(home)
    finish_run(home, instance, instance.create_run_for_job(corpus))
    assert "nothing new" in skip_reason(home, instance)


def test_a_run_of_other_tables_does_not_count(home, instance):
    finish_run(home, instance, instance.create_run_for_job(corpus), last_table="raw_files")
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_no_run_is_requested_while_files_are_still_arriving(home, instance):
    bank = add_bank(home)
    os.utime(bank)
    copying = threading.Timer(0.5, lambda: os.utime(add_bank(home, "second.syx")))
    copying.start()
    assert "still arriving" in skip_reason(home, instance)
    copying.join()


def test_a_look_waits_until_files_have_arrived(home, instance):
    os.utime(add_bank(home))
    started = time.time()
    assert isinstance(tick(home, instance), dg.RunRequest)
    assert time.time() - started > 1


STARTED = dg.DagsterEventType.RUN_START


@pytest.mark.parametrize(
    "events",
    [
        [],
        [dg.DagsterEventType.RUN_ENQUEUED],
        [dg.DagsterEventType.RUN_STARTING],
        [STARTED],
        [STARTED, dg.DagsterEventType.RUN_CANCELING],
    ],
)
def test_no_run_is_requested_while_one_is_queued_or_in_progress(home, instance, events):
    run = start_run(instance, tick(home, instance))
    for event in events:
        report(instance, run, event)
    assert "in progress" in skip_reason(home, instance)


def test_no_run_is_requested_while_one_from_the_command_line_is_in_progress(home, instance):
    report(instance, instance.create_run_for_job(corpus), STARTED)
    assert "in progress" in skip_reason(home, instance)


@pytest.fixture
def later(monkeypatch):
    """A function that moves the clock forward by seconds."""
    passed, clock = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: clock() + passed[0])

    def move(seconds):
        passed[0] += seconds

    return move


def test_a_failed_run_is_retried_after_longer_and_longer_waits(home, instance, later):
    for wait in (60, 120, 240, 480, 960, 1920, 3600, 3600, 3600):
        finish_run(home, instance, start_run(instance, tick(home, instance)), "FAILURE")
        assert "the run failed" in skip_reason(home, instance)
        later(wait - 10)
        assert "the run failed" in skip_reason(home, instance)
        later(11)


def test_after_a_failure_a_change_starts_a_run_at_once(home, instance):
    finish_run(home, instance, start_run(instance, tick(home, instance)), "FAILURE")
    assert "the run failed" in skip_reason(home, instance)
    home.rules.write_text("")
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_a_canceled_run_is_not_retried_until_something_changes(home, instance, later):
    finish_run(home, instance, start_run(instance, tick(home, instance)), "CANCELED")
    later(100_000)
    assert "canceled" in skip_reason(home, instance)
    add_bank(home)
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_a_success_without_the_last_table_is_retried_after_a_wait(home, instance):
    finish_run(home, instance, start_run(instance, tick(home, instance)), last_table="raw_files")
    assert "next attempt in" in skip_reason(home, instance)


def test_the_version_of_the_inbox_does_not_depend_on_its_path(home, tmp_path):
    from deepdx_core.home import Home

    add_bank(home)
    before = source_versions(home)["inbox"]
    home.root.rename(tmp_path / "moved")
    assert source_versions(Home(tmp_path / "moved"))["inbox"] == before


def test_unreadable_user_files_do_not_stop_the_sensor(home, instance):
    home.rules.mkdir()
    os.mkfifo(home.taxonomy)
    assert isinstance(tick(home, instance), dg.RunRequest)
