"""The command that opens the Dagster UI: ui."""

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
from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home, find_home
from deepdx_pipeline.cli.console import err, out, plain

if TYPE_CHECKING:
    import dagster as dg
    import uvicorn

_SECONDS_BETWEEN_LOOKS = 20
_SECONDS_TO_CLOSE, _SECONDS_TO_END = 2, 30


class ServingError(DeepDXError):
    """The UI cannot be served; the message says where and why."""


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web server.")] = 3000,
    host: Annotated[str, typer.Option(help="Address it listens on; by default this machine alone.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A further name under which browsers may reach it."),
    ] = None,
) -> None:
    """Open the Dagster UI on the same home; while it runs, new banks in the inbox reach the tables by themselves."""
    for name in allow_host or []:
        if not name or any(character in "/:@ " for character in name):
            raise typer.BadParameter(f"{printable(name)}: a name alone, without a port", param_hint="--allow-host")
    from deepdx_pipeline.guard import own_names
    from deepdx_pipeline.instance import open_instance, storage_errors

    home = find_home()
    names = own_names(host) | frozenset(allow_host or [])
    os.environ["DEEPDX_HOME"] = str(home.root)
    # In a script's background, where SIGINT is ignored, too: the daemon and runs inherit that, and are ended by it.
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    with suppress(KeyboardInterrupt), storage_errors(home), _listening(host, port) as listening:
        home.inbox.mkdir(parents=True, exist_ok=True)
        with open_instance(home) as instance, _alone(home):
            _serve(home, instance, listening, names)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ServingError(f"{printable(host)}, port {port}: {reason}; --port and --host choose others") from error
    with made:
        yield made


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Keep a second UI, with a second daemon, from the same home."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(home.dagster / "ui.lock", timeout=0):
            yield
    except Timeout:
        raise ServingError(f"{printable(str(home.root))}: another `deepdx ui` is open on this home") from None


def _serve(home: Home, instance: "dg.DagsterInstance", listening: socket.socket, names: frozenset[str]) -> None:
    import dagster as dg
    import uvicorn
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster_webserver.app import create_app_from_workspace_process_context

    from deepdx_pipeline.daemon import code_server
    from deepdx_pipeline.guard import Guard

    with (
        _daemon(home) as (daemon, served),
        WorkspaceProcessContext(instance, code_server(served), dg.__version__) as context,
    ):
        app = create_app_from_workspace_process_context(context, live_data_poll_rate=2000)
        config = uvicorn.Config(
            Guard(app, names),
            log_level="warning",
            lifespan="off",
            proxy_headers=False,
            timeout_graceful_shutdown=_SECONDS_TO_CLOSE,
        )
        server = uvicorn.Server(config)
        threading.Thread(target=_watch, args=(daemon, server, instance), daemon=True).start()
        address, port = listening.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        if address in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened on
            shown = socket.gethostname()
            err.print("Whoever can reach this machine can use the UI: it asks for no password.")
        out.print(plain(f"The UI is at http://{shown}:{port}; Ctrl-C ends it. Inbox: {home.inbox}"), soft_wrap=True)
        sys.stdout.flush()
        server.run([listening])
    if daemon.returncode:
        raise ServingError(f"Dagster's daemon ended with exit code {daemon.returncode}, and so did the UI")


@contextmanager
def _daemon(home: Home) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """Dagster's daemon as a child that ends with this process, and where its code server is."""
    ready, told = os.pipe()
    with os.fdopen(ready) as pipe:
        # Not in the folder of the caller, from which Python would load modules.
        daemon = subprocess.Popen(  # noqa: S603 - arguments of ours
            [sys.executable, "-m", "deepdx_pipeline.daemon", str(told)],
            cwd=home.dagster,
            stdin=subprocess.PIPE,
            pass_fds=[told],
            start_new_session=True,  # so that Ctrl-C reaches this process alone, which ends all in order
        )
        os.close(told)
        try:
            if not (served := pipe.read()):
                raise ServingError("Dagster's daemon has not started; it said why above")
            yield daemon, json.loads(served)
        finally:
            _end(daemon)


def _end(daemon: subprocess.Popen[bytes]) -> None:
    assert daemon.stdin
    daemon.stdin.close()
    try:
        daemon.wait(_SECONDS_TO_END)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        with suppress(ProcessLookupError):
            os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
    with suppress(ProcessLookupError, PermissionError):  # none is left, unless it ended out of order
        os.killpg(daemon.pid, signal.SIGINT)


def _watch(daemon: subprocess.Popen[bytes], server: "uvicorn.Server", instance: "dg.DagsterInstance") -> None:
    """End the server when the daemon ends. Until then, find runs whose process died: the queue would wait for them."""
    from sqlalchemy.exc import SQLAlchemyError

    from deepdx_pipeline.instance import fail_dead_runs

    while True:
        try:
            daemon.wait(_SECONDS_BETWEEN_LOOKS)
            break
        except subprocess.TimeoutExpired:
            with suppress(SQLAlchemyError):  # the next look is soon
                fail_dead_runs(instance)
    server.should_exit = True
