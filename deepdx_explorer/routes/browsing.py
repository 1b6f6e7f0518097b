"""Browsing: the state of the home, pages of sounds with facets, the map, and the sheet of a sound."""

from typing import Annotated, Any

import numpy as np
import polars as pl
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from deepdx_core.database.explain import explain
from deepdx_core.database.snapshot import DatabaseError, Snapshot
from deepdx_core.errors import DeepDXError
from deepdx_core.keeping.scale import RATINGS
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.quality.rules import load_rules
from deepdx_core.sound.phrases import LABEL_PHRASES
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.voice.parts import PARTS
from deepdx_explorer.catalog import MADE, MEASURES, REAL, Filter, Page, sort_rows
from deepdx_explorer.librarian import Librarian
from deepdx_explorer.routes import TheLibrarian
from deepdx_explorer.sheets import describe_evidence, describe_phrase, describe_sound, describe_voice

router = APIRouter()

_SHOWN = (
    *("sound_id", "name", "label", "category", "algorithm", "verdict", "split", "origin", "files", "family_size"),
    *("confidence", "realness", *MEASURES, "rating", "note", "my_category", "my_verdict"),
)


def with_taste(librarian: Librarian, rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the `taste` that the user's ratings predict, null without ratings and for unknown sounds."""
    tastes = pl.Series("taste", [None] * len(rows), pl.Float64)
    if librarian.holdings.has_ratings() and len(rows):
        taste = librarian.taste()
        known = taste.features.find(rows["sound_id"])
        mean, _ = taste.predict(taste.features.vectors[known])
        tastes = pl.Series("taste", np.where(known < 0, np.nan, mean)).fill_nan(None)
    return rows.with_columns(tastes)


@router.get("/status")
def status(librarian: TheLibrarian) -> dict[str, Any]:
    """Return the number and version of the sounds. `corpus` and `model` are null, or say why there is none."""
    try:
        sounds, corpus = len(librarian.holdings.catalog), None
    except DatabaseError as error:
        sounds, corpus = 0, str(error)
    from deepdx_core.generation.registry import champion_folder  # loads torch

    try:
        champion_folder(librarian.home)
        model = None
    except DeepDXError as error:  # there is none yet, or its table cannot be read
        model = str(error)
    return {"sounds": sounds, "corpus": corpus, "model": model, "version": librarian.version}


@router.get("/sounds")
def sounds(librarian: TheLibrarian, page: Annotated[Page, Query()]) -> dict[str, Any]:
    """Return a page of the sounds that match, their number, and the counts of each facet."""
    held = librarian.holdings
    rows, (matches, facets) = held.rows, held.find(page)
    among = np.flatnonzero(matches)
    if page.sort == "taste":
        rows = with_taste(librarian, rows)
    chosen = sort_rows(rows, among, page)
    shown = with_taste(librarian, rows[chosen])
    played = describe_sound(held.catalog.parameters[chosen], shown["loudness_db"].to_numpy())
    voices = [row | play for row, play in zip(shown.select(*_SHOWN, "taste").to_dicts(), played, strict=True)]
    return {"total": len(among), "sounds": voices, "facets": facets}


@router.get("/choices")
def choices(librarian: TheLibrarian) -> dict[str, Any]:
    """Return the values that a user may choose: labels, categories, verdicts, ratings, parts; and phrases."""
    taxonomy = find_taxonomy(librarian.home.taxonomy)
    return {
        "labels": taxonomy.labels,
        "categories": taxonomy.categories,
        "verdicts": VERDICTS,
        "ratings": RATINGS,
        "parts": list(PARTS),
        "phrases": {label: describe_phrase(phrase) for label, phrase in LABEL_PHRASES.items()},
    }


@router.get("/sounds/{sound_id}")
def sheet(librarian: TheLibrarian, sound_id: str) -> dict[str, Any]:
    """Return a voice in full: parameters, routing, operators, envelopes in seconds, phrase, and its row."""
    return {"row": _row(librarian, sound_id)} | describe_voice(*librarian.voice(sound_id))


@router.get("/sounds/{sound_id}/voice")
def voice(librarian: TheLibrarian, sound_id: str) -> dict[str, Any]:
    """Return what is needed to play a voice, and its row: quicker than the whole sheet."""
    found = librarian.voice(sound_id)
    loudness = np.array([found.loudness_db], np.float64)
    return _row(librarian, sound_id) | {"name": found.name} | describe_sound(found.parameters[None], loudness)[0]


def _row(librarian: Librarian, sound_id: str) -> dict[str, Any]:
    """Return the row of a sound; of a voice that is in no file, its rating and note alone."""
    found = librarian.holdings.rows.filter(pl.col("sound_id") == sound_id).select(_SHOWN).to_dicts()
    if found:
        return found[0]
    rating, note = librarian.rating(sound_id)
    return dict.fromkeys(_SHOWN) | {"sound_id": sound_id, "origin": MADE, "rating": rating, "note": note}


@router.get("/sounds/{sound_id}/evidence")
def evidence(librarian: TheLibrarian, sound_id: str) -> dict[str, Any] | None:
    """Return what the corpus knows about a sound, null for a voice that is not in the corpus."""
    catalog = librarian.holdings.catalog
    row = catalog.row_of(sound_id)
    if row is None or catalog.rows["origin"][row] != REAL:
        librarian.voice(sound_id)
        return None
    with Snapshot(librarian.home.database) as corpus:
        return describe_evidence(explain(corpus, load_rules(librarian.home.rules), sound_id))


@router.get("/matches")
def matches(librarian: TheLibrarian, filter_: Annotated[Filter, Query()]) -> JSONResponse:
    """Return the sounds that match, as row numbers of the catalog, ascending, with its version: for the map."""
    version = librarian.version
    found, _ = librarian.holdings.find(filter_)
    return JSONResponse({"version": version, "rows": np.flatnonzero(found).tolist()})
