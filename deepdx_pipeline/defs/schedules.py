"""Schedules: the retraining."""

import dagster as dg

from deepdx_core.settings import SettingsError, UISettings
from deepdx_pipeline.defs.jobs import EVERYTHING


def weekly_retraining(settings: UISettings) -> dg.ScheduleDefinition:
    """Return the schedule of the retraining. Raises SettingsError if its cron expression is not one."""
    running = dg.DefaultScheduleStatus.RUNNING if settings.retraining else dg.DefaultScheduleStatus.STOPPED
    try:
        return dg.ScheduleDefinition(
            name="weekly_retraining",
            job_name=EVERYTHING,
            cron_schedule=settings.retraining_cron,
            execution_timezone=settings.retraining_timezone,
            default_status=running,
            description="Train a new model if the training set has changed. `deepdx.toml` sets the time: by default, "
            "Mondays at 04:00 UTC.",
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(f"ui.retraining_cron: {settings.retraining_cron!r} is not a cron expression") from error
