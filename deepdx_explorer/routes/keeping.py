"""Keeping: ratings, notes, the user's categories and verdicts, collections, and banks made of them."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
from fastapi import APIRouter, Body, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from deepdx_core.database.snapshot import Snapshot
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.conversion import to_parameters
from deepdx_core.keeping.collections import (
    Collection,
    delete_collection,
    list_collections,
    read_collection,
    rename_collection,
    write_collection,
)
from deepdx_core.keeping.ratings import UNCHANGED, rate
from deepdx_core.keeping.scale import Rating
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.overrides import change_override
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETER_NAMES
from deepdx_explorer.librarian import Librarian, UnknownVoiceError
from deepdx_explorer.routes import TheLibrarian
from deepdx_explorer.voices import describe_voices, read_bank

router = APIRouter()

_MAX_VOICES = 4096
_BYTES = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}


class NewRating(BaseModel):
    """A rating, a note, or both. Null removes one, and one that is not given stays."""

    model_config = ConfigDict(extra="forbid")

    rating: Rating | None = None
    note: str | None = Field(default=None, max_length=10_000)


class Choice(BaseModel):
    """A category or verdict of the user, null for none, and the reason."""

    model_config = ConfigDict(extra="forbid")

    value: str | None
    why: str = Field(default="set in the explorer", max_length=10_000)


class PlacedVoice(BaseModel):
    """A voice in a slot: its name, and its 145 parameters in VCED order as hexadecimal digits."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(max_length=100)
    parameters: str = Field(pattern=f"^[0-9a-f]{{{2 * len(PARAMETER_NAMES)}}}$")


class Voices(BaseModel):
    """Voices in the order of their slots. version: of the collection as it was read, null for a new one."""

    model_config = ConfigDict(extra="forbid")

    voices: list[PlacedVoice] = Field(max_length=_MAX_VOICES)
    version: str | None = None

    def to_collection(self) -> Collection:
        """Return the voices as a collection. Raises DeepDXError for a parameter out of range."""
        digits = "".join(voice.parameters for voice in self.voices)
        parameters = np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(-1, len(PARAMETER_NAMES))
        try:
            return Collection(parameters, tuple(voice.name[:NAME_LENGTH] for voice in self.voices), self.version)
        except ValueError as error:
            raise DeepDXError(str(error)) from error


@router.put("/sounds/{sound_id}/rating")
def put_rating(librarian: TheLibrarian, sound_id: str, new: NewRating) -> dict[str, Any]:
    """Rate a sound, or write a note on it. Return both as they were before."""
    librarian.voice(sound_id)
    given = new.model_fields_set
    before = rate(
        librarian.home,
        sound_id,
        new.rating if "rating" in given else UNCHANGED,
        new.note if "note" in given else UNCHANGED,
    )
    return {"before": before._asdict()}


@router.put("/sounds/{sound_id}/category")
def put_category(librarian: TheLibrarian, sound_id: str, new: Choice) -> dict[str, Any]:
    """Set the user's category of a sound, which wins over all evidence from the next run on. Return the one before."""
    home = librarian.home
    categories = find_taxonomy(home.taxonomy).categories
    return {"before": _overrule(librarian, sound_id, "category", categories, new)}


@router.put("/sounds/{sound_id}/verdict")
def put_verdict(librarian: TheLibrarian, sound_id: str, new: Choice) -> dict[str, Any]:
    """Set the user's verdict on a sound, which wins over the rules from the next run on. Return the one before."""
    return {"before": _overrule(librarian, sound_id, "verdict", VERDICTS, new)}


