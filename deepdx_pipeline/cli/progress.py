"""What `deepdx run` shows while Dagster works: a line for each asset that is done, and how far the present one is."""

import logging
import os
import re
import time
from types import TracebackType
from typing import Self

import dagster as dg
from dagster_shared.error import SerializableErrorInfo
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deepdx_pipeline.cli.console import plain
from deepdx_pipeline.cli.errors import cause_in_words

# What Ctrl-C raises: within training, which finishes its step first, and anywhere else.
_INTERRUPTED = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")

# Dagster says so of each step that a failed one keeps from starting.
_NOT_EXECUTED = re.compile(r"Dependencies for step .* Not executing\.$", re.DOTALL)

# A full disk, whose one line comes with the error that ends the run; what it cost is a row of Dagster's history.
_NOT_LOGGED = re.compile(r"Exception while writing logger call to event log")


class Watcher:
    """Shows progress on the terminal; where stderr is none, only the line for each asset."""

    def __init__(self) -> None:
        # Dagster captures what steps print; this file stays connected to the terminal.
        self._console = Console(file=os.fdopen(os.dup(2), "w"))
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("starting", total=None)
        self._began = time.monotonic()
        self._causes: set[str] = set()
        self.interrupted = False
        """Whether the user stopped the run."""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._console.file.flush()

    def report(self, what: str, done: int, total: int) -> None:
        """A `deepdx_core.progress.Report`."""
        self._progress.update(self._task, description=what, completed=done, total=total)

    def logger(self) -> dg.LoggerDefinition:
        """A Dagster logger that shows a run's events here instead of on the console."""
        handler = _Events(self)

        @dg.logger
        def console(_: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger("deepdx")
            logger.addHandler(handler)
            return logger

        return console

    def event(self, event: dg.DagsterEvent) -> None:
        """Show what a run's event means to a person."""
        if event.event_type is dg.DagsterEventType.STEP_START:
            self._began = time.monotonic()
            self._progress.reset(self._task, total=None, description=str(event.step_key))
        elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            metadata = event.step_materialization_data.materialization.metadata
            if event.asset_key in (dg.AssetKey("inbox"), dg.AssetKey("overrides")):
                return  # what arrives, not what is made
            rows = metadata.get("dagster/row_count")
            what = f"{rows.value:>9,} rows" if rows else " " * 14
            self._line(f"{event.asset_key.to_user_string() if event.asset_key else '':<18}{what}")
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                self._line(f"check failed: {check.asset_key.to_user_string()} {check.check_name}", style="red")
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            self._failed(str(event.step_key), event.step_failure_data.error)
        elif event.event_type is dg.DagsterEventType.RUN_FAILURE and not self._causes:
            self._failed("run", event.job_failure_data.error)  # before any step, such as a home that cannot be opened

    def _failed(self, step: str, error: SerializableErrorInfo | None) -> None:
        link = error
        while link:
            if link.cls_name in _INTERRUPTED:
                self.interrupted = True
                return
            link = link.cause
        cause = cause_in_words(error) if error else "it says no reason"
        if cause not in self._causes:  # a full disk, say, makes several steps fail
            self._causes.add(cause)
            self._print(f"{step} failed: {cause}", style="red")

    def _line(self, text: str, style: str = "") -> None:
        self._print(f"{text} {time.monotonic() - self._began:6.1f} s", style)

    def _print(self, text: str, style: str) -> None:
        self._progress.console.print(plain(text), style=style, soft_wrap=True)


class _Events(logging.Handler):
    def __init__(self, watcher: Watcher) -> None:
        super().__init__()
        self._watcher = watcher

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if isinstance(event, dg.DagsterEvent):
            self._watcher.event(event)
        elif record.levelno >= logging.WARNING:
            message = record.getMessage()
            if not _NOT_EXECUTED.search(message) and not _NOT_LOGGED.search(message):
                self._watcher._line(message, style="yellow")
