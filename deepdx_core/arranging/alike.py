"""Voices that sound like an earlier one."""

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array
from deepdx_core.dedup.audio_similarity import similar_pairs


def find_earlier(sound_ids: pl.Series, audio: pl.DataFrame) -> Int64Array:
    """Return for each voice the row of the earlier voice that it is left to, `int64[n]`; its own row if there is none.

    A voice is left to an earlier one if they are equal, or nearly equal by ear (see `similar_pairs`), and the earlier
    one is left to no other: in a chain of voices, each like the next, the first and the third stay. audio: a table
    `audio_features` of all the sounds.
    """
    rows = pl.DataFrame({"sound_id": sound_ids}).with_row_index("row", 0)
    first = rows.unique("sound_id", keep="first", maintain_order=True)
    pairs = similar_pairs(audio).join(first, on="sound_id").join(first, left_on="other_id", right_on="sound_id")
    ends = np.sort(pairs.select("row", "row_right").to_numpy().astype(np.int64).reshape(-1, 2), axis=1)
    of_equal = rows.join(first, on="sound_id", how="left", maintain_order="left")["row_right"]
    stands_for: Int64Array = _keep_first(ends[:, 0], ends[:, 1], len(rows))[of_equal.to_numpy()]
    return stands_for


def _keep_first(earlier: Int64Array, later: Int64Array, count: int) -> Int64Array:
    """Return the row that stands for each of `count` rows, by pairs of like ones. Chains take a step a link."""
    kept = np.zeros(count, dtype=bool)
    undecided = np.ones(count, dtype=bool)
    while undecided.any():
        waiting = np.zeros(count, dtype=bool)
        waiting[later[undecided[earlier]]] = True
        kept |= undecided & ~waiting
        undecided &= waiting
        undecided[later[kept[earlier]]] = False
    stands_for = np.arange(count)
    ends = kept[earlier] & ~kept[later]
    np.minimum.at(stands_for, later[ends], earlier[ends])
    return stands_for
