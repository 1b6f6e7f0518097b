"""A classifier of categories from parameters, trained on the voices whose names are clear.

Some names are wrong, so the model must tolerate label noise: a random forest whose trees see part of the voices each
and keep at least two per leaf. Boosted trees and a neural network were no better, and far slower.
"""

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl
from scipy.optimize import minimize_scalar

from deepdx_core.arrays import Float32Array, Float64Array, Int64Array
from deepdx_core.dedup.families import fold_of
from deepdx_core.versions import LABELS_VERSION

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

MIN_NAMED_VOICES = 256
"""Minimum number of clearly named voices in a corpus for a model."""

_FOLDS = 3
_TREES = 64
_MISSING = -1000.0  # in place of missing features; below all measured values
_SEED = 0
_PRIOR_SHARE = 0.02  # of the probability, distributed as the prior: trees that all agree may all be wrong


class Classified(NamedTuple):
    """Predictions of the models for sounds."""

    probabilities: Float64Array
    """`float64[n, categories]`, calibrated."""
    prior: Float64Array
    """`float64[categories]`: shares of the categories in the training set."""
    model: str
    """Version of the models: a digest of their training sets and of `LABELS_VERSION`."""


def classify(
    features: Float32Array, targets: Int64Array, weights: Float64Array, family_ids: pl.Series, categories: int
) -> Classified | None:
    """Return probabilities of the categories for sounds with `float32[n, features]`, NaN for a missing feature.

    targets: the category of each sound by its names, -1 for sounds that are not trained on. weights: sample weights.
    family_ids: hexadecimal; a sound without a family has its own id. Sounds are in the order of their ids. No sound is
    classified by a model that was trained on its family. None if there are too few sounds to train on.
    """
    fold = pl.select(fold_of(pl.lit(family_ids), _FOLDS)).to_series().to_numpy()
    known = targets >= 0
    features = np.nan_to_num(features, nan=_MISSING)
    if (
        known.sum() < MIN_NAMED_VOICES
        or np.bincount(fold[known], minlength=_FOLDS).min() < MIN_NAMED_VOICES // 2 // _FOLDS
    ):
        return None
    counts = np.bincount(targets[known], weights[known], minlength=categories) + 1.0
    prior = np.asarray(counts / counts.sum(), dtype=np.float64)
    digest = hashlib.sha256(f"labels {LABELS_VERSION}".encode())
    probabilities = np.zeros((len(features), categories))
    for number in range(_FOLDS):
        train = known & (fold != number)
        for part in (features[train], targets[train], weights[train]):
            digest.update(np.ascontiguousarray(part).tobytes())
        model = _fit_forest(features[train], targets[train], weights[train])
        held_out = np.flatnonzero(fold == number)
        if len(held_out):
            probabilities[np.ix_(held_out, model.classes_)] = model.predict_proba(features[held_out])
    probabilities = (1 - _PRIOR_SHARE) * probabilities + _PRIOR_SHARE * prior
    return Classified(_calibrate(probabilities, targets, weights), prior, digest.hexdigest()[:16])


def _fit_forest(features: Float32Array, targets: Int64Array, weights: Float64Array) -> "RandomForestClassifier":
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        _TREES, max_features=10, min_samples_leaf=2, max_samples=0.6, random_state=_SEED, n_jobs=-1
    )
    forest.fit(features, targets, sample_weight=weights)
    # With several threads, the order in which votes are summed, and so the last bit, would vary.
    return forest.set_params(n_jobs=1)


def _calibrate(probabilities: Float64Array, targets: Int64Array, weights: Float64Array) -> Float64Array:
    """Raise held-out probabilities to the power that fits the names best, as temperature scaling does."""
    rows = np.flatnonzero(targets >= 0)

    def loss(power: float) -> float:
        scaled = _raise(probabilities[rows], power)
        return float(-np.average(np.log(scaled[np.arange(len(rows)), targets[rows]]), weights=weights[rows]))

    best = minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded", options={"xatol": 1e-3})
    return _raise(probabilities, round(float(best.x), 2))


def _raise(probabilities: Float64Array, power: float) -> Float64Array:
    raised = probabilities**power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
