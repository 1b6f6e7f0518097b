"""Jobs run in this process, and what they left as it was."""

import dagster as dg

from deepdx_pipeline.definitions import build_defs
from deepdx_pipeline.tables import UNCHANGED

WITHOUT_AUDIO = {"audio_features": {"config": {"render": False}}}


def run_job(home, job="refresh_corpus", ops=WITHOUT_AUDIO, instance=None):
    """Run a job and return its result. `instance`: the history of runs, by default a new one."""
    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}, "ops": ops}
    return (
        build_defs(home)
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance or dg.DagsterInstance.ephemeral(), raise_on_error=False, run_config=config
        )
    )


def changed_assets(result):
    """Return the names of the assets of a run that did something, without the sources."""
    return {
        event.asset_key.to_user_string()
        for event in result.get_asset_materialization_events()
        if UNCHANGED not in event.step_materialization_data.materialization.metadata
    } - {"inbox", "rules", "taxonomy", "overrides"}
