"""What `deepdx run` shows while Dagster works: a line for each asset that is done, and how far the present one is."""

import logging
import os
import time
from types import TracebackType
from typing import Self

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deepdx_pipeline.cli.console import plain

# What Ctrl-C raises: within training, which finishes its step first, and anywhere else.
_INTERRUPTED = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


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
            if event.asset_key == dg.AssetKey("inbox"):
                return  # what arrives, not what is made
            rows = metadata.get("dagster/row_count")
            what = f"{rows.value:>9,} rows" if rows else " " * 14
            self._line(f"{event.asset_key.to_user_string() if event.asset_key else '':<18}{what}")
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                self._line(f"check failed: {check.asset_key.to_user_string()} {check.check_name}", style="red")
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            error = event.step_failure_data.error
            while error and error.cause:
                error = error.cause
            if error and error.cls_name in _INTERRUPTED:
                self.interrupted = True
                return
            self._line(f"{event.step_key} failed: {error.message.strip() if error else event.message}", style="red")

    def _line(self, text: str, style: str = "") -> None:
        seconds = time.monotonic() - self._began
        self._progress.console.print(plain(f"{text} {seconds:6.1f} s"), style=style, soft_wrap=True)


class _Events(logging.Handler):
    def __init__(self, watcher: Watcher) -> None:
        super().__init__()
        self._watcher = watcher

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if isinstance(event, dg.DagsterEvent):
            self._watcher.event(event)
        elif record.levelno >= logging.WARNING:
            self._watcher._line(record.getMessage(), style="yellow")
