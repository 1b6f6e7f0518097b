"""What runs together, and what runs by itself: jobs, the sensor on the inbox, the weekly schedule."""

import hashlib
import time
from itertools import takewhile

import dagster as dg

from deepdx_pipeline.assets.sources import inbox_version, overrides_version, versions_of_run
from deepdx_pipeline.resources import Workspace

TRAINED = dg.AssetSelection.groups("generator")

JUDGED = dg.AssetSelection.assets("model_evaluation")

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all() - JUDGED,
    description="From the inbox to new banks.",
)
corpus = dg.define_asset_job(
    "corpus",
    selection=dg.AssetSelection.all() - TRAINED,
    description="From the inbox to the splits and the database, without the model.",
)

evaluation = dg.define_asset_job(
    "evaluation",
    selection=JUDGED | dg.AssetSelection.assets("models_in_database"),
    description="The model judged by the protocol of evaluation, beside real voices and baselines: some minutes.",
)

_SETTLED_SECONDS = 2.0
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 60, 3600
_ATTEMPTS_COUNTED = 7  # the wait doubles with each, and is the longest by then

_VERSION_TAG = "deepdx/inbox_version"
_LAST_TABLE = "training_splits"  # all others of the corpus come before it
_UNDER_WAY = [
    *(dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING),
    *(dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING),
]


@dg.sensor(
    job=corpus,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Brings the tables up to date when something in the inbox changes, or in the files of your overrides. "
    "A run that failed is tried again, each time after a longer wait.",
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, workplace: dg.ResourceParam[Workspace]
) -> dg.RunRequest | dg.SkipReason:
    """Compare inbox and overrides with what the last successful run has read, whoever started it."""
    versions = inbox_version(workplace), overrides_version(workplace)
    if versions == _up_to_date(context.instance):
        return dg.SkipReason("nothing new in the inbox")
    if _still_arriving(workplace):
        return dg.SkipReason("files are still arriving")
    if context.instance.get_runs_count(dg.RunsFilter(statuses=_UNDER_WAY)):
        return dg.SkipReason("a run is under way")
    version = hashlib.sha256(" ".join(versions).encode()).hexdigest()[:16]
    attempts = _attempts(context, version)
    if attempts and attempts[0].dagster_run.status is dg.DagsterRunStatus.CANCELED:
        return dg.SkipReason("the run was canceled; the next one starts when something changes")
    if attempts and (wait := _wait(attempts)) > 0:
        return dg.SkipReason(f"the run has failed; it is tried again in {wait:.0f} s, or when something changes")
    return dg.RunRequest(tags={_VERSION_TAG: version})


def _up_to_date(instance: dg.DagsterInstance) -> tuple[str, str] | None:
    """The versions of inbox and overrides that the tables were made from, if the last run on them ended well."""
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


def _still_arriving(workplace: Workspace) -> bool:
    """Whether a file changed within the last moments, as one that is being copied does."""
    from deepdx_core.intake.local_files import find_files

    now = time.time()
    for path in find_files(workplace.home.inbox):
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
