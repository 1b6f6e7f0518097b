"""Sensors: the inbox and the user's other files."""

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import takewhile

import dagster as dg

from deepdx_core.home import Home
from deepdx_core.intake.local_files import find_files
from deepdx_core.settings import UISettings
from deepdx_pipeline.defs.jobs import REFRESH_CORPUS
from deepdx_pipeline.defs.sources import versions_of_run
from deepdx_pipeline.inputs import source_versions
from deepdx_pipeline.resources import HomeResource

_LONGEST_WAIT_IN_A_LOOK = 5.0  # seconds
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 60, 3600
_MAX_ATTEMPTS_COUNTED = 7  # the wait doubles with each attempt, and reaches its maximum by then

_VERSION_TAG = "deepdx/inbox_version"
_LAST_TABLE = "training_set"  # all other tables of the corpus are upstream of it
_NOT_FINISHED = [
    *(dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING),
    *(dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING),
]


def inbox_sensor(settings: UISettings) -> dg.SensorDefinition:
    """Return the sensor of the inbox and the user's other files."""

    @dg.sensor(
        name="inbox_sensor",
        job_name=REFRESH_CORPUS,
        minimum_interval_seconds=settings.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Updates the tables when the inbox, rules.toml, taxonomy.toml or your overrides change. "
        "A failed run is retried, each time after a longer wait.",
    )
    def look(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.RunRequest | dg.SkipReason:
        return _request_run(context, home, settings.settle_seconds)

    return look


def _request_run(
    context: dg.SensorEvaluationContext, home: HomeResource, settle_seconds: float
) -> dg.RunRequest | dg.SkipReason:
    """Request a run if the user's files differ from those that the last successful run read, however it was started."""
    versions = source_versions(home.paths)
    if versions == versions_of_tables(context.instance):
        return dg.SkipReason("nothing new in the inbox")
    if not _wait_until_settled(home.paths, settle_seconds):
        return dg.SkipReason("files are still arriving")
    versions = source_versions(home.paths)
    if context.instance.get_runs_count(dg.RunsFilter(statuses=_NOT_FINISHED)):
        return dg.SkipReason("a run is in progress")
    version = hashlib.sha256(" ".join(versions.values()).encode()).hexdigest()[:16]
    attempts = _attempts(context, version)
    if attempts and attempts[0].dagster_run.status is dg.DagsterRunStatus.CANCELED:
        return dg.SkipReason("the run was canceled; the next one starts when something changes")
    if attempts and (wait := _seconds_to_wait(attempts)) > 0:
        return dg.SkipReason(f"the run failed; next attempt in {wait:.0f} s, or when something changes")
    return dg.RunRequest(tags={_VERSION_TAG: version})


def versions_of_tables(instance: dg.DagsterInstance) -> Mapping[str, str] | None:
    """Return the source versions that the tables were computed from, or None if the run that wrote them failed."""
    newest = instance.fetch_materializations(dg.AssetKey(_LAST_TABLE), limit=1).records
    run = instance.get_run_by_id(newest[0].run_id) if newest else None
    if run is None or run.status is not dg.DagsterRunStatus.SUCCESS:
        return None
    return versions_of_run(instance, run.run_id)


def _attempts(context: dg.SensorEvaluationContext, version: str) -> list[dg.RunRecord]:
    """Return the runs that this sensor requested for a version since it last requested another, newest first."""
    own = dg.RunsFilter(tags={"dagster/sensor_name": context.sensor_name})
    records = context.instance.get_run_records(own, limit=_MAX_ATTEMPTS_COUNTED)
    return list(takewhile(lambda record: record.dagster_run.tags.get(_VERSION_TAG) == version, records))


def _seconds_to_wait(attempts: list[dg.RunRecord]) -> float:
    """Return the seconds until the next attempt, negative if it is due."""
    ended = float(attempts[0].end_time or attempts[0].update_timestamp.timestamp())
    return ended + min(_FIRST_WAIT_SECONDS << (len(attempts) - 1), _LONGEST_WAIT_SECONDS) - time.time()


def _wait_until_settled(home: Home, settle_seconds: float) -> bool:
    """Return False if a file changed within the last seconds: it may still be being copied.

    A short wait is waited for here: new files are in the tables sooner than after the next look.
    """
    newest = _newest_change(home)
    wait = newest + settle_seconds - time.time()
    if wait > settle_seconds:  # a time in the future says nothing
        return True
    if 0 < wait <= _LONGEST_WAIT_IN_A_LOOK:
        time.sleep(wait)
        return _newest_change(home) == newest
    return wait <= 0


def _newest_change(home: Home) -> float:
    times = [0.0]
    for path in find_files(home.inbox):
        with suppress(OSError):  # gone since it was listed
            times.append(path.lstat().st_mtime)
    return max(times)
