"""Lists of voices for the page: played, named, and with what the catalog knows about each."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_explorer.librarian import Librarian, Voice
from deepdx_explorer.sheets import describe_sound


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
