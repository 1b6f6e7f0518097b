"""Command on the inbox: add."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home, find_home
from deepdx_core.intake.public_collections import load_collections
from deepdx_core.progress import Report
from deepdx_pipeline.cli.console import err, out, plain

if TYPE_CHECKING:
    from deepdx_core.intake.inbox import AddedFile

_ADDED = (
    f"Files, folders, archives, https:// addresses, or public collections by name: {', '.join(load_collections())}."
)


def add(sources: Annotated[list[str], typer.Argument(metavar="PATH|URL|NAME...", help=_ADDED)]) -> None:
    """Take files, folders, archives and what is on the net into the inbox."""
    from deepdx_core.display import counted, printable
    from deepdx_core.intake.survey import Surveyor, format_location

    home = find_home()
    home.inbox.mkdir(parents=True, exist_ok=True)
    surveyor = Surveyor()
    new = known = refused = 0
    looked_at: set[Path] = set()
    elsewhere: list[str] = []

    def refuse(message: str) -> None:
        nonlocal refused
        refused += 1
        err.print(plain(message), style="red", soft_wrap=True)

    for source in sources:
        try:
            for arrival in _arrivals(source, home):
                if arrival.target is None:
                    refuse(f"{printable(str(arrival.source))}: {arrival.refused}")
                    continue
                new, known = new + arrival.new, known + (not arrival.new)
                stands_at = printable(arrival.target.relative_to(home.inbox).as_posix())
                if arrival.target not in looked_at:
                    surveyor.add_file(arrival.target, stands_at)
                    looked_at.add(arrival.target)
                if arrival.duplicate:
                    elsewhere.append(f"{printable(str(arrival.source))} as {stands_at}")
        except DeepDXError as error:
            refuse(str(error))
    files = surveyor.result().raw_files
    without = files.filter(files["status"].is_in(["no voices", "refused"]))
    for row in without.head(20).iter_rows(named=True):
        err.print(plain(f"{format_location(row)}: {row['reason']}"), style="yellow", soft_wrap=True)
    if len(without) > 20:
        err.print(f"... and {len(without) - 20:,} more without voices: see the table raw_files after `deepdx run`")
    if elsewhere:
        out.print(
            plain(f"{counted(len(elsewhere), 'file')} already there under another path: {elsewhere[0]}"), soft_wrap=True
        )
    slots, banks = (
        counted(int(files["voices"].sum()), "voice slot"),
        counted(files.filter(files["voices"] > 0).height, "bank"),
    )
    done = f"{counted(new, 'file')} added, {known:,} already there, {refused:,} refused"
    out.print(plain(f"{done}; {slots} in {banks}; inbox: {printable(str(home.inbox))}"), soft_wrap=True)
    if refused:
        raise typer.Exit(1)


def _arrivals(source: str, home: Home) -> "Iterator[AddedFile]":
    """Bring what an argument names into the inbox: a collection or a URL by way of a download, else files."""
    from deepdx_core.intake.inbox import add_to_inbox

    collection = None if os.path.lexists(source) else load_collections().get(source)
    if collection:
        out.print(plain(f"{collection.name}: {collection.description}"), soft_wrap=True)
        out.print(plain(f"license: {collection.license}; the voices are other people's work"), soft_wrap=True)
        url, name, sha256 = collection.url, collection.file, collection.sha256
    elif source.lower().startswith(("http://", "https://")):
        url, name, sha256 = source, "", ""
    else:
        yield from add_to_inbox([Path(source)], home.inbox, home.staging)
        return
    from deepdx_core.intake.download import fetch

    with (
        _download_bar() as report,
        fetch(url, home.downloads, name=name, sha256=sha256, report=report) as path,
    ):
        yield from add_to_inbox([path], home.inbox, home.staging)


@contextmanager
def _download_bar() -> Iterator[Report]:
    """Show bytes on their way, where there is a terminal to show them on."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("connecting", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total or None)

        yield report
