"""The sensor on the inbox: when it asks for a run, and how often for one that fails."""

import os
import time

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from deepdx_core.codec.writer import write_bank
from deepdx_pipeline import automation
from deepdx_pipeline.defs.sources import read_events, source_versions
from deepdx_pipeline.resources import HomeResource
from tests.support.voices import random_voices


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.job
def corpus():
    pass


def tick(home, instance):
    resources = {"home": HomeResource(root=str(home.root))}
    with dg.build_sensor_context(instance, resources=resources, sensor_name=automation.inbox_sensor.name) as context:
        return automation.inbox_sensor(context)


def why_not(home, instance):
    skipped = tick(home, instance)
    assert isinstance(skipped, dg.SkipReason)
    return skipped.skip_message


def report(instance, run, event):
    instance.report_dagster_event(dg.DagsterEvent(event.value, "corpus", message=""), run.run_id)


def asked(instance, request):
    """The run that the daemon makes of a request."""
    tags = request.tags | {"dagster/sensor_name": automation.inbox_sensor.name}
    location = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="deepdx")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "corpus")
    return instance.create_run_for_job(corpus, tags=tags, remote_job_origin=origin)


END = {
    "SUCCESS": dg.DagsterEventType.RUN_SUCCESS,
    "FAILURE": dg.DagsterEventType.RUN_FAILURE,
    "CANCELED": dg.DagsterEventType.RUN_CANCELED,
}


def carried_out(home, instance, run, end="SUCCESS", last_table="training_set"):
    """Record what a run of the job `corpus` records."""
    report(instance, run, dg.DagsterEventType.RUN_START)
    materializations = list(read_events(home, "inbox", "rules", "taxonomy", "overrides"))
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


def test_a_new_home_is_brought_up_to_date(home, instance):
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_after_a_success_nothing_is_asked_until_something_changes(home, instance):
    carried_out(home, instance, asked(instance, tick(home, instance)))
    assert "nothing new" in why_not(home, instance)
    bank = add_bank(home)
    carried_out(home, instance, asked(instance, tick(home, instance)))
    assert "nothing new" in why_not(home, instance)
    # A return to an earlier state is a change too.
    bank.unlink()
    assert isinstance(tick(home, instance), dg.RunRequest)
    carried_out(home, instance, asked(instance, tick(home, instance)))
    home.verdicts.parent.mkdir(exist_ok=True)
    home.verdicts.write_text("sound_id,verdict,why\n")
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_a_run_from_the_command_line_counts_as_well(home, instance):
    add_bank(home)
    carried_out(home, instance, instance.create_run_for_job(corpus))
    assert "nothing new" in why_not(home, instance)


def test_a_run_of_other_tables_does_not_count(home, instance):
    carried_out(home, instance, instance.create_run_for_job(corpus), last_table="raw_files")
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_files_that_are_still_arriving_are_waited_for(home, instance):
    bank = add_bank(home)
    os.utime(bank)
    assert "still arriving" in why_not(home, instance)


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
def test_nothing_is_asked_while_a_run_is_queued_or_under_way(home, instance, events):
    run = asked(instance, tick(home, instance))
    for event in events:
        report(instance, run, event)
    assert "under way" in why_not(home, instance)


def test_nothing_is_asked_while_a_run_from_the_command_line_is_under_way(home, instance):
    report(instance, instance.create_run_for_job(corpus), STARTED)
    assert "under way" in why_not(home, instance)


@pytest.fixture
def later(monkeypatch):
    """Moves the clock forward, by seconds."""
    passed, clock = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: clock() + passed[0])

    def move(seconds):
        passed[0] += seconds

    return move


def test_a_run_that_fails_is_tried_again_after_longer_and_longer_waits(home, instance, later):
    for wait in (60, 120, 240, 480, 960, 1920, 3600, 3600, 3600):
        carried_out(home, instance, asked(instance, tick(home, instance)), "FAILURE")
        assert "has failed" in why_not(home, instance)
        later(wait - 10)
        assert "has failed" in why_not(home, instance)
        later(11)


def test_after_a_failure_a_change_is_answered_at_once(home, instance):
    carried_out(home, instance, asked(instance, tick(home, instance)), "FAILURE")
    assert "has failed" in why_not(home, instance)
    home.rules.write_text("")
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_a_run_that_was_canceled_waits_for_a_change(home, instance, later):
    carried_out(home, instance, asked(instance, tick(home, instance)), "CANCELED")
    later(100_000)
    assert "canceled" in why_not(home, instance)
    add_bank(home)
    assert isinstance(tick(home, instance), dg.RunRequest)


def test_a_success_that_left_the_tables_behind_is_not_repeated_for_ever(home, instance):
    carried_out(home, instance, asked(instance, tick(home, instance)), last_table="raw_files")
    assert "tried again in" in why_not(home, instance)


def test_a_home_elsewhere_has_the_same_version_of_its_inbox(home, tmp_path):
    from deepdx_core.home import Home

    add_bank(home)
    before = source_versions(home)["inbox"]
    home.root.rename(tmp_path / "moved")
    assert source_versions(Home(tmp_path / "moved"))["inbox"] == before


def test_overrides_that_cannot_be_read_do_not_stop_the_sensor(home, instance):
    home.rules.mkdir()
    os.mkfifo(home.taxonomy)
    assert isinstance(tick(home, instance), dg.RunRequest)
