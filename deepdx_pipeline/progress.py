"""Progress of the run in this process: shown on the terminal of a command, otherwise logged now and then."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import dagster as dg

from deepdx_core.progress import Report

_SECONDS_BETWEEN_LOGS = 5.0

_shown: ContextVar[Report | None] = ContextVar("shown", default=None)


@contextmanager
def progress_shown_by(report: Report) -> Iterator[None]:
    """Send the progress of every asset that runs in this context to `report` in place of the run's log."""
    token = _shown.set(report)
    try:
        yield
    finally:
        _shown.reset(token)


def progress_of(context: dg.AssetExecutionContext) -> Report:
    """Return the function to which an asset reports its progress."""
    return _shown.get() or _logged(context)


def _logged(context: dg.AssetExecutionContext) -> Report:
    last = time.monotonic()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LOGS:
            last = time.monotonic()
            context.log.info(f"{what} ({done} of {total})")

    return report
