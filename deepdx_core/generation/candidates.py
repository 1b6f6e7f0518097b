"""Candidates for a request: their labels, parents and conditions, and the voices written under these."""

import numpy as np
import torch

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.generation.model import VoiceModel
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.voice.parameters import INDEX, PARAMETERS
from deepdx_core.writer.layout import from_sequence, to_sequence
from deepdx_core.writer.model import Conditions
from deepdx_core.writer.parents import Parents, draw_parents
from deepdx_core.writer.sampling import write_voices

_MAX_RETOUCHED = 8  # parameters in which a voice may differ from the interpolation of two
_LABELS_AT_ONCE = 32


def draw_labels(model: VoiceModel, count: int, seed: int, request: SamplingRequest) -> Int64Array:
    """Return a label id per voice, `int64[count]`.

    All are the requested label, else the label of the training voice closest to `like` or to the first of `between`.
    Without these, labels are drawn from the training voices, those of the requested algorithm if there are any.
    """
    if request.label is not None:
        return np.full(count, model.labels.index(request.label))
    given = [voice for voice in (request.like, *(request.between or ())) if voice is not None]
    if given:
        distances = np.count_nonzero(model.voices.parameters != given[0], axis=1)
        return np.full(count, model.voices.labels[distances.argmin()])
    among = model.voices.labels[_rows_of_algorithm(model, request.algorithm)]
    batches = range(0, count, _LABELS_AT_ONCE)  # so that the first labels do not depend on the count
    drawn = [np.random.default_rng([seed, first]).choice(among, size=_LABELS_AT_ONCE) for first in batches]
    return np.concatenate(drawn)[:count]


def write_candidates(
    model: VoiceModel,
    request: SamplingRequest,
    labels: Int64Array,
    positions: Float64Array,
    random: np.random.Generator,
) -> UInt8Array:
    """Write a candidate for each of these label ids, `uint8[m, 145]`.

    positions: of each candidate between two voices, from 0 to 1; ignored unless the request has `between`.
    """
    if request.between is not None:
        parents = _interpolate(*request.between, positions)
        parent_labels, differing = labels, np.full(len(labels), _MAX_RETOUCHED)
    elif request.like is not None:
        parents = np.repeat(request.like[None], len(labels), axis=0)
        least = MAX_DIFFERING + 1 if request.avoid_copies else 1
        parent_labels = labels
        differing = np.full(len(labels), max(round(request.strength * len(PARAMETERS)), least))
    else:
        rows, differing = _draw_parents(model, request.algorithm, labels, random)
        parents, parent_labels = model.voices.parameters[rows], model.voices.labels[rows]
        if np.isinf(request.novelty):
            differing = np.full(len(rows), -1)
        else:
            differing = np.rint(differing * request.novelty).clip(1, len(PARAMETERS)).astype(np.int64)
    conditions = Conditions(
        torch.from_numpy(to_sequence(parents)),
        torch.from_numpy(differing),
        torch.from_numpy(labels),
        torch.from_numpy(parent_labels),
        torch.zeros(len(labels), dtype=torch.bool),
    )
    algorithms = None if request.algorithm is None else torch.full((len(labels),), request.algorithm - 1)
    voices = from_sequence(write_voices(model.writer, conditions, random, request.temperature, algorithms).numpy())
    if request.between is not None:  # both ends stay as given
        voices[positions == 0], voices[positions == 1] = request.between
    return voices


def _draw_parents(
    model: VoiceModel, algorithm: int | None, labels: Int64Array, random: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """Draw parents like `draw_parents`, but only those of voices of this algorithm if there are any."""
    if algorithm is None:
        return draw_parents(model.voices.labels, model.parents, labels, random)
    own = _rows_of_algorithm(model, algorithm)
    among = Parents(model.parents.rows[own], model.parents.differing[own], model.parents.slack)
    return draw_parents(model.voices.labels[own], among, labels, random)


def _rows_of_algorithm(model: VoiceModel, algorithm: int | None) -> Int64Array:
    """Return the rows of the training voices of this algorithm; all rows if there are none, or if it is None."""
    (rows,) = np.nonzero(model.voices.parameters[:, INDEX["algorithm"]] + 1 == algorithm)
    return rows if len(rows) else np.arange(len(model.voices))


def _interpolate(one: UInt8Array, other: UInt8Array, positions: Float64Array) -> UInt8Array:
    """Return voices between two, `uint8[n, 145]`. Ordinals change linearly, categorical parameters half way."""
    linear = np.rint(one + positions[:, None] * (other.astype(np.float64) - one)).astype(np.uint8)
    categorical = np.array([parameter.categorical for parameter in PARAMETERS])
    return np.where(categorical, np.where(positions[:, None] < 0.5, one, other), linear)