def _overrule(
    librarian: Librarian, sound_id: str, column: str, allowed: tuple[str, ...], new: Choice
) -> dict[str, str | None]:
    home = librarian.home
    if librarian.holdings.catalog.row_of(sound_id) is None:
        raise UnknownVoiceError(f"no sound {sound_id!r}")
    if new.value is not None and new.value not in allowed:
        raise DeepDXError(f"{new.value!r} is not one of {', '.join(allowed)}")
    path = home.labels if column == "category" else home.verdicts
    row = None if new.value is None else (new.value, new.why)
    before = change_override(path, column, allowed, sound_id, lambda _: row, lock=home.overrides_lock)
    value, why = before or (None, "")
    return {"value": value, "why": why}


@router.get("/collections")
def collections(librarian: TheLibrarian) -> list[dict[str, Any]]:
    """Return the collections: name, number of voices, and the reason if one cannot be read."""
    return [listed._asdict() for listed in list_collections(librarian.home)]


@router.get("/collections/{name}")
def collection(librarian: TheLibrarian, name: str) -> dict[str, Any]:
    """Return the voices of a collection in their order, and its version."""
    found = read_collection(librarian.home, name)
    return {"name": name, "version": found.version, "voices": describe_voices(librarian, found.parameters, found.names)}


@router.put("/collections/{name}")
def put_collection(librarian: TheLibrarian, name: str, new: Voices) -> dict[str, Any]:
    """Write a collection as a whole. Refused if it is not as it was read. Return its new version."""
    written = write_collection(librarian.home, name, new.to_collection())
    return {"name": name, "version": written.version}


@router.post("/collections/{name}/name")
def post_name(librarian: TheLibrarian, name: str, new_name: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
    """Rename a collection."""
    rename_collection(librarian.home, name, new_name)
    return {"name": new_name}


@router.delete("/collections/{name}")
def delete(librarian: TheLibrarian, name: str, version: str | None = None) -> dict[str, Any]:
    """Delete a collection. Return its voices as they were, so that the deletion can be undone.

    version: refuse if the collection is not as it was read.
    """
    before = read_collection(librarian.home, name)
    delete_collection(librarian.home, name, version or before.version)
    return {"voices": describe_voices(librarian, before.parameters, before.names)}


@router.post("/banks", response_class=Response, responses={200: _BYTES})
def bank(new: Voices) -> Response:
    """Return voices as 32-voice dumps that a DX7 loads, 4,104 bytes each. INIT VOICE fills the last."""
    found = new.to_collection()
    if not len(found):
        raise DeepDXError("no voices: a bank needs at least one")
    return Response(b"".join(found.to_banks()), media_type="application/octet-stream")


@router.post("/files")
async def read_file(librarian: TheLibrarian, request: Request) -> dict[str, Any]:
    """Return the voices in a file, the body of the request, read as the intake reads files. Nothing is stored."""
    content = await request.body()
    return await run_in_threadpool(_read_content, librarian, content)


def _read_content(librarian: Librarian, content: bytes) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="deepdx-") as folder:
        path = Path(folder) / "dropped file"
        path.write_bytes(content)
        found = read_bank(path, path.name)
    return {"voices": describe_voices(librarian, found.parameters, found.names)}


@router.get("/dumps/{sha256}/{offset}")
def dump(librarian: TheLibrarian, sha256: str, offset: int) -> dict[str, Any]:
    """Return the bank that a file had at an offset, slot by slot, as it was found."""
    with Snapshot(librarian.home.database) as corpus:
        slots = corpus.read("decoded_voices").filter(pl.col("sha256") == sha256, pl.col("offset") == offset)
        files = corpus.read("raw_files", ["path", "member", "sha256"]).filter(pl.col("sha256") == sha256)
    readable = slots.filter(pl.col("sound_id").is_not_null()).sort("slot")
    if readable.is_empty():
        raise UnknownVoiceError("no such bank in the corpus")
    path, member = files.row(0)[:2]
    return {
        "name": f"{path}/{member}" if member else path,
        "voices": describe_voices(librarian, to_parameters(readable), readable["name"].to_list()),
        "unreadable": slots.filter(pl.col("sound_id").is_null())["slot"].to_list(),
    }
