"""What runs together, and what runs by itself: jobs, the sensor on the inbox, the weekly schedule."""

import time

import dagster as dg

from deepdx_core.intake.survey import inbox_files
from deepdx_pipeline.assets.sources import inbox_event, inbox_version, opinions_event, opinions_version
from deepdx_pipeline.resources import Workplace

TRAINED = dg.AssetSelection.groups("generator")

JUDGED = dg.AssetSelection.assets("model_evaluation")

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.all() - JUDGED,
    description="From the inbox to new banks. What did not change is not done again.",
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


@dg.sensor(
    job=corpus,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Brings the tables up to date when something in the inbox changes, or in the files of your opinions.",
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, workplace: dg.ResourceParam[Workplace]
) -> dg.SensorResult | dg.SkipReason:
    """Compare inbox and opinions with what they were at the last run that this sensor asked for."""
    version = f"{inbox_version(workplace)} {opinions_version(workplace)}"
    # The cursor, not a run key: a run key would swallow a return to an earlier state.
    if version == context.cursor:
        return dg.SkipReason("nothing new in the inbox")
    if _still_arriving(workplace):
        return dg.SkipReason("files are still arriving")
    return dg.SensorResult(
        run_requests=[dg.RunRequest()],
        cursor=version,
        asset_events=[inbox_event(workplace), opinions_event(workplace)],
    )


def _still_arriving(workplace: Workplace) -> bool:
    """Whether a file changed within the last moments, as one that is being copied does."""
    now = time.time()
    for path in inbox_files(workplace.home.inbox):
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
