"""Output shared by all commands: consoles, lines, tables, progress bars and numbered file names."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deepdx_core.display import printable, printable_lines
from deepdx_core.files import output_target
from deepdx_core.progress import Report
from deepdx_core.voice.parameters import VMEM_VOICES

out = Console()
err = Console(stderr=True)


def safe_text(value: object) -> Text:
    """Return a value as text without markup and control characters, for names and messages from outside.

    Line ends are kept, None is empty, and integers have thousands separators.
    """
    return Text(printable_lines("" if value is None else f"{value:,}" if type(value) is int else str(value)))


def print_line(text: str, style: str = "", console: Console = out) -> None:
    """Print `safe_text` without wrapping it at the width of the terminal."""
    console.print(safe_text(text), style=style, soft_wrap=True)


def print_notice(message: str) -> None:
    """Print a notice for the user on stderr, such as a migration of the state."""
    print_line(message, "yellow", err)


def table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table in the command's style. Columns that start with `>` are right-aligned."""
    empty = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        empty.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    return empty


@contextmanager
def progress_bar() -> Iterator[Report]:
    """Show a progress bar with the time left if stderr is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        yield report


def announce_compilation() -> None:
    """Explain the wait before the first note on a machine."""
    from deepdx_core.sound.engine.compilation import is_compiled

    if not is_compiled():
        print_line("compiling the DX7 engine, once: some seconds", "dim", err)


def safe_file_name(name: str) -> str:
    """Return the name of a voice without characters that a file system may not accept."""
    return re.sub(r"[^A-Za-z0-9 _-]", "_", name).strip()


def numbered_paths(output: Path, count: int) -> list[Path]:
    """Return paths for several files in place of one: `out-01.syx`, `out-02.syx`, ..."""
    digits = max(2, len(str(count)))
    return [output.with_name(f"{output.stem}-{number:0{digits}}{output.suffix}") for number in range(1, count + 1)]


def bank_paths(output: Path, voices: int, force: bool) -> list[Path]:
    """Return the paths of the banks of 32 for some voices: `output`, or numbered paths if they fill several.

    Raises BadParameter unless `output` ends in .syx, and OutputError like `output_target`.
    """
    if output.suffix.lower() != ".syx":
        raise typer.BadParameter(f"{printable(str(output))} does not end in .syx", param_hint="--output")
    banks = -(-voices // VMEM_VOICES)
    paths = [output] if banks <= 1 else numbered_paths(output, banks)
    for path in paths:
        output_target(path, force)
    return paths
