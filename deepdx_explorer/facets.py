"""Facets: columns by which sounds are counted and filtered, as codes: counting a million sounds takes a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from deepdx_core.arrays import BoolArray, Int64Array

FACETS = ("label", "category", "algorithm", "verdict", "source", "split", "origin", "rating")
"""Columns of the catalog that are facets. `source` is a list: a sound may be in several folders."""

_MAX_VALUES = 200
"""Values of a facet that are listed: a collection may have thousands of folders."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Facet:
    """The values of a column.

    values: sorted. codes: the index of each value that a sound has, `int64[m]`. rows: the sound that has it,
    `int64[m]`. count: number of sounds.
    """

    values: list[Any]
    codes: Int64Array
    rows: Int64Array
    count: int

    @classmethod
    def of(cls, column: pl.Series) -> "Facet":
        """Return the facet of a column; missing values have no code."""
        table = column.alias("value").to_frame().with_row_index("row")
        if column.dtype == pl.List:
            table = table.explode("value", empty_as_null=False)
        table = table.drop_nulls("value")
        values = table["value"].unique().sort()
        codes = table["value"].replace_strict(
            values, pl.Series(range(len(values)), dtype=pl.Int64), return_dtype=pl.Int64
        )
        return cls(values.to_list(), codes.to_numpy(), table["row"].cast(pl.Int64).to_numpy(), len(column))

    def matches(self, wanted: Sequence[Any]) -> BoolArray:
        """Return which sounds have one of some values, `bool[count]`."""
        chosen = np.isin(self.codes, [code for code, value in enumerate(self.values) if value in wanted])
        found = np.zeros(self.count, dtype=np.bool_)
        found[self.rows[chosen]] = True
        return found

    def counts(self, among: BoolArray) -> list[tuple[Any, int]]:
        """Return the number of sounds with each value among some, `bool[count]`: the most frequent first."""
        counts = np.bincount(self.codes[among[self.rows]], minlength=len(self.values))
        order = np.argsort(-counts, kind="stable")[:_MAX_VALUES]
        return [(self.values[code], int(counts[code])) for code in order if counts[code]]


def find_matches(
    facets: Mapping[str, Facet], wanted: Mapping[str, Sequence[Any]], words: BoolArray
) -> tuple[BoolArray, dict[str, list[tuple[Any, int]]]]:
    """Return which sounds match, `bool[count]`, and the counts of each facet among the sounds that match all else.

    wanted: by facet, alternatives; no values do not restrict. words: the sounds that match the words of a search.
    """
    masks = {name: facets[name].matches(values) for name, values in wanted.items() if values}
    counts = {}
    for name, facet in facets.items():
        others = words.copy()
        for other, mask in masks.items():
            if other != name:
                others &= mask
        counts[name] = facet.counts(others)
    found = words.copy()
    for mask in masks.values():
        found &= mask
    return found, counts
