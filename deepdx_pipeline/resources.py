"""What assets are given to work with: the home folder, and someone to tell how far they are."""

import time
from collections.abc import Iterator

import dagster as dg

from deepdx_core.files import remove_leftovers
from deepdx_core.home import Home
from deepdx_core.progress import Report
from deepdx_core.state.backup import back_up_changes
from deepdx_core.state.store import open_state, run_lock
from deepdx_core.tables.storage import Tables
from deepdx_pipeline.instance import PROCESS_TAGS

_SECONDS_BETWEEN_LOGS = 5.0


class Workspace:
    """The home folder of a run, and where its progress is shown."""

    def __init__(self, home: Home, report: Report | None = None) -> None:
        self.home = home
        self.tables = Tables(home)
        self._report = report

    def reporter(self, context: dg.AssetExecutionContext) -> Report:
        """Where an asset tells its progress: the terminal if one is watching, else the run's log, now and then."""
        return self._report or _log_now_and_then(context)


def workplace(home: Home, report: Report | None = None) -> dg.ResourceDefinition:
    """The resource of a run: it keeps all other runs away from the home, and the state is opened and backed up.

    The run is marked with the process that is at work. A sensor only looks on: it is given the workplace without any
    of this.
    """

    @dg.resource(description="The home folder, which one run at a time works on.")
    def resource(context: dg.InitResourceContext) -> Iterator[Workspace]:
        if context.run is None:
            yield Workspace(home, report)
            return
        if context.instance:
            context.instance.add_run_tags(context.run.run_id, PROCESS_TAGS)
        tell = context.log.warning if context.log else print
        with run_lock(home, waiting=tell):
            remove_leftovers_of_runs(home)
            open_state(home, tell)
            yield Workspace(home, report)
            back_up_changes(home)

    return resource


def remove_leftovers_of_runs(home: Home) -> None:
    """Remove what killed runs left of files that they were writing."""
    of_models = home.models.glob("*/") if home.models.is_dir() else ()
    for folder in (home.root, home.tables, home.state, home.banks, home.backups, home.dagster, *of_models):
        remove_leftovers(folder)


def _log_now_and_then(context: dg.AssetExecutionContext) -> Report:
    last = time.monotonic()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LOGS:
            last = time.monotonic()
            context.log.info(f"{what} ({done} of {total})")

    return report
