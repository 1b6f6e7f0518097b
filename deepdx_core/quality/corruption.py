"""How much a voice and its neighbors look like damaged or random data: a statistical test learned from the corpus.

Data can be wrong and yet pass every range check: bytes lost, a bit stuck, a machine that draws values. What such data
looks like is known, since it can be made (`spoiling`); what voices look like, the corpus tells. Boosted trees learn the
difference, and their log-odds are the corruption score.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from threadpoolctl import threadpool_limits

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import MAXIMA, pack_vmem, unpack_vmem
from deepdx_core.dedup.families import fold_of
from deepdx_core.quality import synthetic_corruption
from deepdx_core.tables.curation import CorruptionTrainingSet
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETER_NAMES, VMEM_SIZE, VMEM_VOICES

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

CURATION_VERSION = 1
"""Of what this room makes of the same dumps and measures: voices, families, verdicts; to be raised with each change."""

MIN_SOUNDS = 512
"""Sounds that a corpus must have for the test to be made."""
MAX_SCORE = 8.0
"""The bound of every score, and the score of what could not be read: one voice must not decide for its neighbors."""

_FOLDS = 2
_REAL_PER_FOLD = 6400  # sounds to learn from; more makes it slower and hardly better
_GROWTH = 1.5
_SPOILED_PER_KIND = 1600
_LEAST_CHANGED = 6  # parameters; voices that are spoiled less may be as good as before
_NEIGHBORS = 6  # on each side
_ROUNDS = 150
_SEED = 0


class CorruptionScores(NamedTuple):
    """What the test says of sounds."""

    log_odds: npt.NDArray[np.float64]
    """`float64[n]`, within MOST."""
    model: str
    """Which models said so: a digest of what they were taught and of `CURATION_VERSION`."""


def choose_training_set(before: pl.DataFrame, sounds: pl.DataFrame) -> pl.DataFrame:
    """What the models are taught with, as rows of `corruption_training_set`; empty where there are too few sounds.

    before: the table as it was. It stays until the corpus has grown by half: were models taught anew with each bank,
    verdicts on the border would flip each time. sounds: the legal ones, `sound_id`, `family_id` and parameters.
    """
    if len(before) and len(sounds) < _GROWTH * before["corpus_sounds"][0]:
        return before
    folded = sounds.with_columns(
        fold=fold_of(pl.col("family_id"), _FOLDS).cast(pl.UInt8), corpus_sounds=pl.lit(len(sounds), pl.UInt32)
    )
    taught = folded.sort("sound_id").filter(pl.int_range(pl.len()).over("fold") < _REAL_PER_FOLD)
    smallest = min(len(taught.filter(pl.col("fold") == fold)) for fold in range(_FOLDS))
    if len(sounds) < MIN_SOUNDS or smallest < MIN_SOUNDS // 4:
        taught = taught.clear()
    return taught.select(CorruptionTrainingSet.column_names())


def corruption_scores(sounds: pl.DataFrame, taught: pl.DataFrame) -> CorruptionScores | None:
    """Log-odds that sounds are damaged or random data; None where there were too few to learn from.

    sounds: `sound_id`, `family_id` (null for what is out of range, which is judged as if at the highest value) and the
    parameters. taught: what `lessons` gives. The odds are those of a corpus half of which were damaged. No sound is
    judged by a model that was taught with it, or with its family as that was then.
    """
    if taught.is_empty():
        return None
    parameters = np.minimum(sounds.select(PARAMETER_NAMES).to_numpy(), MAXIMA)
    known = sounds.join(taught.select("sound_id", "fold"), on="sound_id", how="left", maintain_order="left")
    fold = (
        known.select(pl.coalesce("fold", fold_of(pl.coalesce("family_id", "sound_id"), _FOLDS))).to_series().to_numpy()
    )
    odds = np.empty(len(parameters))
    real = [taught.filter(pl.col("fold") != number).select(PARAMETER_NAMES).to_numpy() for number in range(_FOLDS)]
    with ThreadPoolExecutor(_FOLDS) as executor:
        for number, model in enumerate(executor.map(_fit_trees, real)):
            judged = fold == number
            if judged.any():
                odds[judged] = model.decision_function(parameters[judged])
    version = hashlib.sha256(f"curation {CURATION_VERSION}".encode() + b"".join(part.tobytes() for part in real))
    return CorruptionScores(odds.clip(-MAX_SCORE, MAX_SCORE), version.hexdigest()[:16])


def _fit_trees(real: UInt8Array) -> "HistGradientBoostingClassifier":
    """A model that tells real sounds, `uint8[n, 145]`, from what spoiling makes of them."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    kinds = _synthetic_corruption(real)
    spoiled = np.concatenate(kinds)
    # Every kind counts alike, except those of which hardly anything passes for a voice.
    shares = np.concatenate([np.full(len(kind), 1 / max(len(kind), 50)) for kind in kinds])
    weights = np.concatenate([np.full(len(real), 1 / len(real)), shares / shares.sum()])
    model = HistGradientBoostingClassifier(
        max_iter=_ROUNDS, learning_rate=0.1, max_leaf_nodes=31, l2_regularization=1.0, early_stopping=False
    )
    truth = np.concatenate([np.zeros(len(real)), np.ones(len(spoiled))])
    # A model a thread, and each model on one, or its sums hang on how they are split. Said here: the limit holds for
    # the thread that sets it, and for what is loaded by then.
    with threadpool_limits(1, user_api="openmp"):
        return model.fit(np.concatenate([real, spoiled]), truth, sample_weight=weights * len(truth) / 2)


def _synthetic_corruption(sounds: UInt8Array) -> list[UInt8Array]:
    """Of each kind of damage, what it leaves legal and yet changes, `uint8[up to _SPOILED_PER_KIND, 145]`."""
    random = np.random.default_rng(_SEED)
    whole_banks = sounds[: len(sounds) // VMEM_VOICES * VMEM_VOICES]
    names = random.integers(ord("A"), ord("Z") + 1, (len(whole_banks), NAME_LENGTH)).astype(np.uint8)
    banks = pack_vmem(whole_banks, names).reshape(-1, VMEM_VOICES, VMEM_SIZE)
    kinds = []
    for spoil in synthetic_corruption.ALL:
        parameters, _ = unpack_vmem(spoil(banks, random).reshape(-1, VMEM_SIZE))
        legal = np.all(parameters <= MAXIMA, axis=1)
        changed = np.count_nonzero(parameters != whole_banks, axis=1) >= _LEAST_CHANGED
        passing = parameters[legal & changed]
        kinds.append(passing[random.permutation(len(passing))[:_SPOILED_PER_KIND]])
    return kinds


def neighbor_mean(odds: pl.Series, dumps: pl.Series) -> pl.Series:
    """The mean corruption score of up to six neighbors on each side in the same dump, null where there is none.

    odds: of each slot in its order, null for slots that say nothing (blank ones). dumps: what tells dumps apart.
    """
    frame = pl.DataFrame({"odds": odds, "dump": dumps})
    steps = [step for step in range(-_NEIGHBORS, _NEIGHBORS + 1) if step]
    neighbors = frame.select(pl.col("odds").shift(step).over("dump").alias(str(step)) for step in steps)
    # Summed in this order: polars adds columns up as its threads come by, which the last digit shows.
    known = neighbors.select(pl.all().is_not_null()).to_numpy().sum(axis=1)
    sums = neighbors.fill_null(0.0).to_numpy().sum(axis=1)
    return pl.Series(sums / np.where(known, known, np.nan)).fill_nan(None)
