"""Probabilities of categories from parameters and traits, by the judge of labels. `deepdx_core.judging` trains it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from deepdx_core.arrays import Float32Array, Float64Array, UInt8Array
from deepdx_core.judges.judge import Judge

_PRIOR_SHARE = 0.02  # of the probability, distributed as the prior: trees that all agree may all be wrong


class Classified(NamedTuple):
    """Predictions of a judge for sounds."""

    probabilities: Float64Array
    """`float64[n, categories]`, calibrated."""
    prior: Float64Array
    """`float64[categories]`: shares of the categories in the judge's training data."""
    model: str
    """Version of the judge."""


def classify(
    judge: Judge, parameters: UInt8Array, traits: Float32Array, sound_ids: pl.Series, categories: Sequence[str]
) -> Classified | None:
    """Return probabilities of the categories for sounds with `uint8[n, 145]` and `float32[n, traits]`.

    Categories of the judge that are not among these are left out. Those that the judge does not know get no more than a
    small prior. None if it knows none of them.
    """
    own = {name: number for number, name in enumerate(judge.card.classes)}
    known = [number for number, name in enumerate(categories) if name in own]
    if not known:
        return None
    outputs = [own[categories[number]] for number in known]
    prior = np.full(len(categories), 1 / judge.card.sounds)
    prior[known] = judge.prior[outputs]
    prior /= prior.sum()
    scores = judge.score(label_inputs(judge.edges, parameters, traits), sound_ids)[:, outputs]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = np.zeros((len(parameters), len(categories)))
    probabilities[:, known] = odds / odds.sum(axis=1, keepdims=True)
    mixed = (1 - _PRIOR_SHARE) * probabilities + _PRIOR_SHARE * prior
    return Classified(raise_to(mixed, judge.card.calibration), prior, judge.version)


def label_inputs(edges: Float32Array, parameters: UInt8Array, traits: Float32Array) -> UInt8Array:
    """Return the bytes that the trees of a judge of labels test, `uint8[n, 145 + traits]`.

    edges: of each trait, sorted, `float32[traits, edges]`. A trait becomes the number of edges below it, 255 for NaN.
    """
    if traits.shape[1] != len(edges):
        raise ValueError(f"the judge knows {len(edges)} traits, not {traits.shape[1]}")
    below = [np.searchsorted(of_trait, trait) for of_trait, trait in zip(edges, traits.T, strict=True)]
    in_bytes = np.stack(below, axis=1).astype(np.uint8)
    return np.concatenate([parameters, np.where(np.isnan(traits), np.uint8(255), in_bytes)], axis=1)


def raise_to(probabilities: Float64Array, power: float) -> Float64Array:
    """Raise probabilities to a power and normalize them, as temperature scaling does."""
    raised = probabilities**power
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
