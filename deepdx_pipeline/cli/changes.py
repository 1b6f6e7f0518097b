"""The command on the history of the corpus: diff."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deepdx_core.home import find_home
from deepdx_pipeline.cli.console import err, out, print_line

if TYPE_CHECKING:
    import polars as pl

    from deepdx_core.changes.history import Difference, History, Run

_MAX_ROWS = 40  # of moves, sounds and runs
_COUNTS = ("added", "gone", "changed")
_DIGITS = 8
_MOVED = {"verdicts": "verdicts", "labels": "labeled_voices", "splits": "training_splits"}


def diff(
    first: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", help="Run: its id, a unique beginning of it, `first` or `last`.", show_default="last"
        ),
    ] = None,
    second: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Later run, whose result is compared with that of the first.")
    ] = None,
    list_runs: Annotated[bool, typer.Option("--runs", help="List the recorded runs instead.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Maximum number of moves, sounds and runs; 0 for all.")] = _MAX_ROWS,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show what a run changed: rows of each table, and sounds whose verdict, label or split moved.

    With two runs, compares the corpus after the first one with that after the second one.
    """
    from deepdx_core.changes.history import LAST, History

    if list_runs and first is not None:
        raise typer.BadParameter("lists all runs: give no RUN", param_hint="--runs")
    history = History(find_home())
    if list_runs:
        _list_runs(history, limit, as_json)
        return
    runs = [history.find(run) for run in (first or LAST, second) if run is not None]
    difference = history.between(*runs) if len(runs) == 2 else history.changes_of(runs[0])
    if as_json:
        found = {"tables": difference.tables.to_dicts(), "sounds": difference.moves.to_dicts()}
        print(json.dumps({"runs": list(map(_describe, runs)), **found, "notes": difference.notes}, indent=2))
        return
    for which, run in zip(("After run", "and after run") if second else ("Run",), runs, strict=True):
        print_line(f"{which} {_short_id(run)}: {run.record.job}, {_when(run)}", "bold")
    _print_difference(difference, limit)
    _mention_unfinished(history)


def _describe(run: "Run") -> dict[str, Any]:
    return run.record.model_dump(mode="json", include={"run_id", "job", "began", "ended"})


def _short_id(run: "Run") -> str:
    """Return the part of the id of a run that is enough to tell it from others."""
    from deepdx_core.changes.history import OUTSIDE

    run_id = run.record.run_id
    return run_id if run.record.job == OUTSIDE else run_id[:_DIGITS]


def _when(run: "Run") -> str:
    """Return when a run began, in local time, and how long it took."""
    began, ended = run.record.began, run.record.ended
    took = f"{(ended - began).total_seconds():.0f} s" if ended else "killed"
    return f"{began.astimezone():%Y-%m-%d %H:%M} ({took})"


def _print_difference(difference: "Difference", limit: int) -> None:
    import polars as pl

    from deepdx_core.changes.comparison import count_moves

    changed = difference.tables.filter(pl.any_horizontal(pl.col(_COUNTS).ne_missing(0)))
    if changed.is_empty():
        print_line("No row changed.")
    else:
        _print_rows(changed.select("table", *_COUNTS, "rows"), 0)
    if len(difference.moves):
        print_line("\nMoves:", "bold")
        _print_rows(count_moves(difference.moves), limit)
        print_line("\nSounds:", "bold")
        _print_rows(difference.moves.select("column", "before", "after", "name", "sound_id"), limit)
    for note in difference.notes:
        print_line(note, "yellow", err)


def _list_runs(history: "History", limit: int, as_json: bool) -> None:
    import polars as pl

    runs = history.runs()[::-1]
    if as_json:
        print(json.dumps([_describe(run) | {"tables": _counts(run)} for run in runs], indent=2))
        return
    rows = []
    for run in runs:
        tables = run.record.tables
        changed = sum(count or 0 for counts in _counts(run).values() for count in counts.values())
        moved = (tables[name].moved if name in tables else None for name in _MOVED.values())
        rows.append((_short_id(run), run.record.job, _when(run), changed, *moved))
    texts = dict.fromkeys(("run", "job", "began"), pl.String)
    shown = pl.DataFrame(rows, schema=texts | dict.fromkeys(("rows", *_MOVED), pl.Int64), orient="row")
    _print_rows(shown, limit)
    _mention_unfinished(history)


def _print_rows(rows: "pl.DataFrame", limit: int) -> None:
    """Print the first rows of a table, or all if the limit is 0."""
    from deepdx_pipeline.cli.sql import format_table

    shown = rows.head(limit or len(rows))
    out.file.writelines(format_table(shown, None))
    if len(shown) < len(rows):
        print_line(f"... and {len(rows) - len(shown):,} more; --limit 0 shows all", "dim")


def _counts(run: "Run") -> dict[str, dict[str, int | None]]:
    return {name: change.model_dump(include={*_COUNTS}) for name, change in run.record.tables.items()}


def _mention_unfinished(history: "History") -> None:
    if run := history.unfinished():
        about = f"run {_short_id(run)} is not included: it is under way, or was killed and the next run records it"
        print_line(about, "yellow", err)
