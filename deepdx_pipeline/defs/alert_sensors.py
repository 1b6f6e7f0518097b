"""Alert sensors: failed runs, an inbox that no run reads, a model that falls behind the corpus."""

import json
import time
from collections.abc import Iterator, Mapping

import dagster as dg

from deepdx_core.display import printable
from deepdx_core.home import Home
from deepdx_core.settings import AlertSettings
from deepdx_pipeline.alerts import Alert, send_alert
from deepdx_pipeline.defs.sensors import versions_of_tables
from deepdx_pipeline.inputs import source_versions

MAX_INBOX_SECONDS = 600
"""Time for which the tables may lag behind the user's files. A run that is under way takes less on most machines."""
MAX_MODEL_SECONDS = 8 * 86_400
"""Time for which the model may lag behind the training set: a weekly schedule, and a day."""

_SECONDS_BETWEEN_LOOKS = 60


def alert_sensors(settings: AlertSettings, home: Home) -> list[dg.SensorDefinition]:
    """Return the sensors, which run if the settings name a webhook or a mail address."""
    wanted = bool(settings.webhook or settings.mail_to)
    status = dg.DefaultSensorStatus.RUNNING if wanted else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(
        name="failure_alerts",
        monitor_all_code_locations=True,
        default_status=status,
        description="Sends an alert for each failed run. `deepdx.toml` names the webhook and the mail address.",
    )
    def failures(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        title = f"{run.job_name} failed"
        alert = Alert(title, _reason(context), printable(str(home.root)), run.job_name, run.run_id)
        return _report(send_alert(settings, alert))

    @dg.sensor(
        name="staleness_alerts",
        minimum_interval_seconds=_SECONDS_BETWEEN_LOOKS,
        default_status=status,
        description="Sends an alert when no run has read your files for ten minutes, and when the model has been "
        "behind the training set for eight days; once for each.",
    )
    def staleness(context: dg.SensorEvaluationContext) -> dg.SkipReason | None:
        now = time.time()
        before: Mapping[str, float] = json.loads(context.cursor or "{}")
        stale = dict(_find_stale(context.instance, home))
        # A negative time marks what was reported.
        since = {kind: before.get(kind, now) for kind in stale}
        failures = []
        for kind, (text, limit) in stale.items():
            if 0 < since[kind] <= now - limit:
                failures += send_alert(settings, Alert(f"{kind} out of date", text, printable(str(home.root))))
                since[kind] = -since[kind]
        context.update_cursor(json.dumps(since))
        return _report(failures) or dg.SkipReason(", ".join(f"{kind} out of date" for kind in stale) or "up to date")

    return [failures, staleness]


def _report(failures: list[str]) -> dg.SkipReason | None:
    return dg.SkipReason(f"alert not sent: {'; '.join(failures)}") if failures else None


def _reason(context: dg.RunFailureSensorContext) -> str:
    """Return the step and the reason of a failure, as the command prints them."""
    from deepdx_pipeline.cli.errors import step_error_message

    for event in context.get_step_failure_events():
        if error := event.step_failure_data.error:
            return f"{event.step_key}: {step_error_message(error)}"
    return printable(" ".join((context.failure_event.message or "no reason given").split()))


def _find_stale(instance: dg.DagsterInstance, home: Home) -> Iterator[tuple[str, tuple[str, float]]]:
    """Yield what is out of date, with an explanation and the seconds for which it may be."""
    if source_versions(home) != versions_of_tables(instance):
        yield "tables", ("files of yours have changed, and no run has read them", MAX_INBOX_SECONDS)
    model, training_set = (
        next(iter(instance.fetch_materializations(dg.AssetKey(asset), limit=1).records), None)
        for asset in ("voice_model", "training_set")
    )
    if model is None or training_set is None:
        return
    if training_set.timestamp > model.timestamp and _version_read(model) not in (None, _version(training_set)):
        yield "model", ("the training set has changed since the model was trained", MAX_MODEL_SECONDS)


def _version(record: dg.EventLogRecord) -> str | None:
    materialization = record.asset_materialization
    return (materialization.tags or {}).get("dagster/data_version") if materialization else None


def _version_read(model: dg.EventLogRecord) -> str | None:
    """Return the version of the training set that a model was trained on."""
    materialization = model.asset_materialization
    return (materialization.tags or {}).get("dagster/input_data_version/training_set") if materialization else None
