"""The command that fills the inbox: add."""

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
from deepdx_pipeline.cli.console import err, print_line

if TYPE_CHECKING:
    from deepdx_core.intake.inbox import AddedFile

_MAX_WITHOUT_VOICES = 20  # files that are listed one by one
_SOURCES = (
    f"Files, folders, archives, https:// addresses, or names of public collections: {', '.join(load_collections())}."
)


def add(sources: Annotated[list[str], typer.Argument(metavar="PATH|URL|NAME...", help=_SOURCES)]) -> None:
    """Copy files, folders, archives or downloads into the inbox."""
    from deepdx_core.display import counted, printable
    from deepdx_core.intake.survey import Surveyor, format_location

    home = find_home()
    home.inbox.mkdir(parents=True, exist_ok=True)
    surveyor = Surveyor()
    new = known = refused = 0
    surveyed: set[Path] = set()
    elsewhere: list[str] = []

    def refuse(message: str) -> None:
        nonlocal refused
        refused += 1
        print_line(message, "red", err)

    for source in sources:
        try:
            for arrival in _arrivals(source, home):
                if arrival.target is None:
                    refuse(f"{printable(str(arrival.source))}: {arrival.refused}")
                    continue
                new, known = new + arrival.new, known + (not arrival.new)
                path = printable(arrival.target.relative_to(home.inbox).as_posix())
                if arrival.target not in surveyed:
                    surveyor.add_file(arrival.target, path)
                    surveyed.add(arrival.target)
                if arrival.duplicate:
                    elsewhere.append(f"{printable(str(arrival.source))} as {path}")
        except DeepDXError as error:
            refuse(str(error))
    survey = surveyor.result()
    files = survey.raw_files
    without = files.filter(files["status"].is_in(["no voices", "refused"]))
    for row in without.head(_MAX_WITHOUT_VOICES).iter_rows(named=True):
        print_line(f"{format_location(row)}: {row['reason']}", "yellow", err)
    if (more := len(without) - _MAX_WITHOUT_VOICES) > 0:
        print_line(f"... and {more:,} more without voices: see table raw_files after `deepdx run`", console=err)
    if elsewhere:
        example = "" if len(elsewhere) == 1 else "for example "
        print_line(f"{counted(len(elsewhere), 'file')} already there under another path: {example}{elsewhere[0]}")
    slots, banks = (
        counted(int(files["voices"].sum()), "voice slot"),
        counted(files.filter(files["voices"] > 0).height, "bank"),
    )
    done = f"{counted(new, 'file')} added, {known:,} already there, {refused:,} refused"
    others = int(survey.messages["voices"].sum())
    converted = f"; {counted(others, 'voice')} of other synths" if others else ""
    print_line(f"{done}; {slots} in {banks}{converted}; inbox: {printable(str(home.inbox))}")
    if refused:
        raise typer.Exit(1)


def _arrivals(source: str, home: Home) -> "Iterator[AddedFile]":
    """Add one source to the inbox: download it if it is a collection or URL, else copy files."""
    from deepdx_core.intake.inbox import add_to_inbox

    collection = None if os.path.lexists(source) else load_collections().get(source)
    if collection:
        print_line(f"{collection.name}: {collection.description}")
        print_line(f"license: {collection.license}; the voices are other people's work")
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
    """Show the bytes downloaded if stderr is a terminal."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("connecting", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total or None)

        yield report
