"""Splits: assigned by family, so that they do not leak, and permanent."""

import hashlib

import polars as pl

from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.dedup.families import find_families
from deepdx_core.dedup.functional import audible_operators, functional_parameters
from deepdx_core.dedup.near_duplicates import near_duplicates_across
from deepdx_core.tables.dataset import SPLITS, WITHHELD, TrainingSplits
from deepdx_core.voice.parameters import PARAMETER_NAMES

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""Target share of each split, within each label."""


def assign_splits(sounds: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Assign every sound to a split. Return the rows of `training_splits`, sorted by `sound_id`.

    sounds: `sound_id`, `family_id` and `label` of the valid sounds. previous: the current table; empty at first.

    - Earlier assignments stay. A sound that left the corpus keeps its row, and its split if it returns.
    - A new sound takes the split of its family. If the family is in several splits, because the new sound joins two
      families, it is withheld: it would leak in any split.
    - Families without a split are allotted as a whole, in the order of a digest of their ids, so that each split gets
      its share of every label. The label of a family is that of most of its sounds.
    """
    now = sounds.join(previous.select("sound_id", "split", "reason", was_there="in_corpus"), on="sound_id", how="left")
    # A returning sound gives way to those that took the place of its family in the meantime.
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
    gone = previous.join(assigned, on="sound_id", how="anti").with_columns(in_corpus=pl.lit(False))
    return pl.concat([assigned, gone.select(assigned.columns)]).sort("sound_id").select(TrainingSplits.column_names())


def withhold_linked(splits: pl.DataFrame, sounds: pl.DataFrame, similar: pl.DataFrame) -> pl.DataFrame:
    """Withhold sounds of families that are in several splits, as later evidence such as rendered audio may show.

    Sounds in the split with most sounds of the family stay there; on a tie, the first of train, validation and test
    wins. Sounds that are withheld already link no families.

    splits: from `assign_splits`. sounds: the table `unique_voices`. similar: pairs of sounds nearly equal by ear,
    `sound_id` and `other_id`.
    """
    placed = splits.filter("in_corpus", pl.col("split") != WITHHELD)
    linked = find_families(sounds.join(placed, on="sound_id", how="semi"), similar).select("sound_id", "family_id")
    sides = (
        placed.join(linked, on="sound_id")
        .group_by("family_id", "split")
        .agg(sounds=pl.len())
        .sort("sounds", pl.col("split").replace_strict(_ORDER), descending=[True, False])
        .group_by("family_id", maintain_order=True)
        .agg(stays=pl.col("split").first(), several=pl.len() > 1)
        .filter("several")
    )
    leaking = linked.join(sides, on="family_id").select("sound_id", "stays")
    moved = pl.col("stays").is_not_null() & (pl.col("stays") != pl.col("split")) & (pl.col("split") != WITHHELD)
    return splits.join(leaking, on="sound_id", how="left", maintain_order="left").select(
        "sound_id",
        split=pl.when(moved).then(pl.lit(WITHHELD)).otherwise("split"),
        reason=pl.when(moved)
        .then(pl.format("stood in {}; most of what turned out to be its family is in {}", "split", "stays"))
        .otherwise("reason"),
        in_corpus="in_corpus",
    )


def leaks(splits: pl.DataFrame, sounds: pl.DataFrame, similar: pl.DataFrame) -> pl.DataFrame:
    """Return all pairs of near-duplicates in different splits: `sound_id`, `split`, `other_id`, `other_split`.

    Near-duplicates differ in at most 5 parameters, differ only in inaudible parameters, or are nearly equal by ear.
    Withheld sounds are in no split. The arguments are those of `withhold_linked`.
    """
    placed = (
        splits.filter("in_corpus", pl.col("split") != WITHHELD)
        .join(sounds.select("sound_id", *PARAMETER_NAMES), on="sound_id")
        .sort("sound_id")
    )
    parameters = placed.select(PARAMETER_NAMES).to_numpy()
    pairs = near_duplicates_across(parameters, placed["split"].replace_strict(_ORDER, return_dtype=pl.Int64).to_numpy())
    ends = placed.select("sound_id", "split")
    near = pl.DataFrame({"sound_id": ends["sound_id"][pairs[:, 0]], "other_id": ends["sound_id"][pairs[:, 1]]})
    audible = placed.select("sound_id").with_columns(
        functional_id=pl.Series(sound_ids(functional_parameters(parameters)))
    )
    # All silent sounds are functionally equal, and yet no near-duplicates.
    audible = audible.filter(pl.Series(audible_operators(parameters).any(axis=1)))
    same = audible.join(audible.rename({"sound_id": "other_id"}), on="functional_id").select("sound_id", "other_id")
    return (
        pl.concat([near, same.filter(pl.col("sound_id") < pl.col("other_id")), similar.select(near.columns)])
        .unique()
        .join(ends, on="sound_id")
        .join(ends.rename({"sound_id": "other_id", "split": "other_split"}), on="other_id")
        .filter(pl.col("split") != pl.col("other_split"))
        .select("sound_id", "split", "other_id", "other_split")
        .sort("sound_id", "other_id")
    )


_ORDER = {split: number for number, split in enumerate(SPLITS)}


def _allotted(now: pl.DataFrame) -> pl.DataFrame:
    """Return the split of each family that has none yet: `family_id`, `allotted`."""
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
    # A family's id is the smallest of many digests: without another digest, large families would come first.
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
