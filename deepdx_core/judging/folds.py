"""Folds of families: a judge has a model for each, trained on all others."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.judges.judge import id_prefixes, own_folds


class Folds(NamedTuple):
    """The fold of each sound, `int64[n]`, and the exceptions that a judge stores; see `Judge.known`."""

    of_sound: Int64Array
    known: npt.NDArray[np.uint64]
    known_folds: UInt8Array


def assign_folds(sounds: pl.DataFrame, count: int) -> Folds:
    """Assign the families of sounds, `sound_id` and `family_id`, to folds. An id decides its fold, for good."""
    folds = own_folds(sounds["family_id"], count)
    (different,) = np.nonzero(folds != own_folds(sounds["sound_id"], count))
    known, first = np.unique(id_prefixes(sounds["sound_id"].gather(different)), return_index=True)
    return Folds(folds, known, folds[different][first].astype(np.uint8))
