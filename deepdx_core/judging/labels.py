"""Training of the judge of labels: the category of a voice from its parameters and traits, taught by clear names.

Some names are wrong, so the trees are shallow, need ten voices a leaf, and see a third of the features at each split. A
random forest was as accurate, with a worse likelihood (1.17 nats a voice against 1.10), and five times as large.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import minimize_scalar

from deepdx_core.arrays import Float32Array, Float64Array, Int64Array
from deepdx_core.errors import DeepDXError
from deepdx_core.judges.judge import Judge, JudgeCard
from deepdx_core.judging.folds import assign_folds
from deepdx_core.labels.combination import apply_overrides, clear_categories
from deepdx_core.labels.evidence import from_names
from deepdx_core.labels.model import classify, label_inputs, raise_to
from deepdx_core.labels.taxonomy import Taxonomy
from deepdx_core.labels.traits import compute_traits, stack_traits
from deepdx_core.progress import Report, silent
from deepdx_core.trees import fit_trees
from deepdx_core.voice.parameters import PARAMETER_NAMES

MIN_NAMED_SOUNDS = 256
MIN_CATEGORIES = 3
"""Minimum numbers of clearly named sounds to train on, and of their categories."""

_FOLDS = 3
_MIN_EXAMPLES = 5  # of a category, in the training data of each model
_EDGES = 62
_SETTINGS: dict[str, Any] = {
    **{"max_iter": 80, "learning_rate": 0.1, "max_leaf_nodes": 15},
    **{"min_samples_leaf": 10, "l2_regularization": 1.0, "max_features": 0.3},
}
_SEED = 0


def train_label_judge(
    sounds: pl.DataFrame, overrides: pl.DataFrame, taxonomy: Taxonomy, data: str, date: str, report: Report = silent
) -> Judge:
    """Train a judge of labels on the sounds with clear names.

    sounds: `sound_id`, `family_id`, `names`, `name_counts` and parameters of valid sounds. overrides: `sound_id` and
    `category`; they replace names. data, date: for the card. Raises DeepDXError if too few sounds have clear names.
    """
    sounds = sounds.sort("sound_id").join(
        overrides.select("sound_id", override="category"), on="sound_id", how="left", maintain_order="left"
    )
    shares = apply_overrides(from_names(sounds, taxonomy).shares, sounds["override"], taxonomy)
    targets, weights = clear_categories(shares), shares.sum(axis=1)
    folds = assign_folds(sounds, _FOLDS)
    learned = _learned_categories(targets, folds.of_sound, len(taxonomy.learnable))
    numbers = np.full(len(taxonomy.learnable) + 1, -1)  # the last for targets of -1
    numbers[learned] = np.arange(len(learned))
    targets = numbers[targets]
    known = targets >= 0
    if known.sum() < MIN_NAMED_SOUNDS or len(learned) < MIN_CATEGORIES:
        raise DeepDXError(
            f"{known.sum():,} sounds with clear names are too few to train a judge of labels: "
            f"{MIN_NAMED_SOUNDS} are needed, of {MIN_CATEGORIES} categories or more"
        )
    parameters = sounds.select(PARAMETER_NAMES).to_numpy()
    traits = stack_traits(compute_traits(parameters))
    edges = _edges(traits[known])
    inputs = label_inputs(edges, parameters, traits)
    models = []
    for fold in range(_FOLDS):
        report("training the judge of labels", fold, _FOLDS)
        train = known & (folds.of_sound != fold)
        models.append(fit_trees(inputs[train], targets[train], weights[train], seed=_SEED, **_SETTINGS))
    counts = np.bincount(targets[known], weights[known]) + 1.0
    classes = [taxonomy.learnable[number] for number in learned]
    card = JudgeCard(kind="labels", data=data, date=date, sounds=int(known.sum()), classes=classes, measures={})
    judge = Judge(card, tuple(models), folds.known, folds.known_folds, edges, counts / counts.sum())
    # Every sound is held out: no model has seen its family.
    held_out = classify(judge, parameters[known], traits[known], sounds["sound_id"].filter(known), classes)
    assert held_out
    power = _calibrate(held_out.probabilities, targets[known], weights[known])
    measures = _measure(raise_to(held_out.probabilities, power), targets[known], classes, taxonomy)
    return replace(judge, card=card.model_copy(update={"calibration": power, "measures": measures}))


def _learned_categories(targets: Int64Array, folds: Int64Array, categories: int) -> Int64Array:
    """Return the categories with enough examples in the training data of each model."""
    known = targets >= 0
    counts = [np.bincount(targets[known & (folds != fold)], minlength=categories) for fold in range(_FOLDS)]
    return np.flatnonzero(np.min(counts, axis=0) >= _MIN_EXAMPLES)


def _edges(features: Float32Array) -> Float32Array:
    """Return quantiles of each feature, `float32[features, _EDGES]`. A feature that is always missing gets zeros."""
    shares = np.linspace(0, 1, _EDGES + 2)[1:-1]
    known = [column[~np.isnan(column)] for column in features.T]
    found = [np.quantile(column, shares) if len(column) else np.zeros(_EDGES) for column in known]
    return np.asarray(found, dtype=np.float32)


def _calibrate(probabilities: Float64Array, targets: Int64Array, weights: Float64Array) -> float:
    """Return the power that fits held-out probabilities best to the names."""
    rows = np.arange(len(targets))

    def loss(power: float) -> float:
        return float(-np.average(np.log(raise_to(probabilities, power)[rows, targets]), weights=weights))

    return round(float(minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded", options={"xatol": 1e-3}).x), 2)


def _measure(
    probabilities: Float64Array, targets: Int64Array, classes: list[str], taxonomy: Taxonomy
) -> dict[str, float]:
    """Return measures of held-out probabilities against clear names: shares that are right, nats a sound."""
    label = np.array([taxonomy.labels.index(taxonomy.label_of[name]) for name in classes])
    best = probabilities.argmax(axis=1)
    return {
        "category": round(float((best == targets).mean()), 4),
        "label": round(float((label[best] == label[targets]).mean()), 4),
        "log_loss": round(float(-np.log(probabilities[np.arange(len(targets)), targets]).mean()), 4),
    }
