"""Progress of assets: shown on the terminal by the command that runs them, otherwise logged at intervals."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import dagster as dg

from deepdx_core.progress import Report

_SECONDS_BETWEEN_LOGS = 5.0

_redirected: ContextVar[Report | None] = ContextVar("redirected", default=None)


@contextmanager
def redirect_progress(report: Report) -> Iterator[None]:
    """Send the progress of assets to `report` instead of the log of their run."""
    token = _redirected.set(report)
    try:
        yield
    finally:
        _redirected.reset(token)


def progress_of(context: dg.AssetExecutionContext) -> Report:
    """Return the function by which an asset reports its progress."""
    return _redirected.get() or log_progress(context.log)


def log_progress(log: dg.DagsterLogManager) -> Report:
    """Return a function that logs progress at intervals."""
    last = time.monotonic()
    began: dict[str, tuple[float, int]] = {}  # when the first report came, and what was done by then

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        start, done_at_start = began.setdefault(what, (now, done))
        if now - last >= _SECONDS_BETWEEN_LOGS:
            last = now
            left = ""
            if done > done_at_start:
                left = f", {(total - done) * (now - start) / (done - done_at_start):,.0f} s left"
            log.info(f"{what} ({done} of {total}{left})")

    return report
