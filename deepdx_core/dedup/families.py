"""The table `families`: functional equality and near-duplicate families of sounds."""

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.functional import audible_operators, functional_parameters
from deepdx_core.dedup.near_duplicates import near_duplicate_groups
from deepdx_core.voice.parameters import PARAMETER_NAMES

_NO_PARENTS = pl.DataFrame(schema={"sound_id": pl.String, "parent_id": pl.String})


def find_families(
    sounds: pl.DataFrame, similar: pl.DataFrame | None = None, parents: pl.DataFrame = _NO_PARENTS
) -> pl.DataFrame:
    """Return the table `families`, one row per sound, sorted by `sound_id`.

    sounds: rows of `unique_voices` in range. similar: pairs of sounds that are nearly equal by ear, `sound_id` and
    `other_id`, from `audio_similarity.similar_pairs`. parents: the sound of whose family another one is, `sound_id` and
    `parent_id`; it joins that family and connects it to no other. Columns:

    - `functional_id`: like `sound_id`, but of the audible parameters (`functional.functional_parameters`)
    - `family_id`: the smallest `sound_id` of the family, without sounds that have a parent. A family is connected by at
      most 5 differing parameters, by equal `functional_id` (unless silent), or by `similar`. The id depends on the
      sounds, not on their order; it changes only if a sound with a smaller id joins, or if two families merge
    - `functional_representative`, `family_representative`: true for one sound of the group: the one in most files, then
      in most slots, then with the smallest id; a converted one only if there is no other
    - `functional_size`, `family_size`: number of sounds in the group
    - `best_name`: the most common name in the family, by files counted per sound, then the first in alphabetical order;
      blank only if there is no other
    """
    sounds = sounds.with_row_index("row")
    parameters: UInt8Array = np.ascontiguousarray(sounds.select(PARAMETER_NAMES).to_numpy(), dtype=np.uint8)
    table = sounds.select("row", "sound_id", "converted", "files", "slots", "names", "name_counts").with_columns(
        functional_id=pl.Series(sound_ids(functional_parameters(parameters)), dtype=pl.String)
    )
    heads = table.join(parents, on="sound_id", how="anti", maintain_order="left")
    of_heads = _family_ids(heads, parameters[heads["row"].to_numpy()], similar)
    of_others = parents.join(of_heads, left_on="parent_id", right_on="sound_id").drop("parent_id")
    table = table.join(pl.concat([of_heads, of_others]), on="sound_id")
    return (
        table.join(_best_names(table), on="family_id")
        .sort("converted", pl.col("files", "slots").cast(pl.Int64) * -1, "sound_id")
        .with_columns(
            column
            for level in ("functional", "family")
            for column in (
                (pl.col("sound_id") == pl.col("sound_id").first().over(f"{level}_id")).alias(f"{level}_representative"),
                pl.len().over(f"{level}_id").cast(pl.UInt32).alias(f"{level}_size"),
            )
        )
        .sort("sound_id")
        .select(
            "sound_id",
            "functional_id",
            "functional_representative",
            "functional_size",
            "family_id",
            "family_representative",
            "family_size",
            "best_name",
        )
    )


def _family_ids(sounds: pl.DataFrame, parameters: UInt8Array, similar: pl.DataFrame | None) -> pl.DataFrame:
    """Return `sound_id` and `family_id` of sounds, `sound_id` and `functional_id`, by all three links."""
    sounds = sounds.select("sound_id", "functional_id").with_row_index("row")
    first = sounds.select(pl.col("row").first().over("functional_id")).to_series().to_numpy()
    same = np.stack([np.arange(len(sounds)), first.astype(np.int64)], axis=1)
    # All silent sounds are functionally equal, but must not connect families: many families contain one.
    same = same[audible_operators(parameters).any(axis=1)]
    links = same if similar is None else np.concatenate([same, _rows(sounds, similar)])
    groups = pl.Series(near_duplicate_groups(parameters, links), dtype=pl.Int64)
    return sounds.select("sound_id", family_id=pl.col("sound_id").min().over(groups))


def _rows(sounds: pl.DataFrame, pairs: pl.DataFrame) -> Int64Array:
    """Return pairs of ids as pairs of rows, `int64[m, 2]`, without pairs with a missing sound."""
    rows = sounds.select("sound_id", pl.col("row").cast(pl.Int64))
    ends = pairs.join(rows, on="sound_id").join(rows, left_on="other_id", right_on="sound_id", suffix="_other")
    return ends.select("row", "row_other").to_numpy()


def _best_names(table: pl.DataFrame) -> pl.DataFrame:
    return (
        table.select("family_id", name="names", count="name_counts")
        .explode("name", "count")
        .group_by("family_id", "name")
        .agg(pl.col("count").cast(pl.Int64).sum())
        .sort(pl.col("name") == "", -pl.col("count"), "name")
        .group_by("family_id", maintain_order=True)
        .agg(best_name=pl.col("name").first())
    )
