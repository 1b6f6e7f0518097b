"""Schedules: the retraining."""

import json
from typing import Any

import dagster as dg
import polars as pl

from deepdx_core.home import Home
from deepdx_core.settings import Settings, SettingsError
from deepdx_core.tables.storage import Tables
from deepdx_pipeline.defs.generator import GanTrainingConfig, TrainingConfig
from deepdx_pipeline.defs.jobs import EVERYTHING, op_configs
from deepdx_pipeline.resources import HomeResource


def weekly_retraining(settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule of the retraining. Raises SettingsError if its cron expression is not one."""
    running = dg.DefaultScheduleStatus.RUNNING if settings.ui.retraining else dg.DefaultScheduleStatus.STOPPED
    try:

        @dg.schedule(
            name="weekly_retraining",
            job_name=EVERYTHING,
            cron_schedule=settings.ui.retraining_cron,
            execution_timezone=settings.ui.retraining_timezone,
            default_status=running,
            description="Train a new model if the training set has changed, with the settings of the champion. "
            "`deepdx.toml` sets the time: by default, Mondays at 04:00 UTC.",
        )
        def retrain(home: HomeResource) -> dg.RunRequest:
            changes = {"voice_model": champion_settings(home.paths)}
            return dg.RunRequest(run_config={"ops": op_configs(settings, EVERYTHING, changes)})

        return retrain
    except dg.DagsterInvalidDefinitionError as error:
        raise SettingsError(f"ui.retraining_cron: {settings.ui.retraining_cron!r} is not a cron expression") from error


def champion_settings(home: Home) -> dict[str, Any]:
    """Return the settings of the champion's training, as changes to the configuration of `voice_model`.

    Otherwise a challenger might lose to it, or win, by its settings alone. Empty without a champion. Settings that this
    version does not know are left out.
    """
    champions = Tables(home).read_or_empty("models").filter(pl.col("role") == "champion")
    if champions.is_empty():
        return {}
    kind, config = champions.select("kind", "config").row(0)
    known = (GanTrainingConfig if kind == "gan" else TrainingConfig).model_fields
    values = {name: value for name, value in json.loads(config).items() if name in known}
    return {"model": kind, "gan": values} if kind == "gan" else {"model": kind, **values}
