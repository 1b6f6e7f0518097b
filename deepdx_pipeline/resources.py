"""What assets are given to work with: the home folder, and someone to tell how far they are."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from filelock import FileLock

from deepdx_core.home import Home
from deepdx_core.progress import Report
from deepdx_core.tables.storage import Tables

_SECONDS_BETWEEN_LOGS = 5.0


class Workplace:
    """The home folder of a run, and where its progress is shown."""

    def __init__(self, home: Home, report: Report | None = None) -> None:
        self.home = home
        self.tables = Tables(home.tables)
        self._report = report

    def reporter(self, context: dg.AssetExecutionContext) -> Report:
        """Where an asset tells its progress: the terminal if one is watching, else the run's log, now and then."""
        return self._report or _log_now_and_then(context)

    @contextmanager
    def alone(self, asset: str) -> Iterator[None]:
        """Keep other runs from working on the same asset.

        A lock of the operating system: unlike a slot of a Dagster pool, it is free again however a run ended.
        """
        self.home.locks.mkdir(parents=True, exist_ok=True)
        with FileLock(self.home.locks / f"{asset}.lock"):
            yield


def _log_now_and_then(context: dg.AssetExecutionContext) -> Report:
    last = time.monotonic()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LOGS:
            last = time.monotonic()
            context.log.info(f"{what} ({done} of {total})")

    return report
