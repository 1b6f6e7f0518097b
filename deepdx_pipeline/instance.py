"""Dagster's storage in the home folder, so that the command and the UI share runs and history."""

import os
import socket
from pathlib import Path

import dagster as dg
from filelock import FileLock

from deepdx_core.files import written_whole
from deepdx_core.home import Home

_CONFIG = """\
# Written by deepdx; edit as you like, it is not written again.
telemetry:
  enabled: false
nux:
  enabled: false
# Steps print nothing; capturing that would start two processes a run.
compute_logs:
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# A run whose process was killed is marked as failed, and does not stand as running for ever.
run_monitoring:
  enabled: true
  poll_interval_seconds: 20
"""

# As in the checkout's workspace.yaml, which an installed package has not got.
_WORKSPACE = """\
load_from:
  - python_module:
      module_name: deepdx_pipeline.definitions
      location_name: deepdx
"""

_HOST_TAG, _PROCESS_TAG = "deepdx/host", "deepdx/process"
PROCESS_TAGS = {_HOST_TAG: socket.gethostname(), _PROCESS_TAG: str(os.getpid())}
"""Tags of a run that this process executes itself."""


def open_instance(home: Home) -> dg.DagsterInstance:
    """The Dagster instance of a home folder, made if it is not there.

    Sets DAGSTER_HOME, which child processes inherit. Runs whose process is gone are marked as failed.
    """
    folder = home.dagster.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(folder)
    # Two processes that open a new instance at once break its databases for good.
    with FileLock(folder / "open.lock"):
        if not (folder / "dagster.yaml").exists():
            with written_whole(folder / "dagster.yaml") as temporary:
                temporary.write_text(_CONFIG)
        instance = dg.DagsterInstance.get()
        _fail_dead_runs(instance)
    return instance


def workspace_file(home: Home) -> Path:
    """What `dagster dev` loads, under the location name that all its commands share."""
    path = home.dagster / "workspace.yaml"
    with written_whole(path) as temporary:
        temporary.write_text(_WORKSPACE)
    return path


def _fail_dead_runs(instance: dg.DagsterInstance) -> None:
    running = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING],
        tags={_HOST_TAG: PROCESS_TAGS[_HOST_TAG]},
    )
    for run in instance.get_runs(running):
        if not _alive(int(run.tags[_PROCESS_TAG])):
            instance.report_run_failed(run, "its process ended without a word")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
