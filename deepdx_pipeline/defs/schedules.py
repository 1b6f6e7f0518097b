"""Schedules: the weekly training."""

import dagster as dg

from deepdx_pipeline.defs import jobs

weekly_retraining = dg.ScheduleDefinition(
    name="weekly_retraining",
    job=jobs.everything,
    cron_schedule="0 4 * * 1",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Mondays at 04:00 UTC: train a new model if the training set has changed.",
)
