"""Where everything lives: the layout of a home folder, and which folder that is."""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Home:
    """A home folder: what goes in (`inbox`), what is known of it (`tables`, `database`), what is made of it."""

    root: Path

    @property
    def inbox(self) -> Path:
        """Banks as people have them; read, never changed."""
        return self.root / "inbox"

    @property
    def downloads(self) -> Path:
        """Downloads under way; what was cut off goes on from here."""
        return self.root / "downloads"

    @property
    def tables(self) -> Path:
        """One Parquet file a table."""
        return self.root / "tables"

    @property
    def database(self) -> Path:
        """DuckDB views over the tables."""
        return self.root / "corpus.duckdb"

    @property
    def rules(self) -> Path:
        """The user's changes to the rules of curation; see `deepdx_core/curation/rules.toml`."""
        return self.root / "rules.toml"

    @property
    def verdicts(self) -> Path:
        """The user's own verdicts: sound_id, verdict, why."""
        return self.root / "verdicts.csv"

    @property
    def taxonomy(self) -> Path:
        """The user's own taxonomy, in place of `deepdx_core/labels/taxonomy.toml`."""
        return self.root / "taxonomy.toml"

    @property
    def labels(self) -> Path:
        """The user's own labels: sound_id, category, why."""
        return self.root / "labels.csv"

    @property
    def opinions(self) -> tuple[Path, ...]:
        """All files in which the user has a say."""
        return self.rules, self.verdicts, self.taxonomy, self.labels

    @property
    def models(self) -> Path:
        """Trained generators."""
        return self.root / "models"

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
        """Locks that keep two runs from writing one table at once."""
        return self.root / "locks"


def find_home() -> Home:
    """The folder that `DEEPDX_HOME` names, else `data/` of a checkout, else the user's data folder."""
    if named := os.environ.get("DEEPDX_HOME"):
        return Home(Path(named).expanduser().resolve())
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():
        return Home(checkout / "data")
    return Home(Path(platformdirs.user_data_dir("deepdx", appauthor=False)))
