"""Resources: the home folder, which every asset uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from deepdx_core.changes.history import History
from deepdx_core.files import remove_leftovers
from deepdx_core.home import Home
from deepdx_core.settings import load_settings
from deepdx_core.state.backup import back_up_changes
from deepdx_core.state.store import open_state, run_lock
from deepdx_core.tables.storage import Tables
from deepdx_pipeline.instance import PROCESS_TAGS

if TYPE_CHECKING:
    import polars as pl


class HomeResource(dg.ConfigurableResource[Any]):
    """The home folder: inbox, tables, state, models, banks.

    A run locks it against other runs, opens its state before the first asset, backs the state up after the last,
    records what it changed, and is tagged with its process. A sensor uses it without any of this.
    """

    root: str = Field(description="Path of the home folder.")
    _history: History | None = PrivateAttr(None)

    @property
    def paths(self) -> Home:
        """Paths in the folder."""
        return Home(Path(self.root))

    @property
    def tables(self) -> Tables:
        """The Parquet tables of the folder."""
        return Tables(self.paths)

    @property
    def history(self) -> History:
        """The history of the folder."""
        self._history = self._history or History(self.paths)
        return self._history

    def similar_pairs(self) -> "pl.DataFrame":
        """Return the pairs of sounds that are nearly equal by ear, computed once for several assets and checks."""
        return _similar_pairs(self.paths, self.tables.version("audio_features"))

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HomeResource"]:
        """Lock and open the folder for a run."""
        if context.run is None:
            yield self
            return
        if context.instance:
            context.instance.add_run_tags(context.run.run_id, PROCESS_TAGS)
        warn = context.log.warning if context.log else print
        with run_lock(self.paths, waiting=warn):
            remove_leftovers_of_runs(self.paths)
            open_state(self.paths, warn)
            self.history.begin(context.run.run_id, context.run.job_name)
            try:
                yield self
                back_up_changes(self.paths, load_settings(self.paths.settings).run.backups)
            finally:
                self.history.finish()


@lru_cache(maxsize=1)
def _similar_pairs(home: Home, version: str) -> "pl.DataFrame":
    """Find similar sounds in a version of `audio_features`."""
    from deepdx_core.dedup.audio_similarity import similar_pairs

    return similar_pairs(Tables(home).read("audio_features"))


def remove_leftovers_of_runs(home: Home) -> None:
    """Remove partly written files of killed runs."""
    nested = [folder for parent in (home.models, home.plots) if parent.is_dir() for folder in parent.glob("*/")]
    for folder in (home.root, home.tables, home.state, home.banks, home.backups, home.changes, home.dagster, *nested):
        remove_leftovers(folder)
