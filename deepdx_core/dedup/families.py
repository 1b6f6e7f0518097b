"""The three levels on which sounds are the same, as a table: to the byte, to the ear, and by descent."""

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.functional import audible_operators, functional_parameters
from deepdx_core.dedup.near_duplicates import near_duplicate_groups
from deepdx_core.voice.parameters import PARAMETER_NAMES


def find_families(sounds: pl.DataFrame, alike: pl.DataFrame | None = None) -> pl.DataFrame:
    """Which sounds stand for the same, a row a sound, sorted by `sound_id`.

    sounds: legal rows of `unique_voices`. alike: pairs that sound alike though more of their parameters differ,
    `sound_id` and `other_id`. The columns:

    - `functional_id`: as `sound_id`, of the parameters that can be heard (`identity.functional`)
    - `family_id`: the smallest `sound_id` of the family: sounds joined by at most 5 differing parameters, by an equal
      `functional_id` (unless it is silence), or by `alike`. It hangs on the sounds alone, not on their order, and
      changes only where a sound with a smaller id joins the family or two families become one
    - `functional_representative`, `family_representative`: whether this sound stands for all of them, which is the one
      in most files, then in most slots, then with the smallest id
    - `functional_size`, `family_size`: how many sounds there are of them
    - `best_name`: the name that most files give to sounds of the family, counted sound by sound, then the first by the
      alphabet; a blank name only where there is no other
    """
    sounds = sounds.with_row_index("row")
    parameters: UInt8Array = np.ascontiguousarray(sounds.select(PARAMETER_NAMES).to_numpy(), dtype=np.uint8)
    table = sounds.select("row", "sound_id", "files", "slots", "names", "name_counts").with_columns(
        functional_id=pl.Series(sound_ids(functional_parameters(parameters)), dtype=pl.String)
    )
    first = table.select(pl.col("row").first().over("functional_id")).to_series().to_numpy()
    same = np.stack([np.arange(len(table)), first.astype(np.int64)], axis=1)
    # All silence is one sound, and yet no ancestor: it would join each family that has a member somebody turned off.
    same = same[audible_operators(parameters).any(axis=1)]
    links = same if alike is None else np.concatenate([same, _rows(sounds, alike)])
    table = table.with_columns(family=pl.Series(near_duplicate_groups(parameters, links), dtype=pl.Int64)).with_columns(
        family_id=pl.col("sound_id").min().over("family")
    )
    return (
        table.join(_best_names(table), on="family_id")
        .sort(pl.col("files", "slots").cast(pl.Int64) * -1, "sound_id")
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


def fold_of(family_id: pl.Expr, folds: int) -> pl.Expr:
    """Into which of so many folds a family falls, 0 to folds - 1: by its id, which is a digest, and so for good."""
    return family_id.str.slice(0, 8).str.to_integer(base=16) % folds


def _rows(sounds: pl.DataFrame, pairs: pl.DataFrame) -> Int64Array:
    """Pairs of ids as pairs of rows, `int64[m, 2]`; pairs with an end that is not there are left out."""
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
