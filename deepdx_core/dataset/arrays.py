"""The training set as arrays, by split."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.dedup.near_duplicates import near_duplicate_groups
from deepdx_core.tables.dataset import SPLITS
from deepdx_core.voice.parameters import PARAMETER_NAMES


@dataclass(frozen=True)
class Voices:
    """Voices with their labels and families.

    parameters: `uint8[n, 145]`. labels: label ids, `int64[n]`. families: `int64[n]`, -1 if unknown.
    """

    parameters: UInt8Array
    labels: Int64Array
    families: Int64Array

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, rows: Int64Array) -> "Voices":
        return Voices(self.parameters[rows], self.labels[rows], self.families[rows])


@dataclass(frozen=True)
class Splits:
    """Voices to train, select and test models on. labels: names of the labels, in the order of the label ids."""

    train: Voices
    validation: Voices
    test: Voices
    labels: tuple[str, ...]


def splits_from_training_set(training_set: pl.DataFrame, labels: tuple[str, ...]) -> Splits:
    """Return the splits of the table `training_set` as arrays, without withheld sounds.

    labels: names of the labels, in the order of the label ids. Raises ValueError if a split is empty.
    """
    # Ranked over withheld sounds too: families are numbered the same whatever is withheld.
    rows = training_set.with_columns(family=pl.col("family_id").rank("dense").cast(pl.Int64))
    ids = {label: i for i, label in enumerate(labels)}
    parts = {}
    for split in SPLITS:
        own = rows.filter(pl.col("split") == split)
        if own.is_empty():
            raise ValueError(f"there are no {split} voices")
        parts[split] = Voices(
            own.select(PARAMETER_NAMES).to_numpy(writable=True),
            own["label"].replace_strict(ids, return_dtype=pl.Int64).to_numpy(writable=True),
            own["family"].to_numpy(writable=True),
        )
    return Splits(**parts, labels=labels)


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
