"""The librarian: the catalog of a home with the user's own words, kept up to date while runs write."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_core.intake.local_files import find_files
from deepdx_core.keeping.collections import list_collections, read_collection
from deepdx_core.keeping.ratings import read_ratings
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.overrides import read_overrides
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.tables.stamps import digest
from deepdx_core.taste.features import Features
from deepdx_core.taste.model import Taste
from deepdx_explorer.catalog import NO_RATING, RATING_ORDER, Catalog, Filter, find_words
from deepdx_explorer.facets import FACETS, Facet, find_matches

if TYPE_CHECKING:
    from deepdx_core.generation.voice_model import VoiceModel

_MAX_MADE = 4096


class UnknownVoiceError(DeepDXError):
    """No sound of the corpus, of the generated banks or made since the start has this id."""


class Voice(NamedTuple):
    """A voice: its parameters, `uint8[145]`, name, and label and loudness where they are known."""

    parameters: UInt8Array
    name: str
    label: str | None = None
    loudness_db: float | None = None


class Holdings(NamedTuple):
    """All sounds at one moment."""

    state: tuple[object, ...]
    """State of the files at the time."""
    catalog: Catalog
    rows: pl.DataFrame
    """The rows of the catalog with the user's `rating`, `note`, `my_category` and `my_verdict`."""
    facets: dict[str, Facet]

    def find(self, filter_: Filter) -> tuple[BoolArray, dict[str, list[tuple[Any, int]]]]:
        """Return which rows match a filter, `bool[n]`, and the counts of each facet; see `find_matches`."""
        return find_matches(self.facets, filter_.wanted(), find_words(self.rows, filter_.q))

    def has_ratings(self) -> bool:
        """Return True if the user has rated one of the sounds."""
        return bool((self.rows["rating"] != NO_RATING).any())


_MODELS = 2  # kept in memory: the champion, and a writer beside it


class Librarian:
    """The sounds of a home. Its methods may be called by several threads."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._lock = threading.Lock()
        self._holdings: Holdings | None = None
        self._taste_lock = threading.Lock()
        self._features: tuple[object, Features] | None = None
        self._taste: tuple[object, Taste] | None = None
        self._models: dict[Path, VoiceModel] = {}
        self._made: OrderedDict[str, Voice] = OrderedDict()

    @property
    def holdings(self) -> Holdings:
        """The sounds as they are now. Ask once for each request: a run may replace them at any time.

        Raises DatabaseError without a corpus, and OverridesError if a file of the user is not valid.
        """
        home = self.home
        corpus = _state(home.database), *_states(home.banks)
        words = tuple(_state(path) for path in (home.ratings, home.labels, home.verdicts, home.taxonomy))
        with self._lock:
            if self._holdings is None or self._holdings.state != (corpus, words):
                known = self._holdings is not None and self._holdings.state[0] == corpus
                catalog = self._holdings.catalog if self._holdings and known else Catalog.read(home)
                rows = _with_words(catalog.rows, home)
                facets = {name: Facet.of(rows[name]) for name in FACETS}
                self._holdings = Holdings((corpus, words), catalog, rows, facets)
            return self._holdings

    def taste(self) -> Taste:
        """Return the taste that the ratings show. Raises MissingTableError without a corpus."""
        corpus, ratings = _state(self.home.database), _state(self.home.ratings)
        with self._taste_lock:
            if self._features is None or self._features[0] != corpus:
                self._features = corpus, Features.of_corpus(self.home)
                self._taste = None
            if self._taste is None or self._taste[0] != ratings:
                self._taste = ratings, Taste.fit(self._features[1], read_ratings(self.home))
            return self._taste[1]

    def taste_of(self, parameters: UInt8Array) -> list[float | None]:
        """Return the predicted taste of any voices, `uint8[n, 145]`, None without ratings. Renders them."""
        if not self.holdings.has_ratings():
            return [None] * len(parameters)
        taste = self.taste()
        tastes: list[float | None] = taste.predict(taste.features.of_voices(parameters))[0].tolist()
        return tastes

    def model(self, *, writer: bool) -> "VoiceModel":
        """Return the champion, or the best writer if one is needed and the champion is a GAN. Loaded once.

        Raises NoModelError and ModelError.
        """
        from deepdx_core.generation.model import load_model  # loads torch
        from deepdx_core.generation.model_card import read_model_card
        from deepdx_core.generation.registry import find_model

        folder = find_model(self.home)
        if writer and read_model_card(folder).kind == "gan":
            folder = find_model(self.home, "writer")
        with self._lock:
            if folder not in self._models:
                if len(self._models) == _MODELS:
                    self._models.clear()
                self._models[folder] = load_model(folder)
            return self._models[folder]

    @property
    def version(self) -> str:
        """A text that changes with the corpus and the generated banks."""
        return digest({"files": [_state(self.home.database), *_states(self.home.banks)]})[:16]

    def voice(self, sound_id: str) -> Voice:
        """Return the voice of a sound. Raises UnknownVoiceError."""
        catalog = self.holdings.catalog
        if (row := catalog.row_of(sound_id)) is not None:
            return Voice(catalog.parameters[row], *catalog.rows.select("name", "label", "loudness_db").row(row))
        if made := self._made.get(sound_id):
            return made
        if kept := self._find_kept(sound_id):
            return kept
        raise UnknownVoiceError(f"no sound {sound_id!r}")

    def _find_kept(self, sound_id: str) -> Voice | None:
        """Return a voice from the collections, which hold voices that are in no other file."""
        for listed in list_collections(self.home):
            if listed.voices:
                found = read_collection(self.home, listed.name)
                for row, known in enumerate(found.sound_ids()):
                    if known == sound_id:
                        return Voice(found.parameters[row], found.names[row])
        return None

    def rating(self, sound_id: str) -> tuple[str, str]:
        """Return the rating and the note of any voice, `NO_RATING` and "" without."""
        rows = read_ratings(self.home).filter(pl.col("sound_id") == sound_id)
        rating, note = rows.select("rating", "note").row(0) if len(rows) else (None, "")
        return rating or NO_RATING, note

    def remember(self, voices: dict[str, Voice]) -> None:
        """Remember voices that are in no file, such as new ones, by sound id. The oldest are forgotten."""
        with self._lock:
            self._made |= voices
            while len(self._made) > _MAX_MADE:
                self._made.popitem(last=False)


def _with_words(rows: pl.DataFrame, home: Home) -> pl.DataFrame:
    categories = find_taxonomy(home.taxonomy).categories
    mine = [
        read_ratings(home),
        read_overrides(home.labels, "category", categories).select("sound_id", my_category="category"),
        read_overrides(home.verdicts, "verdict", VERDICTS).select("sound_id", my_verdict="verdict"),
    ]
    for words in mine:
        rows = rows.join(words, on="sound_id", how="left", maintain_order="left")
    return rows.with_columns(pl.col("rating").cast(pl.String).fill_null(NO_RATING).cast(RATING_ORDER))


def _states(folder: Path) -> list[object]:
    """Return what changes when a file anywhere in a folder changes."""
    return [(path.name, _state(path)) for path in find_files(folder)] if folder.is_dir() else []


def _state(path: Path) -> tuple[int, int, int] | None:
    """Return numbers that change when a file is replaced. None if it is missing."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
