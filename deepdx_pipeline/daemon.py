"""Dagster's daemon and code server, for `deepdx ui`: sensors, schedules, and the queue of runs.

Runs as a process in its own session. It stops with all its children, a run included, when its standard input closes,
which happens however its parent exits.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import dagster as dg
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.load_target import GrpcServerTarget, ModuleTarget
from dagster._daemon.controller import daemon_controller_from_instance

from deepdx_pipeline.instance import CODE_LOCATION

_LOCATION = ModuleTarget("deepdx_pipeline.definitions", None, None, CODE_LOCATION)
_LOG_LEVEL = "warning"


def main(write_end: int) -> None:
    """Run the daemon on the home folder in DEEPDX_HOME.

    write_end: file descriptor of a pipe, which receives the address of the code server as JSON once both are ready.
    """
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    with (
        suppress(KeyboardInterrupt),
        dg.DagsterInstance.get() as instance,
        ProxyServerManager(instance, _LOCATION, _LOG_LEVEL) as servers,
    ):
        (code_server,) = (spec["grpc_server"] for spec in servers.get_code_server_specs())
        with (
            daemon_controller_from_instance(
                instance, code_server_target(code_server), log_level=_LOG_LEVEL, code_server_log_level=_LOG_LEVEL
            ) as controller,
            os.fdopen(write_end, "w") as pipe,
        ):
            pipe.write(json.dumps(code_server))
            pipe.close()
            controller.check_daemon_loop()


def code_server_target(code_server: Mapping[str, Any]) -> GrpcServerTarget:
    """Return the code server at the address that `main` wrote, as a target for Dagster's processes."""
    return GrpcServerTarget(
        host=code_server["host"],
        port=code_server.get("port"),
        socket=code_server.get("socket"),
        location_name=code_server["location_name"],
    )


def _exit_with_parent() -> None:
    sys.stdin.buffer.read()
    os.killpg(os.getpid(), signal.SIGINT)  # a run in progress records that it was interrupted


if __name__ == "__main__":
    main(int(sys.argv[1]))
