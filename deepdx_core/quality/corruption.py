"""The corruption score: log-odds that a voice is damaged or random data, by a classifier trained on the corpus.

Damaged data can pass every range check: lost bytes, a stuck bit, random values. Negative examples are the voices of the
corpus, positive ones the same voices with synthetic corruption. Gradient-boosted trees separate the two.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA, pack_vmem, unpack_vmem
from deepdx_core.dedup.families import fold_of
from deepdx_core.quality import synthetic_corruption
from deepdx_core.tables.curation import CorruptionTrainingSet
from deepdx_core.versions import CURATION_VERSION
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETER_NAMES, VMEM_SIZE, VMEM_VOICES

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

MIN_SOUNDS = 512
"""Minimum number of sounds in a corpus for a corruption score."""
MAX_SCORE = 8.0
"""Bound of every score, and the score of unreadable slots: one voice alone must not decide for its neighbors."""

_FOLDS = 2
_REAL_PER_FOLD = 6400  # training sounds; more are slower and hardly better
_GROWTH = 1.5
_CORRUPTED_PER_KIND = 1600
_MIN_CHANGED = 6  # parameters; a voice with fewer changes may be as good as before
_NEIGHBORS = 6  # on each side
_ROUNDS = 150
_SEED = 0


class CorruptionScores(NamedTuple):
    """Predictions of the models for sounds."""

    log_odds: Float64Array
    """`float64[n]`, within -MAX_SCORE and MAX_SCORE."""
    model: str
    """Version of the models: a digest of their training sets and of `CURATION_VERSION`."""


def choose_training_set(previous: pl.DataFrame, sounds: pl.DataFrame) -> pl.DataFrame:
    """Choose the training set of the models, as rows of `corruption_training_set`; empty if there are too few sounds.

    previous: the current table. It is kept until the corpus has grown by half, since retraining with each new bank
    would flip borderline verdicts each time. sounds: `sound_id`, `family_id` and parameters of the sounds in range.
    """
    if len(previous) and len(sounds) < _GROWTH * previous["corpus_sounds"][0]:
        return previous
    folded = sounds.with_columns(
        fold=fold_of(pl.col("family_id"), _FOLDS).cast(pl.UInt8), corpus_sounds=pl.lit(len(sounds), pl.UInt32)
    )
    chosen = folded.sort("sound_id").filter(pl.int_range(pl.len()).over("fold") < _REAL_PER_FOLD)
    smallest = min(len(chosen.filter(pl.col("fold") == fold)) for fold in range(_FOLDS))
    if len(sounds) < MIN_SOUNDS or smallest < MIN_SOUNDS // 4:
        chosen = chosen.clear()
    return chosen.select(CorruptionTrainingSet.column_names())


def corruption_scores(sounds: pl.DataFrame, training_set: pl.DataFrame) -> CorruptionScores | None:
    """Return the log-odds that sounds are damaged or random data; None without a training set.

    sounds: `sound_id`, `family_id` (null if out of range) and the parameters; those out of range are clipped to their
    maxima. training_set: from `choose_training_set`. The odds assume that half of the corpus is damaged. No sound is
    scored by a model that was trained on it, or on its family at the time of training.
    """
    if training_set.is_empty():
        return None
    parameters = np.minimum(sounds.select(PARAMETER_NAMES).to_numpy(), MAXIMA)
    known = sounds.join(training_set.select("sound_id", "fold"), on="sound_id", how="left", maintain_order="left")
    fold = (
        known.select(pl.coalesce("fold", fold_of(pl.coalesce("family_id", "sound_id"), _FOLDS))).to_series().to_numpy()
    )
    log_odds = np.empty(len(parameters))
    real = [training_set.filter(pl.col("fold") != n).select(PARAMETER_NAMES).to_numpy() for n in range(_FOLDS)]
    with ThreadPoolExecutor(_FOLDS) as executor:
        for number, model in enumerate(executor.map(_fit_trees, real)):
            held_out = fold == number
            if held_out.any():
                log_odds[held_out] = model.decision_function(parameters[held_out])
    version = hashlib.sha256(f"curation {CURATION_VERSION}".encode() + b"".join(part.tobytes() for part in real))
    return CorruptionScores(log_odds.clip(-MAX_SCORE, MAX_SCORE), version.hexdigest()[:16])


def _fit_trees(real: UInt8Array) -> "HistGradientBoostingClassifier":
    """Train a classifier of real sounds, `uint8[n, 145]`, against corrupted copies of them."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    kinds = _corrupted_sounds(real)
    corrupted = np.concatenate(kinds)
    # Every kind has the same weight, except those that leave hardly any voice in range.
    shares = np.concatenate([np.full(len(kind), 1 / max(len(kind), 50)) for kind in kinds])
    weights = np.concatenate([np.full(len(real), 1 / len(real)), shares / shares.sum()])
    model = HistGradientBoostingClassifier(
        max_iter=_ROUNDS, learning_rate=0.1, max_leaf_nodes=31, l2_regularization=1.0, early_stopping=False
    )
    targets = np.concatenate([np.zeros(len(real)), np.ones(len(corrupted))])
    # One thread per model: with several, sums would depend on how they are split. Set here, because the limit holds
    # for the calling thread and the libraries loaded so far.
    with threadpool_limits(1, user_api="openmp"):
        return model.fit(np.concatenate([real, corrupted]), targets, sample_weight=weights * len(targets) / 2)


def _corrupted_sounds(sounds: UInt8Array) -> list[UInt8Array]:
    """Return corrupted copies that are changed but in range, per kind, `uint8[up to _CORRUPTED_PER_KIND, 145]`."""
    random = np.random.default_rng(_SEED)
    whole_banks = sounds[: len(sounds) // VMEM_VOICES * VMEM_VOICES]
    names = random.integers(ord("A"), ord("Z") + 1, (len(whole_banks), NAME_LENGTH)).astype(np.uint8)
    banks = pack_vmem(whole_banks, names).reshape(-1, VMEM_VOICES, VMEM_SIZE)
    kinds = []
    for corrupt in synthetic_corruption.ALL:
        parameters, _ = unpack_vmem(corrupt(banks, random).reshape(-1, VMEM_SIZE))
        in_range = np.all(parameters <= MAXIMA, axis=1)
        changed = np.count_nonzero(parameters != whole_banks, axis=1) >= _MIN_CHANGED
        passing = parameters[in_range & changed]
        kinds.append(passing[random.permutation(len(passing))[:_CORRUPTED_PER_KIND]])
    return kinds


def neighbor_mean(scores: pl.Series, dumps: pl.Series) -> pl.Series:
    """Return the mean score of up to six neighbors on each side in the same dump, null if all of them are null.

    scores: of each slot in order, null for blank slots. dumps: an id of the dump of each slot.
    """
    frame = pl.DataFrame({"score": scores, "dump": dumps})
    steps = [step for step in range(-_NEIGHBORS, _NEIGHBORS + 1) if step]
    neighbors = frame.select(pl.col("score").shift(step).over("dump").alias(str(step)) for step in steps)
    # Summed by NumPy in this order: polars sums columns in the order of its threads, which changes the last digit.
    known = neighbors.select(pl.all().is_not_null()).to_numpy().sum(axis=1)
    sums = neighbors.fill_null(0.0).to_numpy().sum(axis=1)
    return pl.Series(sums / np.where(known, known, np.nan)).fill_nan(None)
