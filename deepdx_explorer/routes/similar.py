"""Similar sounds: the nearest to a sound by ear or by parameters, and the nearest to a recording of a note."""

from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from deepdx_core.similarity.index import SoundIndex
from deepdx_explorer.librarian import Librarian
from deepdx_explorer.routes import TheLibrarian
from deepdx_explorer.voices import describe_voices, playable

router = APIRouter()

_MAX_COUNT = 128
Count = Annotated[int, Query(ge=1, le=_MAX_COUNT)]


@router.get("/sounds/{sound_id}/similar")
def similar(
    librarian: TheLibrarian, sound_id: str, by: Literal["ear", "parameters"] = "ear", count: Count = 20
) -> list[dict[str, Any]]:
    """Return the valid sounds nearest to a voice, the nearest first, each with its `distance`.

    By ear, distances are in dB; by parameters, they are about twice the number of those that differ.
    """
    parameters = playable(librarian.voice(sound_id)).parameters
    index = SoundIndex.load(librarian.home)
    found = index.by_ear(parameters, count) if by == "ear" else index.by_parameters(parameters, count)
    return _describe(librarian, found)


@router.post("/similar")
async def similar_to_recording(
    librarian: TheLibrarian,
    request: Request,
    note: Annotated[int | None, Query(ge=0, le=127, description="MIDI note of the recording, if known.")] = None,
    count: Count = 20,
) -> list[dict[str, Any]]:
    """Return the valid sounds nearest to a recording of one note, the body of the request: WAV, FLAC, MP3, Ogg, AIFF.

    Each has its `distance` in dB and the `note` at which it is most alike. The first call renders all sounds.
    """
    content = await request.body()
    index = await run_in_threadpool(SoundIndex.load, librarian.home)
    found = await run_in_threadpool(index.by_recording, content, count, note=note)
    return await run_in_threadpool(_describe, librarian, found)


def _describe(librarian: Librarian, found: pl.DataFrame) -> list[dict[str, Any]]:
    catalog = librarian.holdings.catalog
    rows = [catalog.row_of(sound_id) for sound_id in found["sound_id"]]
    # A run may have removed a sound since the index was loaded.
    known = found.with_columns(row=pl.Series(rows, dtype=pl.Int64)).drop_nulls("row")
    parameters = catalog.parameters[known["row"].to_numpy()]
    voices = describe_voices(librarian, parameters, catalog.rows["name"].gather(known["row"]).to_list())
    distances = known.drop("row", "sound_id").with_columns(pl.col("distance").round(3)).to_dicts()
    return [voice | distance for voice, distance in zip(voices, distances, strict=True)]
