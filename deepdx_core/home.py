"""Where everything lives: the layout of a home folder, and which folder that is."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError


@dataclass(frozen=True)
class Home:
    """A home folder: the inbox, caches made from it (`tables`, `database`), and state that cannot be made anew."""

    root: Path

    @property
    def inbox(self) -> Path:
        """Banks as people have them; read, never changed."""
        return self.root / "inbox"

    @property
    def staging(self) -> Path:
        """Files on their way into the inbox, until they are whole."""
        return self.root / "staging"

    @property
    def downloads(self) -> Path:
        """Downloads under way; what was cut off goes on from here."""
        return self.root / "downloads"

    @property
    def state(self) -> Path:
        """All that cannot be made anew from the inbox: splits, models, the user's verdicts and labels."""
        return self.root / "state"

    @property
    def backups(self) -> Path:
        """Copies of the state, made by runs and before anything replaces it."""
        return self.root / "backups"

    @property
    def restoring(self) -> Path:
        """A backup on its way to its place; what is left here of a kill is put in place by the next command."""
        return self.root / "restoring"

    @property
    def tables(self) -> Path:
        """One Parquet file a table; a cache, but for the tables in `state`."""
        return self.root / "tables"

    @property
    def database(self) -> Path:
        """The database that people query; a cache, as the tables are."""
        return self.root / "corpus.duckdb"

    @property
    def rules(self) -> Path:
        """The user's changes to the rules of curation; see `deepdx_core/quality/rules.toml`."""
        return self.root / "rules.toml"

    @property
    def verdicts(self) -> Path:
        """The user's own verdicts: sound_id, verdict, why."""
        return self.state / "verdicts.csv"

    @property
    def taxonomy(self) -> Path:
        """The user's own taxonomy, in place of `deepdx_core/labels/taxonomy.toml`."""
        return self.root / "taxonomy.toml"

    @property
    def labels(self) -> Path:
        """The user's own labels: sound_id, category, why."""
        return self.state / "labels.csv"

    @property
    def overrides(self) -> tuple[Path, ...]:
        """All files in which the user has a say."""
        return self.rules, self.verdicts, self.taxonomy, self.labels

    @property
    def models(self) -> Path:
        """Trained generators, a folder each."""
        return self.state / "models"

    @property
    def banks(self) -> Path:
        """Generated banks."""
        return self.root / "banks"

    @property
    def dagster(self) -> Path:
        """Dagster's own storage: runs, events, schedules."""
        return self.root / "dagster"

    @property
    def locks(self) -> Path:
        """Locks that keep two processes from doing at once what one must do alone."""
        return self.root / "locks"

    @property
    def overrides_lock(self) -> Path:
        """The lock that whoever changes the user's words holds from the read to the write."""
        return self.locks / "overrides.lock"


def find_home() -> Home:
    """The folder that `DEEPDX_HOME` names, else `data/` of a checkout, else the user's data folder.

    Raises DeepDXError where DEEPDX_HOME names no folder: a loop of links, or one of a user that is not there.
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
