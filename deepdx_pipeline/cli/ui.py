"""The command that serves the Dagster UI: ui."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepdx_core.display import printable
from deepdx_core.home import Home, find_home
from deepdx_pipeline.cli.serving import ServingError, allowed_hostnames, announce, listen

if TYPE_CHECKING:
    import dagster as dg
    import uvicorn

_SECONDS_BETWEEN_CHECKS = 20
_SECONDS_TO_CLOSE_CONNECTIONS, _SECONDS_TO_STOP_DAEMON = 2, 30


def ui(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.", show_default="3000")] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; 0.0.0.0 serves every machine, without a password.", show_default="127.0.0.1"
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="Another host name that browsers may use; repeatable."),
    ] = None,
) -> None:
    """Serve the Dagster UI on the home folder.

    While it runs, new files in the inbox are processed automatically. Ctrl-C stops it. Defaults are settings of
    `deepdx.toml`.
    """
    from deepdx_core.settings import load_settings

    home = find_home()
    settings = load_settings(home.settings).ui
    host, port = host or settings.host, port or settings.port
    hostnames = allowed_hostnames(host, [*settings.allow_hosts, *(allow_host or [])])
    from deepdx_pipeline.instance import open_instance, storage_errors

    os.environ["DEEPDX_HOME"] = str(home.root)
    # Background jobs of scripts ignore SIGINT and pass that on to the daemon and its runs, which SIGINT has to stop.
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    with suppress(KeyboardInterrupt), storage_errors(home), listen(host, port) as listener:
        home.inbox.mkdir(parents=True, exist_ok=True)
        with open_instance(home) as instance, _ui_lock(home):
            _serve(home, instance, listener, hostnames)


@contextmanager
def _ui_lock(home: Home) -> Iterator[None]:
    """Prevent a second UI, with a second daemon, on the same home folder."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(home.dagster / "ui.lock", timeout=0):
            yield
    except Timeout:
        raise ServingError(f"{printable(str(home.root))}: another `deepdx ui` is running on this home folder") from None


def _serve(home: Home, instance: "dg.DagsterInstance", listener: socket.socket, hostnames: frozenset[str]) -> None:
    import dagster as dg
    import uvicorn
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster_webserver.app import create_app_from_workspace_process_context

    from deepdx_pipeline.daemon import code_server_target
    from deepdx_pipeline.guard import SameOriginMiddleware

    with (
        _run_daemon(home) as (daemon, code_server),
        WorkspaceProcessContext(instance, code_server_target(code_server), dg.__version__) as context,
    ):
        app = create_app_from_workspace_process_context(context, live_data_poll_rate=2000)
        config = uvicorn.Config(
            SameOriginMiddleware(app, hostnames),
            log_level="warning",
            lifespan="off",
            proxy_headers=False,
            timeout_graceful_shutdown=_SECONDS_TO_CLOSE_CONNECTIONS,
        )
        server = uvicorn.Server(config)
        threading.Thread(target=_monitor, args=(daemon, server, instance), daemon=True).start()
        announce(listener, "Serving the Dagster UI", f"Inbox: {home.inbox}")
        server.run([listener])
    if daemon.returncode:
        raise ServingError(f"the Dagster daemon exited with code {daemon.returncode}, which stopped the UI")


@contextmanager
def _run_daemon(home: Home) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """Run Dagster's daemon as a child that exits with this process. Yields it and the address of its code server."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as pipe:
        # Not the working directory of the caller: Python would import modules from it.
        daemon = subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "deepdx_pipeline.daemon", str(write_end)],
            cwd=home.dagster,
            stdin=subprocess.PIPE,
            pass_fds=[write_end],
            start_new_session=True,  # Ctrl-C reaches only this process, which stops the others in order
        )
        os.close(write_end)
        try:
            if not (code_server := pipe.read()):
                raise ServingError("the Dagster daemon did not start; see its message above")
            yield daemon, json.loads(code_server)
        finally:
            _stop_daemon(daemon)


def _stop_daemon(daemon: subprocess.Popen[bytes]) -> None:
    assert daemon.stdin
    daemon.stdin.close()
    try:
        daemon.wait(_SECONDS_TO_STOP_DAEMON)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        with suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
    with suppress(ProcessLookupError, PermissionError):  # none is left after an orderly exit
        os.killpg(daemon.pid, signal.SIGINT)


def _monitor(daemon: subprocess.Popen[bytes], server: "uvicorn.Server", instance: "dg.DagsterInstance") -> None:
    """Stop the server once the daemon exits. Until then, fail runs whose process died: they would block the queue."""
    from sqlalchemy.exc import SQLAlchemyError

    from deepdx_pipeline.instance import fail_dead_runs

    while True:
        try:
            daemon.wait(_SECONDS_BETWEEN_CHECKS)
            break
        except subprocess.TimeoutExpired:
            with suppress(SQLAlchemyError):  # retried at the next check
                fail_dead_runs(instance)
    server.should_exit = True
