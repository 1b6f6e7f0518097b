"""The layout of a home folder, and how the home folder is found."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError


@dataclass(frozen=True)
class Home:
    """A home folder: the inbox, caches computed from it (`tables`, `database`), and state that no run can recompute."""

    root: Path

    @property
    def inbox(self) -> Path:
        """The user's banks. Runs only read them."""
        return self.root / "inbox"

    @property
    def staging(self) -> Path:
        """Files on their way into the inbox, until they are complete."""
        return self.root / "staging"

    @property
    def downloads(self) -> Path:
        """Partial downloads, from which an interrupted download resumes."""
        return self.root / "downloads"

    @property
    def state(self) -> Path:
        """Everything that cannot be recomputed from the inbox: splits, models, what the user decided."""
        return self.root / "state"

    @property
    def backups(self) -> Path:
        """Backups of the state, written by runs and before anything replaces it."""
        return self.root / "backups"

    @property
    def restoring(self) -> Path:
        """A restore under way. If it is killed, the next command finishes it."""
        return self.root / "restoring"

    @property
    def tables(self) -> Path:
        """Caches, one Parquet file per table. Tables that are state are in `state`."""
        return self.root / "tables"

    @property
    def stamps(self) -> Path:
        """Records of finished steps, by which a run skips those that are up to date. A cache, like the tables."""
        return self.tables / "stamps.json"

    @property
    def inbox_index(self) -> Path:
        """Size, time and inode of every file in the inbox when it was last read. A cache, like the tables."""
        return self.tables / "inbox-index.parquet"

    @property
    def spectra(self) -> Path:
        """Spectra of the sounds that recordings are compared with, made by the first comparison. A cache, too."""
        return self.tables / "spectra.safetensors"

    @property
    def database(self) -> Path:
        """The database for queries. It is a cache, like the tables."""
        return self.root / "corpus.duckdb"

    @property
    def settings(self) -> Path:
        """The user's settings; see `deepdx_core/settings.py`."""
        return self.root / "deepdx.toml"

    @property
    def rules(self) -> Path:
        """The user's changes to the quality rules; see `deepdx_core/quality/rules.toml`."""
        return self.root / "rules.toml"

    @property
    def verdicts(self) -> Path:
        """The user's verdicts: sound_id, verdict, why."""
        return self.state / "verdicts.csv"

    @property
    def taxonomy(self) -> Path:
        """The user's taxonomy, which replaces `deepdx_core/labels/taxonomy.toml`."""
        return self.root / "taxonomy.toml"

    @property
    def labels(self) -> Path:
        """The user's labels: sound_id, category, why."""
        return self.state / "labels.csv"

    @property
    def ratings(self) -> Path:
        """The user's ratings and notes: sound_id, rating, note."""
        return self.state / "ratings.csv"

    @property
    def collections(self) -> Path:
        """The user's collections, a CSV file each: sound_id, name, voice."""
        return self.state / "collections"

    @property
    def models(self) -> Path:
        """Trained generators, one folder each."""
        return self.state / "models"

    @property
    def judges(self) -> Path:
        """The user's own judges: models behind verdicts and labels."""
        return self.state / "judges"

    @property
    def banks(self) -> Path:
        """Generated banks."""
        return self.root / "banks"

    @property
    def plots(self) -> Path:
        """Plots of the latest run, a folder per asset; a cache."""
        return self.root / "plots"

    @property
    def changes(self) -> Path:
        """The history: a record of the changes by each run, and links to the tables as the last run left them."""
        return self.root / "changes"

    @property
    def dagster(self) -> Path:
        """Dagster's storage: runs, events, schedules."""
        return self.root / "dagster"

    @property
    def locks(self) -> Path:
        """Lock files for work that one process must do alone."""
        return self.root / "locks"

    @property
    def overrides_lock(self) -> Path:
        """Lock of `verdicts`, `labels`, `ratings` and `collections`, held from the read to the write of a change."""
        return self.locks / "overrides.lock"


def find_home() -> Home:
    """Return the home in `DEEPDX_HOME`, else in `data/` of a checkout, else in the user's data folder.

    Raises DeepDXError if DEEPDX_HOME cannot be resolved, because of a loop of links or an unknown user.
    """
    if named := os.environ.get("DEEPDX_HOME"):
        try:
            return Home(Path(named).expanduser().resolve())
        except RuntimeError as error:
            raise DeepDXError(f"DEEPDX_HOME is {printable(named)}: {error}") from error
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():
        return Home(checkout / "data")
    return Home(Path(platformdirs.user_data_dir("deepdx", appauthor=False)))
