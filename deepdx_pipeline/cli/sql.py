"""Commands that query the corpus: sql, stats."""

import atexit
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deepdx_core.display import printable_lines
from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import err, out, print_line, safe_text, table

if TYPE_CHECKING:
    import polars as pl

    from deepdx_core.database.snapshot import Snapshot

_ROWS_ON_A_TERMINAL = 200
_COLUMN_GAP = 2
_MAX_COLUMN_WIDTH = 200  # a wider value shifts the rest of its row instead of widening all rows
_MAX_TABLE_CELLS = 2_000_000
_MAX_TABLE_BYTES = 64 << 20  # in polars; as Python objects, a value takes up to forty times as much
_ROWS_PER_SLICE = 10_000  # formatted at once


class Format(StrEnum):
    """Output format of a query result."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def sql(
    query: Annotated[
        str | None,
        typer.Argument(metavar="SELECT", help="Query over the tables and views of the corpus; a shell without it."),
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="Output format.", show_default="by extension of --output, else table"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write.", show_default="standard output")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Maximum number of rows; 0 for all.",
            show_default=f"{_ROWS_ON_A_TERMINAL} for a table on a terminal, else all",
        ),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds before the query is stopped.", show_default="300")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output file.")] = False,
) -> None:
    """Query the corpus in SQL (DuckDB).

    Takes one SELECT or EXPLAIN, which can read the corpus and nothing else. Without a query, opens a shell: each query
    ends with a semicolon, exit or Ctrl-D leaves.
    """
    extensions = {".csv": Format.CSV, ".json": Format.JSON, ".parquet": Format.PARQUET}
    by_extension = extensions.get(output.suffix.lower()) if output else None
    format = format or by_extension or Format.TABLE
    if output is not None and by_extension not in (None, format):
        raise typer.BadParameter(f"{format} cannot be written to a {output.suffix} file", param_hint="--format")
    if format is Format.PARQUET and output is None and sys.stdout.isatty():
        raise typer.BadParameter("parquet is binary: use --output, or redirect standard output", param_hint="--format")
    if query is None and output is not None:
        raise typer.BadParameter("the shell writes no file: give a query", param_hint="--output")

    from deepdx_core.database.snapshot import Snapshot
    from deepdx_core.files import output_target
    from deepdx_core.keeping.ratings import read_ratings
    from deepdx_core.settings import load_settings

    if output is not None:
        output_target(output, force)
    home = find_home()
    settings = load_settings(home.settings).sql
    seconds = timeout or settings.timeout
    table_on_terminal = format is Format.TABLE and output is None and out.is_terminal
    max_rows = limit if limit is not None else _ROWS_ON_A_TERMINAL if table_on_terminal else 0
    with Snapshot(home.database, settings.memory_gb) as corpus:
        corpus.add("ratings", read_ratings(home))

        def run(query: str) -> None:
            result = corpus.query(query, limit=max_rows + 1 if max_rows else None, timeout=seconds)
            _write(result, max_rows, format, output, force)

        try:
            if query is None:
                _run_shell(run, corpus)
            else:
                run(query)
        finally:
            if corpus.abandoned:
                # The query is still running in DuckDB: a regular exit of Python would crash or wait for it.
                atexit.register(os._exit, 1)


def _run_shell(run: Callable[[str], None], corpus: "Snapshot") -> None:
    """Run queries from standard input until its end. Report errors, and go on unless a query is abandoned."""
    from deepdx_core.errors import DeepDXError

    with suppress(ImportError):  # not on Windows
        import readline  # noqa: F401  history and editing of lines
    query = ""
    while True:
        try:
            line = input(("sql> ", "...> ")[bool(query)] if sys.stdin.isatty() else "")
        except KeyboardInterrupt:
            query = ""
            print()
            continue
        except EOFError:
            line, ended = ";", True  # runs a last query without a semicolon
            if sys.stdin.isatty():
                print()
        else:
            ended = False
        if not query and line.strip().rstrip(";").lower() in ("exit", "quit"):
            return
        query = f"{query}\n{line}".strip()
        if query.endswith(";"):
            try:
                if query != ";":
                    run(query)
            except DeepDXError as error:
                print_line(str(error), "red", err)
            except KeyboardInterrupt:
                print_line("interrupted", "red", err)
            if corpus.abandoned:
                raise DeepDXError("the last query is still running, and the shell cannot go on")
            query = ""
        if ended:
            return


def _write(result: "pl.DataFrame", max_rows: int, format: Format, output: Path | None, force: bool) -> None:
    """Write a result to a file or standard output: at most `max_rows` rows, or all if that is 0."""
    from deepdx_core.database.snapshot import DatabaseError
    from deepdx_core.files import write_outputs

    truncated = 0 < max_rows < len(result)
    result = result.head(max_rows) if truncated else result
    if format is Format.TABLE and (
        result.height * result.width > _MAX_TABLE_CELLS or result.estimated_size() > _MAX_TABLE_BYTES
    ):
        raise DatabaseError(
            f"a result of {result.height:,} rows is too large for a table: use --format csv or parquet, or add a LIMIT"
        )
    if output is not None:
        write_outputs({output: _format_bytes(result, format)}, force)
    elif format is Format.TABLE:
        out.file.writelines(format_table(result, out.width if out.is_terminal else None))
    else:
        sys.stdout.buffer.write(_format_bytes(result, format))
    if truncated:
        print_line(f"The first {max_rows:,} rows; --limit 0 shows all.", "dim", err)


def _format_bytes(result: "pl.DataFrame", format: Format) -> bytes:
    import polars as pl
    import polars.selectors as cs

    if format is Format.TABLE:
        return "".join(format_table(result, None)).encode()
    buffer = io.BytesIO()
    if format is Format.PARQUET:
        result.write_parquet(buffer)
        return buffer.getvalue()
    result = result.with_columns(cs.binary().bin.encode("hex"))
    if format is Format.JSON:
        result.write_json(buffer)
    else:
        nested = [name for name, dtype in result.schema.items() if dtype.is_nested()]
        result.with_columns(
            pl.Series(name, [None if v is None else json.dumps(v) for v in result[name].to_list()], dtype=pl.String)
            for name in nested
        ).write_csv(buffer)
    return buffer.getvalue()


def format_table(result: "pl.DataFrame", width: int | None) -> Iterator[str]:
    """Format a result as lines: one per row, or if those are wider than `width`, one per value in a block per row.

    Without rich, which would cut wide values and is slow with many rows.
    """
    from rich.cells import cell_len

    if result.columns == ["explain_key", "explain_value"]:  # a plan drawn in several lines
        yield from (f"{printable_lines(value)}\n" for value in result["explain_value"])
        return
    names = [_format_cell(name) for name in result.columns]
    widths = list(map(cell_len, names))
    longest = max(widths)
    for rows in result.iter_slices(_ROWS_PER_SLICE):
        widths = [
            max(widest, *map(cell_len, map(_format_cell, column.to_list())))
            for widest, column in zip(widths, rows, strict=True)
        ]
    if width is not None and sum(widths) + _COLUMN_GAP * (len(widths) - 1) > width:
        for number, row in enumerate(result.iter_rows(), 1):
            yield f"--- {number:,}\n"
            for name, value in zip(names, row, strict=True):
                yield f"{name}{' ' * (longest - cell_len(name))}  {_format_cell(value)}\n"
        return

    def align(columns: list[list[str]]) -> Iterator[str]:
        padded = []
        for column, widest, dtype in zip(columns, widths, result.dtypes, strict=True):
            pad = str.rjust if dtype.is_numeric() else str.ljust
            cells = min(widest, _MAX_COLUMN_WIDTH)
            padded.append([pad(value, cells + len(value) - cell_len(value)) for value in column])
        return ((" " * _COLUMN_GAP).join(row).rstrip() + "\n" for row in zip(*padded, strict=True))

    yield from align([[name] for name in names])
    for rows in result.iter_slices(_ROWS_PER_SLICE):
        yield from align([list(map(_format_cell, column.to_list())) for column in rows])


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if type(value) is int:
        return f"{value:,}"
    text = str(value)
    # Backslashes stay single. A line end would break the table.
    return text if text.isprintable() else printable_lines(text).replace("\n", r"\n")


def stats(
    by_source: Annotated[
        bool, typer.Option("--sources", help="Show what each source contributes, instead of the steps.")
    ] = False,
) -> None:
    """Show the funnel from raw files to families and labeled sounds."""
    from deepdx_core.database.funnel import funnel, funnel_by_source, gaps
    from deepdx_core.database.snapshot import Snapshot

    with Snapshot(find_home().database) as corpus:
        if by_source:
            sources = funnel_by_source(corpus)
            titles = ((name.replace("_", " "), dtype) for name, dtype in sources.schema.items())  # these may wrap
            shown = table(*(f">{title}" if dtype.is_numeric() else title for title, dtype in titles))
            for row in sources.iter_rows():
                shown.add_row(*map(safe_text, row))
            out.print(shown)
            return
        rows = funnel(corpus)
        mismatches = gaps(rows, corpus)
    shown = table("step", "outcome", ">count")
    previous = None
    for step, outcome, count in rows.iter_rows():
        shown.add_row(*map(safe_text, (step if step != previous else "", outcome, count)))
        previous = step
    out.print(shown)
    for mismatch in mismatches:
        print_line(f"counts do not add up: {mismatch}", "red", err)
    if mismatches:
        raise typer.Exit(1)
