"""Succession: measures of two models on the same voices with the same seed, and the differences beyond noise."""

import math
from typing import NamedTuple

import numpy as np

from deepdx_core.arrays import BoolArray, Float64Array, Int64Array
from deepdx_core.dataset.arrays import Splits, Voices, generated_voices, joint_families
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.metrics.c2st import c2st_parts
from deepdx_core.evaluation.metrics.label_agreement import LabelClassifier
from deepdx_core.evaluation.metrics.prdc import prdc
from deepdx_core.evaluation.metrics.uncertainty import standard_error
from deepdx_core.generation.method import fitted_model
from deepdx_core.generation.voice_model import VoiceModel
from deepdx_core.progress import Report
from deepdx_core.quality.rules import Rules
from deepdx_core.tables.generator import MEASURED

MARGIN = 2.0
"""Standard errors of the difference by which a metric must be worse for a challenger to lose."""

_SEED = 0
_BETTER_IF_HIGHER = ("precision", "recall", "density", "coverage")


class Measures(NamedTuple):
    """The measures of a model on held-out voices, for each of which it generated a voice.

    parts: by metric in `MEASURED`, `float64[n]`: the share of each held-out voice, or of the voice generated for it,
    such that the mean is the metric. A metric that cannot be computed is missing. families: of the held-out voices.
    label_accuracy: share of each held-out voice in the accuracy of the classifier of labels, `float64[n]`.
    """

    parts: dict[str, Float64Array]
    families: Int64Array
    label_accuracy: Float64Array

    def estimate(self, metric: str) -> tuple[float, float] | None:
        """Return a metric and its standard error; None if it could not be computed."""
        if (parts := self.parts.get(metric)) is None:
            return None
        return float(parts.mean()), standard_error(parts, self.families)

    def losses(self, metric: str) -> Float64Array:
        """Return the shares in a metric as shares in a loss: the lower their mean, the better the model.

        C2ST is best at .5, and label agreement at the accuracy of the classifier on real voices.
        """
        parts = self.parts[metric]
        if metric in _BETTER_IF_HIGHER:
            return -parts
        if metric == "dcr_near":
            return parts
        ideal = np.full(len(parts), 0.5) if metric == "c2st" else self.label_accuracy
        return (parts - ideal) * (1 if parts.mean() >= ideal.mean() else -1)


def measure(
    model: VoiceModel, splits: Splits, held_out: Voices, judge: LabelClassifier, rules: Rules, report: Report
) -> Measures:
    """Generate a voice for each held-out voice as in use, filtered by ear, and measure them.

    judge: of labels, fitted on the training voices. Labels are those of the held-out voices. A model with other labels
    draws from its own, by their frequency in its training set, and has no label agreement. Raises ValueError if nearly
    all candidates are rejected.
    """
    same_labels = model.labels == splits.labels
    labels = held_out.labels
    if not same_labels:
        labels = np.random.default_rng(_SEED).choice(model.voices.labels, size=len(held_out))
    voices = fitted_model(model, rules, render=True, report=report).sample(labels, _SEED)
    groups = joint_families(generated_voices(voices, labels), held_out)
    found = prdc(voices, held_out.parameters)
    near = distances_to_closest(voices, splits.train.parameters) <= MAX_DIFFERING
    parts = {**found._asdict(), "dcr_near": near.astype(np.float64)}
    value, deviations = c2st_parts(voices, held_out.parameters, groups, _SEED)
    if math.isfinite(value):
        parts["c2st"] = value + deviations.reshape(2, -1).sum(axis=0) * len(held_out)
    accuracy = np.zeros(len(held_out))
    if same_labels:
        parts["label_agreement"] = judge.agrees(voices, labels).astype(np.float64)
        accuracy = judge.agrees(held_out.parameters, labels).astype(np.float64)
    return Measures(parts, groups[len(voices) :], accuracy)


def find_worse_metrics(challenger: Measures, other: Measures) -> list[str]:
    """Describe the metrics in which a challenger is worse than another model on the same voices, beyond noise.

    Noise is a standard error of the mean difference, voice by voice. Metrics that one of them lacks are skipped.
    """
    worse = []
    for metric in MEASURED:
        if metric not in challenger.parts or metric not in other.parts:
            continue
        differences = challenger.losses(metric) - other.losses(metric)
        noise = standard_error(differences, other.families)
        if differences.mean() > MARGIN * noise:
            values = f"{challenger.parts[metric].mean():.3f} against {other.parts[metric].mean():.3f}"
            worse.append(f"{metric}: {values}, noise {noise:.3f}")
    return worse


def fair_rows(held_out: Voices, models: list[VoiceModel]) -> BoolArray:
    """Return the held-out voices from whose family none of some models has learned, `bool[n]`.

    There are others only if splits have changed since a model was trained.
    """
    known = {voice.tobytes() for model in models for voice in model.voices.parameters}
    seen = np.array([voice.tobytes() in known for voice in held_out.parameters], dtype=np.bool_)
    families = joint_families(held_out)
    return ~np.isin(families, families[seen])
