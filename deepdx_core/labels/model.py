"""What parameters, and what was heard, say of a voice's category: learned from the voices whose names are clear.

Names are wrong now and then, so the model is one that bears wrong answers well: a forest of trees, each taught with a
part of the voices and grown no further than two of them. Boosted trees and a network were no better, and far slower.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import minimize_scalar

from deepdx_core.arrays import Float32Array
from deepdx_core.dedup.families import fold_of

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

LABELS_VERSION = 1
"""Of what makes labels of the same corpus and taxonomy, in this room; to be raised with each change of it."""

FEWEST = 256
"""Named voices of a corpus, without which there is nothing to learn."""

_FOLDS = 3
_TREES = 64
_UNKNOWN = -1000.0  # stands in the place of what is not known; under all that features measure
_SEED = 0
_LEAST_SHARE = 0.02  # of the probability, spread as the categories are: trees that all agree may all be wrong

Numbers = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]


class Classified(NamedTuple):
    """What the models say of sounds."""

    probabilities: Probabilities
    """`float64[n, categories]`, calibrated."""
    prior: Probabilities
    """`float64[categories]`: the shares of the categories in what was taught."""
    model: str
    """Which models said so: a digest of what they were taught and of `LABELS_VERSION`."""


def classify(
    features: Float32Array, taught: Numbers, weights: npt.NDArray[np.float64], family_ids: pl.Series, categories: int
) -> Classified | None:
    """Probabilities of the categories for sounds with `float32[n, features]`, NaN where a feature is not known.

    taught: each sound's category by its names, -1 for sounds that are not learned from; weights: how much each counts.
    family_ids are hexadecimal, of one without a family its own id. No sound is judged by a model that was taught with
    its family. None where there are too few to learn from. The sounds come in the order of their ids.
    """
    fold = pl.select(fold_of(pl.lit(family_ids), _FOLDS)).to_series().to_numpy()
    known = taught >= 0
    features = np.nan_to_num(features, nan=_UNKNOWN)
    if known.sum() < FEWEST or np.bincount(fold[known], minlength=_FOLDS).min() < FEWEST // 2 // _FOLDS:
        return None
    counts = np.bincount(taught[known], weights[known], minlength=categories) + 1.0
    prior = np.asarray(counts / counts.sum(), dtype=np.float64)
    digest = hashlib.sha256(f"labels {LABELS_VERSION}".encode())
    said = np.zeros((len(features), categories))
    for number in range(_FOLDS):
        lesson = known & (fold != number)
        for part in (features[lesson], taught[lesson], weights[lesson]):
            digest.update(np.ascontiguousarray(part).tobytes())
        model = _fit_forest(features[lesson], taught[lesson], weights[lesson])
        judged = np.flatnonzero(fold == number)
        if len(judged):
            said[np.ix_(judged, model.classes_)] = model.predict_proba(features[judged])
    said = (1 - _LEAST_SHARE) * said + _LEAST_SHARE * prior
    return Classified(_calibrated(said, taught, weights), prior, digest.hexdigest()[:16])


def _fit_forest(features: Float32Array, taught: Numbers, weights: npt.NDArray[np.float64]) -> "RandomForestClassifier":
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        _TREES, max_features=10, min_samples_leaf=2, max_samples=0.6, random_state=_SEED, n_jobs=-1
    )
    forest.fit(features, taught, sample_weight=weights)
    # Threads would add up the trees' votes in any order, and so not to the same last bit.
    return forest.set_params(n_jobs=1)


def _calibrated(said: Probabilities, taught: Numbers, weights: npt.NDArray[np.float64]) -> Probabilities:
    """Probabilities raised to the power with which they fit the names best, of sounds whose names were not seen."""
    rows = np.flatnonzero(taught >= 0)

    def loss(power: float) -> float:
        scaled = _powered(said[rows], power)
        return float(-np.average(np.log(scaled[np.arange(len(rows)), taught[rows]]), weights=weights[rows]))

    best = minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded", options={"xatol": 1e-3})
    return _powered(said, round(float(best.x), 2))


def _powered(said: Probabilities, power: float) -> Probabilities:
    raised = said**power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
