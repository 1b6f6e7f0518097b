"""Jobs, the sensor on the inbox and the files of the user, and the weekly schedule."""

import hashlib
import time
from collections.abc import Mapping
from itertools import takewhile

import dagster as dg

from deepdx_core.home import Home
from deepdx_core.intake.local_files import find_files
from deepdx_pipeline.defs.sources import source_versions, versions_of_run
from deepdx_pipeline.resources import HomeResource

_GENERATOR = dg.AssetSelection.groups("generator")
_EVALUATION = dg.AssetSelection.groups("evaluation")
_MODELS_IN_DATABASE = dg.AssetSelection.assets("models_in_database")

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all() - _EVALUATION,
    description="From the inbox to new banks.",
)
corpus = dg.define_asset_job(
    "corpus",
    selection=dg.AssetSelection.all() - _GENERATOR - _EVALUATION - _MODELS_IN_DATABASE,
    description="From the inbox to the training set and the database, without the model.",
)

evaluation = dg.define_asset_job(
    "evaluation",
    selection=_EVALUATION | _MODELS_IN_DATABASE,
    description="The champion beside real voices and baselines, by the protocol of evaluation: some minutes.",
)

_SETTLED_SECONDS = 2.0
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 60, 3600
_ATTEMPTS_COUNTED = 7  # the wait doubles with each, and is the longest by then

_VERSION_TAG = "deepdx/inbox_version"
_LAST_TABLE = "training_set"  # all others of the corpus come before it
_UNDER_WAY = [
    *(dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING),
    *(dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING),
]


@dg.sensor(
    job=corpus,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Updates the tables when the inbox, rules.toml, taxonomy.toml or your overrides change. "
    "A failed run is retried, each time after a longer wait.",
)
def inbox_sensor(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.RunRequest | dg.SkipReason:
    """Compare the files of the user with those that the last successful run has read, whoever started it."""
    versions = source_versions(home.paths)
    if versions == _up_to_date(context.instance):
        return dg.SkipReason("nothing new in the inbox")
    if _still_arriving(home.paths):
        return dg.SkipReason("files are still arriving")
    if context.instance.get_runs_count(dg.RunsFilter(statuses=_UNDER_WAY)):
        return dg.SkipReason("a run is under way")
    version = hashlib.sha256(" ".join(versions.values()).encode()).hexdigest()[:16]
    attempts = _attempts(context, version)
    if attempts and attempts[0].dagster_run.status is dg.DagsterRunStatus.CANCELED:
        return dg.SkipReason("the run was canceled; the next one starts when something changes")
    if attempts and (wait := _wait(attempts)) > 0:
        return dg.SkipReason(f"the run has failed; it is tried again in {wait:.0f} s, or when something changes")
    return dg.RunRequest(tags={_VERSION_TAG: version})


def _up_to_date(instance: dg.DagsterInstance) -> Mapping[str, str] | None:
    """Return the versions of the sources that the tables were made from, if the last run on them succeeded."""
    newest = instance.fetch_materializations(dg.AssetKey(_LAST_TABLE), limit=1).records
    run = instance.get_run_by_id(newest[0].run_id) if newest else None
    if run is None or run.status is not dg.DagsterRunStatus.SUCCESS:
        return None
    return versions_of_run(instance, run.run_id)


def _attempts(context: dg.SensorEvaluationContext, version: str) -> list[dg.RunRecord]:
    """The latest runs that this sensor asked for, as long as they were for the same version, the newest first."""
    own = dg.RunsFilter(tags={"dagster/sensor_name": context.sensor_name})
    records = context.instance.get_run_records(own, limit=_ATTEMPTS_COUNTED)
    return list(takewhile(lambda record: record.dagster_run.tags.get(_VERSION_TAG) == version, records))


def _wait(attempts: list[dg.RunRecord]) -> float:
    """Seconds until the next attempt, negative if it is due."""
    ended = float(attempts[0].end_time or attempts[0].update_timestamp.timestamp())
    return ended + min(_FIRST_WAIT_SECONDS << (len(attempts) - 1), _LONGEST_WAIT_SECONDS) - time.time()


def _still_arriving(home: Home) -> bool:
    """Whether a file changed within the last moments, as one that is being copied does."""

    now = time.time()
    for path in find_files(home.inbox):
        try:
            if 0 <= now - path.lstat().st_mtime < _SETTLED_SECONDS:
                return True
        except OSError:
            return True  # gone since it was listed
    return False


weekly_retraining = dg.ScheduleDefinition(
    name="weekly_retraining",
    job=everything,
    cron_schedule="0 4 * * 1",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays at four: trains anew if there are voices that the model has not seen.",
)
