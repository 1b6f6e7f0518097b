"""The map: the place of every sound, with what it may be colored by."""

from typing import Any

import polars as pl
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from deepdx_explorer.routes import TheLibrarian

router = APIRouter()

_COLORS = ("label", "algorithm", "verdict", "split", "origin", "rating", "source")
_NONE = "none"


@router.get("/map")
def places(librarian: TheLibrarian) -> JSONResponse:
    """Return the sounds that have a place, as columns, and for each way to color them its values and their codes.

    Values are in order of their frequency; codes are indexes into them. `rows` are row numbers of the catalog.
    """
    version, held = librarian.version, librarian.holdings
    generated = held.catalog.generated_places
    rows = (
        held.rows.with_row_index("row")
        .join(generated, on="sound_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("x", "generated_x").alias("x"), pl.coalesce("y", "generated_y").alias("y"))
        .filter(pl.col("x").is_not_null())
    )
    # Given as a response: FastAPI would look at each of some 100,000 numbers by itself.
    return JSONResponse(
        {
            "version": version,
            "rows": rows["row"].to_list(),
            "ids": rows["sound_id"].to_list(),
            "names": rows["name"].to_list(),
            "x": rows["x"].round(4).to_list(),
            "y": rows["y"].round(4).to_list(),
            "colors": {name: _codes(rows[name]) for name in _COLORS},
        }
    )


def _codes(column: pl.Series) -> dict[str, Any]:
    # A sound of several folders has the color of the first.
    texts = (column.list.first() if column.dtype == pl.List else column).cast(pl.String).fill_null(_NONE)
    counts = texts.value_counts(sort=True, name="n").sort(["n", column.name], descending=[True, False])
    values = counts[column.name].to_list()
    codes = texts.replace_strict(dict(zip(values, range(len(values)), strict=True)), return_dtype=pl.UInt32)
    return {"values": values, "codes": codes.to_list()}
