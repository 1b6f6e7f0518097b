"""Which sounds a model trains on, is chosen on and is judged on."""

import polars as pl

from deepdx_core.tables.schemas import SPLITS

SHARES = (0.8, 0.1, 0.1)
"""Of train, validation and test."""


def assign_splits(sound_ids: pl.Series) -> pl.DataFrame:
    """The split of each sound, as rows of `training_splits`, sorted by key.

    The split follows from the sound's id, which is a digest of its parameters: the same sound is in the same split
    whatever else is in the corpus, and exact duplicates are one sound.
    """
    place = pl.col("sound_id").str.slice(0, 8).str.to_integer(base=16) / 16**8
    train, validation, test = SPLITS
    split = pl.when(place < SHARES[0]).then(pl.lit(train)).when(place < SHARES[0] + SHARES[1]).then(pl.lit(validation))
    return sound_ids.alias("sound_id").to_frame().sort("sound_id").with_columns(split=split.otherwise(pl.lit(test)))
