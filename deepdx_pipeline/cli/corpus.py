"""Commands on the corpus: add, sql, stats."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home, find_home
from deepdx_core.intake.collections import collections
from deepdx_core.progress import Report
from deepdx_pipeline.cli.console import err, out, plain, table

if TYPE_CHECKING:
    from deepdx_core.intake.inbox import Arrival

_ADDED = f"Files, folders, archives, https:// addresses, or public collections by name: {', '.join(collections())}."


def add(sources: Annotated[list[str], typer.Argument(metavar="PATH|URL|NAME...", help=_ADDED)]) -> None:
    """Take files, folders, archives and what is on the net into the inbox."""
    from deepdx_core.display import counted, printable
    from deepdx_core.intake.survey import Surveyor, place

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
                    surveyor.look_at(arrival.target, stands_at)
                    looked_at.add(arrival.target)
                if arrival.elsewhere:
                    elsewhere.append(f"{printable(str(arrival.source))} as {stands_at}")
        except DeepDXError as error:
            refuse(str(error))
    files = surveyor.result().raw_files
    without = files.filter(files["status"].is_in(["no voices", "refused"]))
    for row in without.head(20).iter_rows(named=True):
        err.print(plain(f"{place(row)}: {row['reason']}"), style="yellow", soft_wrap=True)
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


def _arrivals(source: str, home: Home) -> "Iterator[Arrival]":
    """Bring what an argument names into the inbox: a collection or a URL by way of a download, else files."""
    from deepdx_core.intake.inbox import add_to_inbox

    collection = None if os.path.lexists(source) else collections().get(source)
    if collection:
        out.print(plain(f"{collection.name}: {collection.what}"), soft_wrap=True)
        out.print(plain(f"licence: {collection.licence}; the voices are other people's work"), soft_wrap=True)
        url, name, sha256 = collection.url, collection.file, collection.sha256
    elif source.lower().startswith(("http://", "https://")):
        url, name, sha256 = source, "", ""
    else:
        yield from add_to_inbox([Path(source)], home.inbox, home.staging)
        return
    from deepdx_core.intake.download import fetched

    with (
        _download_bar() as report,
        fetched(url, home.downloads, name=name, sha256=sha256, report=report) as path,
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


class Format(StrEnum):
    """How answers are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def sql(
    query: Annotated[str, typer.Argument(metavar="SELECT", help="A query over the corpus' tables and views.")],
    format: Annotated[Format, typer.Option("--format", "-f", help="How the answer is written.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file.")] = None,
) -> None:
    """Ask the corpus in SQL (DuckDB)."""
    import io

    import polars as pl
    import polars.selectors as cs

    from deepdx_core.corpus import database
    from deepdx_core.files import written_whole
    from deepdx_core.tables.storage import Tables

    home = find_home()
    answer = database.query(home.database, Tables(home.tables), query)
    if format is Format.TABLE and output is None:
        shown = table(*(f">{name}" if dtype.is_numeric() else name for name, dtype in answer.schema.items()))
        for row in answer.iter_rows():
            shown.add_row(*(plain(value) for value in row))
        out.print(shown)
        return
    if format is Format.PARQUET and output is None and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is not for a terminal: give --output FILE, or redirect")
    if format is not Format.PARQUET:
        answer = answer.with_columns(cs.binary().bin.encode("hex"))
    if format is Format.CSV:
        nested = [name for name, dtype in answer.schema.items() if dtype.is_nested()]
        answer = answer.with_columns(
            pl.Series(name, [None if v is None else json.dumps(v) for v in answer[name].to_list()], dtype=pl.String)
            for name in nested
        )
    buffer = io.BytesIO()
    if format is Format.PARQUET:
        answer.write_parquet(buffer)
    elif format is Format.CSV:
        answer.write_csv(buffer)
    else:
        answer.write_json(buffer)
    if output is None:
        sys.stdout.buffer.write(buffer.getvalue())
        return
    with written_whole(output) as temporary:
        temporary.write_bytes(buffer.getvalue())


def stats(
    by_source: Annotated[bool, typer.Option("--sources", help="What each source brought, not the steps.")] = False,
) -> None:
    """Show the ladder from raw files to families and labeled sounds."""
    from deepdx_core.corpus.ladder import gaps, ladder, ladder_by_source
    from deepdx_core.tables.storage import Tables

    home = find_home()
    tables = Tables(home.tables)
    if by_source:
        sources = ladder_by_source(home.database, tables)
        shown = table(*(f">{name}" if dtype.is_numeric() else name for name, dtype in sources.schema.items()))
        for row in sources.iter_rows():
            shown.add_row(*map(plain, row))
        out.print(shown)
        return
    rows = ladder(home.database, tables)
    shown = table("step", "outcome", ">count")
    last = None
    for step, outcome, count in rows.iter_rows():
        shown.add_row(plain(step if step != last else ""), plain(outcome), plain(count))
        last = step
    out.print(shown)
    found = gaps(rows, tables.read("dumps", ["voices"]))
    for gap in found:
        err.print(plain(f"does not add up: {gap}"), style="red")
    if found:
        raise typer.Exit(1)
