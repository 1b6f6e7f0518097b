"""The command that serves the explorer: explore."""

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from deepdx_core.display import counted, printable
from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import announce_compilation, print_line, progress_bar
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
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", help="Write a page that plays from a disk instead, to share."),
    ] = None,
    collection: Annotated[str | None, typer.Option(help="Collection to export.")] = None,
    bank: Annotated[Path | None, typer.Option(metavar="FILE", help="Bank, or any file with voices, to export.")] = None,
    force: Annotated[bool, typer.Option("--force", help="With --export, replace an earlier page.")] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Browse, play, rate, collect and make sounds in a browser.

    Ctrl-C stops it. Runs may go on meanwhile: the page shows their results.
    """
    if export is not None:
        _export(export, collection, bank, force)
        return
    for option, given in (("--collection", collection), ("--bank", bank), ("--force", force)):
        if given:
            raise typer.BadParameter("needs --export DIR", param_hint=option)
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


def _export(folder: Path, collection: str | None, bank: Path | None, force: bool) -> None:
    if (collection is None) == (bank is None):
        raise typer.BadParameter("needs either --collection or --bank", param_hint="--export")
    from deepdx_core.keeping.collections import read_collection
    from deepdx_explorer.export import export_page
    from deepdx_explorer.voices import read_bank

    voices = read_bank(bank) if bank is not None else read_collection(find_home(), str(collection))
    title = bank.stem if bank is not None else str(collection)
    announce_compilation()
    with progress_bar() as report:
        export_page(folder, title, voices, force=force, report=report)
    print_line(f"{counted(len(voices), 'voice')}: open {printable(str(folder / 'index.html'))}")
