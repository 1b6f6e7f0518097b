"""The training set: the one join of the tables behind every model, a row for each valid sound."""

import polars as pl

from deepdx_core.tables.dataset import TrainingSet
from deepdx_core.voice.parameters import PARAMETER_NAMES


def build_training_set(
    splits: pl.DataFrame,
    labeled: pl.DataFrame,
    families: pl.DataFrame,
    sounds: pl.DataFrame,
    voices: pl.DataFrame,
) -> pl.DataFrame:
    """Join the tables of the corpus into rows of `training_set`, sorted by `sound_id`.

    The arguments are the tables `training_splits`, `labeled_voices`, `families`, `unique_voices` and `decoded_voices`.
    Sounds that left the corpus are dropped. Withheld sounds are kept: they count for names and are scored for realness.
    """
    names = voices.drop_nulls("sound_id").group_by("sound_id").agg(names=pl.col("name").unique().sort())
    return TrainingSet.cast(
        splits.filter("in_corpus")
        .join(labeled.select("sound_id", "label"), on="sound_id")
        .join(families.select("sound_id", "family_id"), on="sound_id")
        .join(names, on="sound_id", how="left")
        .with_columns(pl.col("names").fill_null([]))
        .join(sounds.select("sound_id", *PARAMETER_NAMES), on="sound_id")
        .sort("sound_id")
        .select(TrainingSet.column_names())
    )
