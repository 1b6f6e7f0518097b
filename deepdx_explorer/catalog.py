"""The catalog: one row for each sound of the corpus and of the generated banks. Search, facets, sorting, pages."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from deepdx_core.arrays import BoolArray, Int64Array, UInt8Array
from deepdx_core.database.snapshot import Snapshot
from deepdx_core.exchange.conversion import to_parameters
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.home import Home
from deepdx_core.keeping.scale import RATINGS
from deepdx_core.similarity.sound_map import place_voices
from deepdx_core.voice.parameters import INDEX, PARAMETER_NAMES
from deepdx_explorer.facets import FACETS

PAGE = 100
MAX_PAGE = 500
MAX_QUERY = 200

MEASURES = (
    *("loudness_db", "attack_seconds", "decay_seconds", "release_seconds"),
    *("brightness_hz", "harmonicity", "harshness"),
)
"""Measures of middle C at velocity 100, as in the view `sound_features`."""

SORTS = ("name", "files", "family_size", "confidence", "realness", "rating", "taste", "algorithm", "label", *MEASURES)
Sort = Literal[SORTS]  # type: ignore[valid-type]

NO_RATING = "none"
RATING_ORDER = pl.Enum([NO_RATING, *RATINGS])

REAL, GENERATED, MADE = "real", "generated", "made"
"""Origins of sounds: in the corpus, in a generated bank, or made since the start and in no file."""

_SOUNDS = f"""
    SELECT
        voices.sound_id, voices.name, names, files, verdict, label, category, confidence, split,
        family_size, algorithm_label AS algorithm, realness, x, y, {", ".join(MEASURES)}
    FROM voices
    LEFT JOIN sound_features USING (sound_id)
    LEFT JOIN (FROM realness SELECT sound_id, realness) USING (sound_id)
    LEFT JOIN sound_map USING (sound_id)
    ORDER BY sound_id
"""
_PLACES = """
    SELECT
        sound_id,
        list_sort(list(DISTINCT CASE
            WHEN member IS NOT NULL AND contains(member, '/') THEN split_part(member, '/', 1)
            WHEN member IS NOT NULL THEN path
            WHEN contains(path, '/') THEN split_part(path, '/', 1)
            ELSE '(loose files)'
        END)) AS source,
        string_agg(DISTINCT concat_ws('/', path, member), chr(10)) AS places
    FROM voice_sources GROUP BY sound_id
"""
_PARAMETERS = f"SELECT {', '.join(PARAMETER_NAMES)} FROM unique_voices ORDER BY sound_id"

_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(("sound_id", "name"), pl.String),
    "names": pl.List(pl.String),
    **dict.fromkeys(("files", "family_size"), pl.UInt32),
    **dict.fromkeys(("verdict", "label", "category", "split", "origin", "places"), pl.String),
    "source": pl.List(pl.String),
    "algorithm": pl.UInt8,
    **dict.fromkeys(("confidence", "realness", "x", "y", *MEASURES), pl.Float64),
}


class Filter(BaseModel):
    """Conditions on sounds. Several values of one facet are alternatives; facets and words all have to match."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(default="", max_length=MAX_QUERY, description="Words in any name, file or folder of a sound.")
    label: list[str] = Field(default_factory=list, description="Labels.")
    category: list[str] = Field(default_factory=list, description="Categories.")
    algorithm: list[int] = Field(default_factory=list, description="Algorithms, 1 to 32.")
    verdict: list[str] = Field(default_factory=list, description="Verdicts.")
    source: list[str] = Field(default_factory=list, description="Top folders.")
    split: list[str] = Field(default_factory=list, description="Splits.")
    origin: list[str] = Field(default_factory=list, description="`real` or `generated`.")
    rating: list[str] = Field(default_factory=list, description="Your ratings; `none` is without.")

    def wanted(self) -> dict[str, list[Any]]:
        """Return the values of each facet."""
        return {facet: getattr(self, facet) for facet in FACETS}


class Page(Filter):
    """A page of the sounds that match."""

    sort: Sort = Field(default="files", description="Column to sort by. Sounds without a value come last.")
    descending: bool = Field(default=True, description="Largest first.")
    offset: int = Field(default=0, ge=0, le=1_000_000_000, description="Number of sounds before the page.")
    limit: int = Field(default=PAGE, ge=1, le=MAX_PAGE, description="Number of sounds on the page.")


