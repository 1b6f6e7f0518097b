"""Commands that ask the corpus: sql, stats."""

import atexit
import io
import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.display import legible
from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import err, out, plain, table

if TYPE_CHECKING:
    import polars as pl

_ROWS_ON_A_TERMINAL = 200
_GAP = 2  # between columns
_WIDEST = 200  # of a column that others stand below; a value that is wider moves those after it
_MOST_CELLS = 2_000_000  # of a table, and
_LARGEST_TABLE = 64 << 20  # its bytes before it is laid out: a value takes up to forty times that in Python
_SLICE = 10_000  # rows laid out at once


class Format(StrEnum):
    """How answers are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def sql(
    query: Annotated[str, typer.Argument(metavar="SELECT", help="A query over the corpus' tables and views.")],
    format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="How the answer is written.", show_default="by --output, else table"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Rows at most; 0 is all.",
            show_default=f"{_ROWS_ON_A_TERMINAL} for a table on a terminal, else all",
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds at most.")] = 300,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output file.")] = False,
) -> None:
    """Ask the corpus in SQL (DuckDB). Nothing but the corpus can be read, and nothing written."""
    endings = {".csv": Format.CSV, ".json": Format.JSON, ".parquet": Format.PARQUET}
    by_ending = endings.get(output.suffix.lower()) if output else None
    written_as = format or by_ending or Format.TABLE
    if by_ending not in (None, written_as):
        raise typer.BadParameter(f"{written_as} does not go into a {output.suffix} file", param_hint="--format")  # type: ignore[union-attr]
    if written_as is Format.PARQUET and output is None and sys.stdout.isatty():
        raise typer.BadParameter("Parquet is not for a terminal: give --output FILE, or redirect")

    from deepdx_core.database.snapshot import DatabaseError, Snapshot
    from deepdx_core.files import output_target, write_outputs

    if output is not None:
        output_target(output, force)
    shown_in_part = written_as is Format.TABLE and output is None and out.is_terminal
    most = limit if limit is not None else _ROWS_ON_A_TERMINAL if shown_in_part else 0
    with Snapshot(find_home().database) as corpus:
        try:
            answer = corpus.query(query, limit=most + 1 if most else None, timeout=timeout)
        finally:
            if corpus.abandoned:
                # Python cannot take apart what DuckDB still works with.
                atexit.register(os._exit, 1)
    more = 0 < most < len(answer)
    answer = answer.head(most) if more else answer
    if written_as is Format.TABLE and (
        answer.height * answer.width > _MOST_CELLS or answer.estimated_size() > _LARGEST_TABLE
    ):
        raise DatabaseError(
            f"an answer of {answer.height:,} rows is too large for a table: use --format csv or parquet, or add a LIMIT"
        )
    if output is not None:
        write_outputs({output: _as_bytes(answer, written_as)}, force)
    elif written_as is Format.TABLE:
        out.file.writelines(_as_table(answer, out.width if out.is_terminal else None))
    else:
        sys.stdout.buffer.write(_as_bytes(answer, written_as))
    if more:
        err.print(f"The first {most:,} rows; --limit 0 gives all.", style="dim", highlight=False)


def _as_bytes(answer: "pl.DataFrame", format: Format) -> bytes:
    import polars as pl
    import polars.selectors as cs

    if format is Format.TABLE:
        return "".join(_as_table(answer, None)).encode()
    buffer = io.BytesIO()
    if format is Format.PARQUET:
        answer.write_parquet(buffer)
        return buffer.getvalue()
    answer = answer.with_columns(cs.binary().bin.encode("hex"))
    if format is Format.JSON:
        answer.write_json(buffer)
    else:
        nested = [name for name, dtype in answer.schema.items() if dtype.is_nested()]
        answer.with_columns(
            pl.Series(name, [None if v is None else json.dumps(v) for v in answer[name].to_list()], dtype=pl.String)
            for name in nested
        ).write_csv(buffer)
    return buffer.getvalue()


def _as_table(answer: "pl.DataFrame", width: int | None) -> Iterator[str]:
    """An answer as lines: a row a line, or, where that is wider than `width`, a value a line, one record a block.

    Not by rich: it would cut what is too wide, and is slow with many rows.
    """
    from rich.cells import cell_len

    if answer.columns == ["explain_key", "explain_value"]:  # a drawing of several lines
        yield from (f"{legible(value)}\n" for value in answer["explain_value"])
        return
    names = [_shown(name) for name in answer.columns]
    widths = list(map(cell_len, names))
    longest = max(widths)
    for rows in answer.iter_slices(_SLICE):
        widths = [
            max(widest, *map(cell_len, map(_shown, column.to_list())))
            for widest, column in zip(widths, rows, strict=True)
        ]
    if width is not None and sum(widths) + _GAP * (len(widths) - 1) > width:
        for number, row in enumerate(answer.iter_rows(), 1):
            yield f"--- {number:,}\n"
            for name, value in zip(names, row, strict=True):
                yield f"{name}{' ' * (longest - cell_len(name))}  {_shown(value)}\n"
        return

    def laid_out(columns: list[list[str]]) -> Iterator[str]:
        padded = []
        for column, widest, dtype in zip(columns, widths, answer.dtypes, strict=True):
            pad = str.rjust if dtype.is_numeric() else str.ljust
            most = min(widest, _WIDEST)
            padded.append([pad(value, most + len(value) - cell_len(value)) for value in column])
        return ((" " * _GAP).join(row).rstrip() + "\n" for row in zip(*padded, strict=True))

    yield from laid_out([[name] for name in names])
    for rows in answer.iter_slices(_SLICE):
        yield from laid_out([list(map(_shown, column.to_list())) for column in rows])


def _shown(value: object) -> str:
    if value is None:
        return ""
    if type(value) is int:
        return f"{value:,}"
    text = str(value)
    # A backslash in a value stays one; a line end would break the table.
    return text if text.isprintable() else legible(text).replace("\n", r"\n")


def stats(
    by_source: Annotated[bool, typer.Option("--sources", help="What each source brought, not the steps.")] = False,
) -> None:
    """Show the funnel from raw files to families and labeled sounds."""
    from deepdx_core.database.funnel import funnel, funnel_by_source, gaps
    from deepdx_core.database.snapshot import Snapshot

    with Snapshot(find_home().database) as corpus:
        if by_source:
            sources = funnel_by_source(corpus)
            shown = table(*(f">{name}" if dtype.is_numeric() else name for name, dtype in sources.schema.items()))
            for row in sources.iter_rows():
                shown.add_row(*map(plain, row))
            out.print(shown)
            return
        rows = funnel(corpus)
        found = gaps(rows, corpus.read("dumps", ["voices"]))
    shown = table("step", "outcome", ">count")
    last = None
    for step, outcome, count in rows.iter_rows():
        shown.add_row(plain(step if step != last else ""), plain(outcome), plain(count))
        last = step
    out.print(shown)
    for gap in found:
        err.print(plain(f"does not add up: {gap}"), style="red")
    if found:
        raise typer.Exit(1)
