"""Which sounds a model trains on, is chosen on and is judged on: by family, and for good."""

import hashlib

import polars as pl

from deepdx_core.curation.families import crossing
from deepdx_core.tables.columns import SPLITS
from deepdx_core.tables.schemas import WITHHELD, TrainingSplits
from deepdx_core.voice.parameters import PARAMETER_NAMES

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""Of the sounds of each label."""


def assign_splits(sounds: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """The split of each sound, as rows of `training_splits`, sorted by key.

    sounds: `sound_id`, `family_id` and `label` of the valid sounds. before: the table as it was, empty the first time.

    - What was assigned stays. A sound that is gone keeps its row, so that it comes back to where it was.
    - A sound that is new takes the split of its family's sounds. Where these stand in different splits, because the new
      sound is what joins them, it is withheld: in any split it would leak.
    - Families without a split are allotted whole, in the order of a digest of their ids, so that in each label (that of
      most of a family's sounds) the splits come to have their shares.
    """
    now = sounds.join(before.select("sound_id", "split", "reason", was_there="in_corpus"), on="sound_id", how="left")
    # A sound that comes back gives way to those that took its family's place meanwhile.
    settled = pl.col("split").filter(pl.col("was_there"), pl.col("split") != WITHHELD)
    remembered = pl.col("split").filter(pl.col("split") != WITHHELD)
    families = (
        now.group_by("family_id")
        .agg(settled=settled.unique().sort(), remembered=remembered.unique().sort())
        .select(
            "family_id",
            known=pl.when(pl.col("settled").list.len() > 0).then("settled").otherwise("remembered"),
        )
        .join(_allotted(now), on="family_id", how="left")
        .with_columns(
            new_split=pl.when(pl.col("known").list.len() == 0)
            .then("allotted")
            .when(pl.col("known").list.len() == 1)
            .then(pl.col("known").list.first())
            .otherwise(pl.lit(WITHHELD)),
            new_reason=pl.when(pl.col("known").list.len() == 0)
            .then(pl.lit("allotted with its family"))
            .when(pl.col("known").list.len() == 1)
            .then(pl.lit("its family was there"))
            .otherwise(pl.format("its family has sounds in {}", pl.col("known").list.join(" and "))),
        )
    )
    stays = pl.col("was_there").fill_null(False) | (pl.col("split") == WITHHELD).fill_null(False)
    assigned = now.join(families, on="family_id").select(
        "sound_id",
        split=pl.when(stays).then("split").otherwise("new_split"),
        reason=pl.when(stays).then("reason").otherwise("new_reason"),
        in_corpus=pl.lit(True),
    )
    gone = before.join(assigned, on="sound_id", how="anti").with_columns(in_corpus=pl.lit(False))
    return pl.concat([assigned, gone.select(assigned.columns)]).sort("sound_id").select(TrainingSplits.column_names())


def leaks(splits: pl.DataFrame, sounds: pl.DataFrame) -> pl.DataFrame:
    """Pairs at most 5 parameters apart in different splits, as sound_id, split, other_id, other_split.

    splits: the table `training_splits`; withheld sounds are in none. sounds: the table `unique_voices`.
    """
    placed = (
        splits.filter(pl.col("split") != WITHHELD)
        .join(sounds.select("sound_id", *PARAMETER_NAMES), on="sound_id")
        .sort("sound_id")
    )
    numbers = placed["split"].replace_strict({split: n for n, split in enumerate(SPLITS)}, return_dtype=pl.Int64)
    pairs = crossing(placed.select(PARAMETER_NAMES).to_numpy(), numbers.to_numpy())
    ends = placed.select("sound_id", "split")
    others = ends.select(other_id="sound_id", other_split="split")
    return pl.concat([ends[pairs[:, 0]], others[pairs[:, 1]]], how="horizontal")


def _allotted(now: pl.DataFrame) -> pl.DataFrame:
    """The split of each family that has none yet: `family_id`, `allotted`."""
    has_one = pl.col("split").is_not_null() & (pl.col("split") != WITHHELD)
    there = now.filter(has_one).group_by("label", "split").agg(sounds=pl.len())
    sizes = now.group_by("label").agg(total=pl.len())
    missing = sizes.select(
        "label",
        *(
            (
                SHARES[split] * pl.col("total")
                - pl.col("label").replace_strict(
                    dict(there.filter(pl.col("split") == split).select("label", "sounds").iter_rows()),
                    default=0,
                    return_dtype=pl.Float64,
                )
            )
            .clip(0)
            .alias(split)
            for split in SPLITS[1:]
        ),
    )
    majority = now.group_by("family_id", "label").agg(votes=pl.len()).sort("votes", "label", descending=[True, False])
    open_ = (
        now.group_by("family_id")
        .agg(size=pl.len(), placed=has_one.any())
        .filter(~pl.col("placed"))
        .join(majority.unique("family_id", keep="first", maintain_order=True), on="family_id")
        .join(missing, on="label")
    )
    # Ids are digests, but a family's id is the smallest of many: without another digest, large families came first.
    order = pl.Series(
        "order", [hashlib.sha256(id_.encode()).hexdigest() for id_ in open_["family_id"]], dtype=pl.String
    )
    middle = pl.col("size").cum_sum().over("label", order_by="order") - pl.col("size") / 2
    _, validation, test = SPLITS
    return open_.with_columns(order).select(
        "family_id",
        allotted=pl.when(middle < pl.col(test))
        .then(pl.lit(test))
        .when(middle < pl.col(test) + pl.col(validation))
        .then(pl.lit(validation))
        .otherwise(pl.lit(SPLITS[0])),
    )
