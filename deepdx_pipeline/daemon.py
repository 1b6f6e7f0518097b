"""Dagster's daemon and code server, for `deepdx ui`: sensor, schedule, and the queue of runs.

A process of its own, in a session of its own. It ends with all its children, a run among them, when its standard input
is closed, as it is when its parent ends, however that was.
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

_LOCATION = ModuleTarget("deepdx_pipeline.definitions", None, None, "deepdx")
_LOG_LEVEL = "warning"


def main(ready: int) -> None:
    """Serve the home that the environment names, and tell a pipe, by its descriptor, once where code is served."""
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with (
        suppress(KeyboardInterrupt),
        dg.DagsterInstance.get() as instance,
        ProxyServerManager(instance, _LOCATION, _LOG_LEVEL) as servers,
    ):
        (served,) = (spec["grpc_server"] for spec in servers.get_code_server_specs())
        with (
            daemon_controller_from_instance(
                instance, code_server(served), log_level=_LOG_LEVEL, code_server_log_level=_LOG_LEVEL
            ) as controller,
            os.fdopen(ready, "w") as pipe,
        ):
            pipe.write(json.dumps(served))
            pipe.close()
            controller.check_daemon_loop()


def code_server(served: Mapping[str, Any]) -> GrpcServerTarget:
    """The code server that the daemon told of, as Dagster's processes find it."""
    return GrpcServerTarget(
        host=served["host"],
        port=served.get("port"),
        socket=served.get("socket"),
        location_name=served["location_name"],
    )


def _end_with_the_parent() -> None:
    sys.stdin.buffer.read()
    os.killpg(os.getpid(), signal.SIGINT)  # a run that is under way is interrupted, and says so


if __name__ == "__main__":
    main(int(sys.argv[1]))
