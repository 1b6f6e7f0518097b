"""The command that serves the explorer: explore."""

import webbrowser
from contextlib import suppress
from typing import Annotated

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli.serving import allowed_hostnames, announce, listen

PORT = 3300


def explore(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 serves every machine, without a password.")
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="Another host name that browsers may use; repeatable."),
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Browse, play, rate, collect and make sounds in a browser.

    Ctrl-C stops it. Runs may go on meanwhile: the page shows their results.
    """
    hostnames = allowed_hostnames(host, allow_host or [])
    import uvicorn

    from deepdx_explorer.app import create_app
    from deepdx_pipeline.guard import SameOriginMiddleware

    app = SameOriginMiddleware(create_app(find_home()), hostnames)
    with suppress(KeyboardInterrupt), listen(host, port) as listener:
        config = uvicorn.Config(app, log_level="warning", lifespan="off", proxy_headers=False)
        address = announce(listener, "Serving the explorer")
        if open_browser:
            webbrowser.open(address)
        uvicorn.Server(config).run([listener])