@dataclass(frozen=True)
class Catalog:
    """The sounds. Immutable: a changed corpus makes another.

    rows: the columns above, sorted by sound_id within the corpus, then generated voices.
    parameters: `uint8[n, 145]`, as found: those of a corrupt sound may be out of range.
    """

    rows: pl.DataFrame
    parameters: UInt8Array

    @classmethod
    def read(cls, home: Home) -> "Catalog":
        """Read the corpus and the generated banks of a home. Raises DatabaseError without a corpus."""
        with Snapshot(home.database) as corpus:
            rows = corpus.query(_SOUNDS).join(corpus.query(_PLACES), on="sound_id", how="left", maintain_order="left")
            values = corpus.query(_PARAMETERS)
        sounds = rows.with_columns(origin=pl.lit(REAL)).select(
            pl.col(name).cast(kind) for name, kind in _COLUMNS.items()
        )
        parameters = to_parameters(values)
        generated, more = _read_generated(home, sounds["sound_id"])
        return cls(_with_search_text(pl.concat([sounds, generated])), np.concatenate([parameters, more]))

    @cached_property
    def generated_places(self) -> pl.DataFrame:
        """The places of generated voices on the map: `sound_id`, `generated_x`, `generated_y`. Renders them once."""
        rows = np.flatnonzero((self.rows["origin"] == GENERATED).to_numpy())
        places = place_voices(self.parameters[rows])
        names = {"generated_x": places[:, 0], "generated_y": places[:, 1]}
        return pl.DataFrame({"sound_id": self.rows["sound_id"].gather(rows), **names})

    def __len__(self) -> int:
        return len(self.rows)

    def row_of(self, sound_id: str) -> int | None:
        """Return the row of a sound, None if it has none."""
        found = self.rows["sound_id"].index_of(sound_id)
        return None if found is None else int(found)


def _read_generated(home: Home, known: pl.Series) -> tuple[pl.DataFrame, UInt8Array]:
    """Return the voices of the generated banks that the corpus does not have, and their parameters."""
    empty = pl.DataFrame(schema=_COLUMNS), np.empty((0, len(PARAMETER_NAMES)), np.uint8)
    _, voices = inspect_files([home.banks])
    voices = voices.filter(pl.col("valid"), pl.col("path").str.ends_with(".syx")).unique(
        "sound_id", keep="first", maintain_order=True
    )
    voices = voices.filter(~pl.col("sound_id").is_in(known.implode()))
    if voices.is_empty():
        return empty
    parameters = to_parameters(voices)
    files = voices["path"].str.strip_prefix(f"{home.banks}/")
    rows = pl.DataFrame(
        {
            "sound_id": voices["sound_id"],
            "name": voices["name"],
            "names": voices["name"].reshape((-1, 1)).cast(pl.List(pl.String)),
            "places": "banks/" + files,
            "source": files.reshape((-1, 1)).cast(pl.List(pl.String)),
            "algorithm": parameters[:, INDEX["algorithm"]] + 1,
        }
    ).with_columns(origin=pl.lit(GENERATED), files=1)
    absent = [pl.lit(None).alias(name) for name in _COLUMNS if name not in rows.columns]
    return rows.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in _COLUMNS.items()), parameters


def _with_search_text(rows: pl.DataFrame) -> pl.DataFrame:
    text = pl.concat_str(pl.col("names").list.join("\n"), "places", separator="\n", ignore_nulls=True)
    return rows.with_columns(search_text=_folded(text))


def _folded(text: pl.Expr) -> pl.Expr:
    """Return text in lower case and without accents."""
    return text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()


def _words(query: str) -> list[str]:
    folded: str = pl.select(_folded(pl.lit(query))).item()
    return folded.split()


def find_words(rows: pl.DataFrame, query: str) -> BoolArray:
    """Return which rows of a catalog have all words of a query in a name, file or folder, `bool[n]`."""
    words = _words(query)
    if not words:
        return np.ones(len(rows), dtype=np.bool_)
    text = pl.col("search_text")
    found = rows.select(pl.all_horizontal([text.str.contains(word, literal=True) for word in words]))
    matches: BoolArray = found.to_series().fill_null(False).to_numpy()
    return matches.copy()


def sort_rows(rows: pl.DataFrame, among: Int64Array, page: "Page") -> Int64Array:
    """Return the rows of a page, `int64[m]`: those among some, `int64[n]`, sorted, ties by name and sound_id.

    Missing values come last.
    """
    key = pl.col("name").str.to_lowercase() if page.sort == "name" else pl.col(page.sort)
    keys = rows.select(key.alias("key"))[among].with_columns(row=among)
    last = page.offset + page.limit
    known = keys["key"].drop_nulls()
    if len(known) > last:  # only those that can be on the page are sorted
        bound = known.top_k(last).min() if page.descending else known.bottom_k(last).max()
        keys = keys.filter(pl.col("key") >= bound if page.descending else pl.col("key") <= bound)
    keys = keys.with_columns(rows.select("name", "sound_id")[keys["row"]])
    order = keys.sort("key", "name", "sound_id", descending=[page.descending, False, False], nulls_last=True)
    return order["row"].slice(page.offset, page.limit).to_numpy()
