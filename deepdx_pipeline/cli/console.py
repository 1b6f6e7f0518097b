"""What commands share in what they print."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deepdx_core.display import legible
from deepdx_core.progress import Report

out = Console()
err = Console(stderr=True)


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table of the command's style; columns that start with `>` are aligned right."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return made


def numbered(output: Path, count: int) -> list[Path]:
    """Paths for several files in place of one: `out-01.syx`, `out-02.syx`, ..."""
    digits = max(2, len(str(count)))
    return [output.with_name(f"{output.stem}-{number:0{digits}}{output.suffix}") for number in range(1, count + 1)]


def plain(value: object) -> Text:
    """A value as text: what comes from outside is neither markup nor control characters; line ends stay."""
    return Text(legible("" if value is None else f"{value:,}" if type(value) is int else str(value)))


def tell(message: str) -> None:
    """Show a `deepdx_core.progress.Warn` on stderr."""
    err.print(plain(message), style="yellow", soft_wrap=True)


@contextmanager
def progress_bar() -> Iterator[Report]:
    """Show how far something is, where there is a terminal to show it on."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        yield report
