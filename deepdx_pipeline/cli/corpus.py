"""Commands on the corpus: add, sql, stats."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import err, out, plain, table


def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, folders or zip archives.")],
) -> None:
    """Take files, folders and zip archives into the inbox."""
    from deepdx_core.intake.contents import printable
    from deepdx_core.intake.inbox import add_to_inbox
    from deepdx_core.intake.survey import Surveyor

    home = find_home()
    home.inbox.mkdir(parents=True, exist_ok=True)
    surveyor = Surveyor()
    new = known = refused = 0
    for arrival in add_to_inbox(paths, home.inbox):
        if arrival.target is None:
            refused += 1
            err.print(plain(f"{printable(str(arrival.source))}: {arrival.refused}"), style="red", soft_wrap=True)
            continue
        new, known = new + arrival.new, known + (not arrival.new)
        surveyor.look_at(arrival.target, printable(arrival.target.relative_to(home.inbox).as_posix()))
    files = surveyor.result().raw_files
    without = files.filter(files["status"].is_in(["no voices", "refused"]))
    for row in without.head(20).iter_rows(named=True):
        where = row["path"] if row["member"] is None else f"{row['path']}: {row['member']}"
        err.print(plain(f"{where}: {row['reason']}"), style="yellow", soft_wrap=True)
    if len(without) > 20:
        err.print(f"... and {len(without) - 20} more without voices: see the table raw_files after `deepdx run`")
    out.print(
        f"{new} files added, {known} already there, {refused} refused; "
        f"{files['voices'].sum():,} voice slots in {(files['voices'] > 0).sum():,} banks; inbox: {home.inbox}",
        soft_wrap=True,
        highlight=False,
    )
    if refused:
        raise typer.Exit(1)


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
    from deepdx_core.tables.storage import Tables, written_whole

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


def stats() -> None:
    """Show the ladder from raw files to labeled sounds."""
    from deepdx_core.corpus.ladder import gaps, ladder
    from deepdx_core.tables.storage import Tables

    home = find_home()
    tables = Tables(home.tables)
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
