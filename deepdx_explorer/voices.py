"""Lists of voices: those in a file, and any for the page, with what the catalog knows about each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.conversion import to_parameters
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.keeping.collections import Collection
from deepdx_explorer.librarian import Librarian, Voice
from deepdx_explorer.sheets import describe_sound, is_playable


class UnplayableError(DeepDXError):
    """A voice has parameters out of range: no DX7 plays it as it is."""


def playable(voice: Voice) -> Voice:
    """Return the voice. Raises UnplayableError if a parameter is out of range."""
    if not is_playable(voice.parameters):
        raise UnplayableError(f"{voice.name}: parameters out of range; no DX7 plays it as it is")
    return voice


def read_bank(path: Path, shown: str | None = None) -> Collection:
    """Return all voices in a file that are in range. shown: name of the file for messages, by default its path.

    Raises DeepDXError if there are none.
    """
    files, found = inspect_files([path])
    valid = found.filter("valid")
    if valid.is_empty():
        reasons = "; ".join(files["reason"].drop_nulls().to_list()[:3])
        raise DeepDXError(f"{shown or printable(str(path))}: no voices ({reasons or 'none is in range'})")
    return Collection(to_parameters(valid), tuple(valid["name"]))


def describe_voices(librarian: Librarian, parameters: UInt8Array, names: Sequence[str]) -> list[dict[str, Any]]:
    """Describe voices for playing, and remember those that are in no file."""
    ids = sound_ids(parameters)
    columns = ["sound_id", "label", "verdict", "rating", "loudness_db"]
    rows = pl.DataFrame({"sound_id": ids}, {"sound_id": pl.String}).join(
        librarian.holdings.rows.select(columns), on="sound_id", how="left", maintain_order="left"
    )
    known = rows["rating"].is_not_null()
    made = zip(ids, parameters, names, known, strict=True)
    librarian.remember({sound_id: Voice(values, name) for sound_id, values, name, is_known in made if not is_known})
    sounds = describe_sound(parameters, rows["loudness_db"].to_numpy())
    return [
        row | {"name": name} | sound for row, name, sound in zip(rows.iter_rows(named=True), names, sounds, strict=True)
    ]
