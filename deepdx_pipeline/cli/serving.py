"""Web servers of commands: the address that they listen on, and the host names that browsers may use."""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_pipeline.cli.console import err, print_line


class ServingError(DeepDXError):
    """A server cannot start or go on. The message names the address or home folder and the reason."""


def allowed_hostnames(host: str, others: Sequence[str]) -> frozenset[str]:
    """Return the host names of a server that listens on `host`. Raises BadParameter for one that is not valid."""
    for name in others:
        if not name or any(character in "/:@ " for character in name):
            raise typer.BadParameter(f"{name!r} is not a host name; omit scheme and port", param_hint="--allow-host")
    from deepdx_pipeline.guard import local_hostnames

    return local_hostnames(host) | frozenset(others)


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket that listens. Raises ServingError if the address is in use or not of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ServingError(f"{printable(host)}, port {port}: {reason}; use another --port or --host") from error
    with listener:
        yield listener


def announce(listener: socket.socket, what: str, more: str = "") -> str:
    """Print the address of a server, and warn if other machines can reach it. Return the address."""
    address, port = listener.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    if address in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened on
        shown = socket.gethostname()
        print_line("Anyone who can reach this machine can use it: it has no password.", "yellow", err)
    url = f"http://{shown}:{port}"
    print_line(f"{what} at {url} (Ctrl-C stops it). {more}".rstrip())
    sys.stdout.flush()
    return url
