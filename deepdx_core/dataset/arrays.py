"""The training set as arrays, by split."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.dedup.near_duplicates import near_duplicate_groups
from deepdx_core.labels.taxonomy import Taxonomy
from deepdx_core.tables.dataset import SPLITS
from deepdx_core.voice.parameters import PARAMETER_NAMES


@dataclass(frozen=True)
class Voices:
    """Voices with their labels and families.

    parameters: `uint8[n, 145]`. labels: label ids, `int64[n]`. families: `int64[n]`, -1 if unknown. by_names: label ids
    that follow from names alone, `int64[n]`, -1 without a telling name; None if names are not known at all.
    """

    parameters: UInt8Array
    labels: Int64Array
    families: Int64Array
    by_names: Int64Array | None = None

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, rows: Int64Array) -> "Voices":
        by_names = None if self.by_names is None else self.by_names[rows]
        return Voices(self.parameters[rows], self.labels[rows], self.families[rows], by_names)

    def named(self) -> "Voices":
        """Return the voices with a telling name, labeled by it; all with their labels, if names are not known."""
        if self.by_names is None:
            return self
        return replace(self, labels=self.by_names)[np.flatnonzero(self.by_names >= 0)]


@dataclass(frozen=True)
class Splits:
    """Voices to train, select and test models on. labels: names of the labels, in the order of the label ids."""

    train: Voices
    validation: Voices
    test: Voices
    labels: tuple[str, ...]


def splits_from_training_set(
    training_set: pl.DataFrame, labels: tuple[str, ...], by_names: pl.DataFrame | None = None
) -> Splits:
    """Return the splits of the table `training_set` as arrays, without withheld sounds.

    labels: names of the labels, in the order of the label ids. by_names: labels that follow from names alone, from
    `labels_by_names`. Raises ValueError if a split is empty.
    """
    # Ranked over withheld sounds too: families are numbered the same whatever is withheld.
    rows = training_set.with_columns(family=pl.col("family_id").rank("dense").cast(pl.Int64))
    ids = {label: i for i, label in enumerate(labels)}
    if by_names is not None:
        named = by_names.select("sound_id", by_names=pl.col("label").replace_strict(ids, return_dtype=pl.Int64))
        rows = rows.join(named, on="sound_id", how="left", maintain_order="left").with_columns(
            pl.col("by_names").fill_null(-1)
        )
    parts = {}
    for split in SPLITS:
        own = rows.filter(pl.col("split") == split)
        if own.is_empty():
            raise ValueError(f"there are no {split} voices")
        parts[split] = Voices(
            own.select(PARAMETER_NAMES).to_numpy(writable=True),
            own["label"].replace_strict(ids, return_dtype=pl.Int64).to_numpy(writable=True),
            own["family"].to_numpy(writable=True),
            None if by_names is None else own["by_names"].to_numpy(writable=True),
        )
    return Splits(**parts, labels=labels)


def labels_by_names(labeled: pl.DataFrame, taxonomy: Taxonomy) -> pl.DataFrame:
    """Return `sound_id` and `label` of the sounds whose names alone say a category, from the table `labeled_voices`."""
    return labeled.drop_nulls("by_names").select(
        "sound_id", label=pl.col("by_names").replace_strict(taxonomy.label_of, return_dtype=pl.String)
    )


def generated_voices(parameters: UInt8Array, labels: Int64Array) -> Voices:
    """Return generated voices; their families are unknown."""
    return Voices(parameters, labels, np.full(len(labels), -1))


def sample_rows(count: int, size: int, seed: int) -> Int64Array:
    """Draw `size` of `count` row numbers without replacement, ascending; all of them if there are fewer."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:size])


def joint_families(*parts: Voices) -> Int64Array:
    """Return the family of each voice of several sets together, `int64[n]`, as its smallest row number.

    Voices of one family differ in 5 or fewer parameters, within or across sets, or belong to the same known family,
    which the corpus may have linked through other sounds or by ear.
    """
    known = np.concatenate([part.families for part in parts])
    order = np.argsort(known, kind="stable")
    neighbors = np.stack([order[:-1], order[1:]], axis=1)
    same = (known[neighbors[:, 0]] == known[neighbors[:, 1]]) & (known[neighbors[:, 0]] >= 0)
    return near_duplicate_groups(np.concatenate([part.parameters for part in parts]), neighbors[same])
