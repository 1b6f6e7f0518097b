"""Progress of a Dagster run on the terminal: a line per finished asset, and a bar for the current one."""

import logging
import os
import re
import time
from types import TracebackType
from typing import NamedTuple, Self

import dagster as dg
from dagster_shared.error import SerializableErrorInfo
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from deepdx_pipeline.cli.console import print_line
from deepdx_pipeline.cli.errors import step_error_message
from deepdx_pipeline.defs.sources import SOURCES
from deepdx_pipeline.tables import UNCHANGED

# Raised by Ctrl-C: the first within training, which finishes its step, the second anywhere else.
_INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")

# Logged by Dagster for each step that depends on a failed one.
_NOT_EXECUTED = re.compile(r"Dependencies for step .* Not executing\.$", re.DOTALL)

# Logged by Dagster for each event that it cannot store on a full disk. The error that ends the run is shown instead.
_NOT_LOGGED = re.compile(r"Exception while writing logger call to event log")


_SECONDS_BETWEEN_LINES = 60


class _Work(NamedTuple):
    """Work in progress: `done` of `total` units, of which `first` were done when it began."""

    began: float
    first: int
    total: int
    done: int

    def describe(self, now: float) -> str:
        """Return the units, and the time left by the pace so far."""
        units = f"{self.done:,} of {self.total:,}" if self.total else f"{self.done:,}"
        if not self.total or self.done == self.first:
            return units
        left = (now - self.began) / (self.done - self.first) * (self.total - self.done)
        return f"{units}, {left / 60:.0f} min left"


class RunProgress:
    """Progress of a run on stderr: on a terminal a bar, otherwise a line a minute. A line for each finished asset."""

    def __init__(self) -> None:
        # Dagster redirects the standard streams of steps. This copy of stderr stays connected to the terminal.
        self._console = Console(file=os.fdopen(os.dup(2), "w"))
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None)
        self._step_start = self._last_line = time.monotonic()
        self._work = _Work(self._step_start, 0, 0, 0)
        self.failures: set[str] = set()
        self.interrupted = False
        """True if the user interrupted the run."""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._console.file.flush()

    def report(self, what: str, done: int, total: int) -> None:
        """Update the bar, or print a line; a `deepdx_core.progress.Report`."""
        if self._console.is_terminal:
            self._progress.update(self._task, description=what, completed=done, total=total)
            return
        now = time.monotonic()
        if total != self._work.total or done < self._work.done:
            self._work = _Work(now, done, total, done)
            self._last_line = now
        self._work = self._work._replace(done=done)
        if now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            print_line(f"{what}: {self._work.describe(now)}", console=self._console)

    def logger(self) -> dg.LoggerDefinition:
        """Return a Dagster logger that passes the events of a run to `show_event`."""
        handler = _EventHandler(self)

        @dg.logger
        def console(_: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger("deepdx")
            logger.addHandler(handler)
            return logger

        return console

    def show_event(self, event: dg.DagsterEvent) -> None:
        """Print a line for a finished asset, a failed check or a failed step."""
        if event.event_type is dg.DagsterEventType.STEP_START:
            self._step_start = time.monotonic()
            self._progress.reset(self._task, total=None, description=str(event.step_key))
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            metadata = event.step_materialization_data.materialization.metadata
            if event.asset_key and event.asset_key.to_user_string() in SOURCES:
                return  # files of the user, whose versions the run records
            rows = metadata.get("dagster/row_count")
            count = f"{rows.value:>9,} rows" if rows else " " * 14
            note = " unchanged" if UNCHANGED in metadata else ""
            self.print_timed(f"{event.asset_key.to_user_string() if event.asset_key else '':<24}{count}", note=note)
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                self.print_timed(f"check failed: {check.asset_key.to_user_string()} {check.check_name}", style="red")
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            self._show_failure(str(event.step_key), event.step_failure_data.error)
        elif event.event_type is dg.DagsterEventType.RUN_FAILURE and not self.failures:
            # No step started, for example because the home folder cannot be opened.
            self._show_failure("run", event.job_failure_data.error)

    def _show_failure(self, step: str, error: SerializableErrorInfo | None) -> None:
        link = error
        while link:
            if link.cls_name in _INTERRUPTS:
                self.interrupted = True
                return
            link = link.cause
        message = step_error_message(error) if error else "no reason given"
        if message not in self.failures:  # a full disk makes several steps fail
            self.failures.add(message)
            print_line(f"{step} failed: {message}", "red", self._console)

    def print_timed(self, text: str, style: str = "", note: str = "") -> None:
        """Print a line with the seconds since the current step began, and a note."""
        print_line(f"{text} {time.monotonic() - self._step_start:6.1f} s{note}", style, self._console)


class _EventHandler(logging.Handler):
    def __init__(self, progress: RunProgress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if isinstance(event, dg.DagsterEvent):
            self._progress.show_event(event)
        elif record.levelno >= logging.WARNING:
            message = record.getMessage()
            if not _NOT_EXECUTED.search(message) and not _NOT_LOGGED.search(message):
                self._progress.print_timed(message, "yellow")
