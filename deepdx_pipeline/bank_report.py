"""Reports on generated banks, as a player knows them: a table of the voices, and a sheet of their loudness curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np
import polars as pl

from deepdx_core.display import printable
from deepdx_core.voice.parameters import INDEX
from deepdx_pipeline.plots import Plots, bank_sheet

if TYPE_CHECKING:
    from deepdx_core.arrays import Float64Array, UInt8Array

_SECONDS, _HELD = 3.0, 2.0


def voices_table(names: Sequence[str], parameters: "UInt8Array", realness: "Float64Array") -> pl.DataFrame:
    """Return a row for each voice: slot, name, algorithm, character in words, and the critic's score."""
    from deepdx_core.labels.traits import compute_traits, describe_traits

    return pl.DataFrame(
        {
            "slot": range(1, len(names) + 1),
            "name": names,
            "algorithm": parameters[:, INDEX["algorithm"]] + 1,
            "character": describe_traits(compute_traits(parameters)),
            "critic (over 0: looks real)": np.round(realness, 1),
        }
    )


def rejections_table(rejected: Mapping[str, int]) -> pl.DataFrame:
    """Return the number of rejected candidates by reason, the most frequent first."""
    rows = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    return pl.DataFrame(rows, schema={"rejected candidates": pl.String, "count": pl.Int64}, orient="row")


def sheet(
    plots: Plots, name: str, names: Sequence[str], parameters: "UInt8Array", title: str
) -> Mapping[str, dg.MetadataValue[Any]]:
    """Draw the voices of a bank into `NAME.png`, and return its metadata."""
    from deepdx_core.sound.contours import loudness_contours

    algorithms = parameters[:, INDEX["algorithm"]] + 1
    captions = [
        f"{slot:>2} {printable(voice):<10} alg {algorithm}"
        for slot, (voice, algorithm) in enumerate(zip(names, algorithms, strict=True), 1)
    ]
    about = f"{title}: loudness of middle C over {_SECONDS:g} s, key up at the dotted line"
    contours = loudness_contours(parameters, _SECONDS, _HELD)
    return plots.metadata(name, bank_sheet(captions, contours, _SECONDS, _HELD, about))
