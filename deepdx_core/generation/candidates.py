"""Candidates for a request: their labels, parents and conditions, and the voices generated under these."""

import numpy as np
import torch

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.generation.breeding import breed
from deepdx_core.generation.request import SamplingRequest
from deepdx_core.generation.voice_model import GanModel, SampledModel, VoiceModel, WriterModel
from deepdx_core.voice.parameters import INDEX, PARAMETERS
from deepdx_core.voice.parts import part_columns
from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.layout import from_sequence, to_sequence
from deepdx_core.writer.parents import Parents, draw_parents
from deepdx_core.writer.sampling import write_voices

_COOLING = 0.975  # of a writer's temperature: validation voices lie denser than it writes at 1
_MAX_RETOUCHED = 8  # parameters in which a voice may differ from the interpolation of two
_LABELS_AT_ONCE = 32
_ENOUGH = 64  # voices to derive a varied bank from
_ALGORITHM = INDEX["algorithm"]


def draw_labels(model: VoiceModel, count: int, seed: int, request: SamplingRequest) -> Int64Array:
    """Return a label id per voice, `int64[count]`.

    All are the requested label, else the label of the training voice closest to the first of `like` or `between`.
    Otherwise labels are drawn: from those of the training voices closest to `parents`, or from the training voices,
    those with the values of `set` if there are enough.
    """
    if request.label is not None:
        return np.full(count, model.labels.index(request.label))
    if request.like is not None or request.between is not None:
        return np.full(count, _closest_label(model, request.given[0]))
    if request.parents is not None:
        among = np.array([_closest_label(model, parent) for parent in request.parents])
    else:
        among = model.voices.labels[_rows_with_values(model, request)]
    batches = range(0, count, _LABELS_AT_ONCE)  # so that the first labels do not depend on the count
    drawn = [np.random.default_rng([seed, first]).choice(among, size=_LABELS_AT_ONCE) for first in batches]
    return np.concatenate(drawn)[:count]


def make_candidates(
    model: VoiceModel,
    request: SamplingRequest,
    labels: Int64Array,
    positions: Float64Array,
    random: np.random.Generator,
    attempt: int = 0,
) -> UInt8Array:
    """Make a candidate for each of these label ids, `uint8[m, 145]`.

    positions: of each candidate between two voices, from 0 to 1; ignored unless the request has `between`. attempt:
    number of attempts before, whose candidates were rejected. The fewer parameters may change, the bolder each makes
    the writer, which may be too sure that nothing changes there. Raises ValueError if the model cannot fulfill the
    request.
    """
    if isinstance(model, GanModel):
        if request.of_writers:
            raise ValueError(f"{request.of_writers[0]} needs a writer, and this model is a GAN; choose another")
        voices = model.gan.generate(labels, random, request.temperature, request.set.get("algorithm"))
        request.put_set_values(voices)
        return voices
    if isinstance(model, SampledModel):
        return model.generator.sample(labels, int(random.integers(1 << 32)))
    assert isinstance(model, WriterModel)
    if request.between is not None:
        parents = _interpolate(*request.between, positions)
        parent_labels, differing = labels, np.full(len(labels), _MAX_RETOUCHED)
    elif request.like is not None or request.parents is not None:
        parents, parent_labels = _parents_of_variations(request, len(labels), random), labels
        differing = np.full(len(labels), max(round(request.strength * request.free.sum()), request.too_close + 1, 1))
    else:
        rows, differing = _draw_parents(model, request, labels, random)
        parents, parent_labels = model.voices.parameters[rows], model.voices.labels[rows]
        if np.isinf(request.novelty):
            differing = np.full(len(rows), -1)
        else:
            share = request.novelty * request.free.mean()
            differing = np.rint(differing * share).clip(1, request.free.sum()).astype(np.int64)
    wanted = parents.copy()
    request.put_set_values(wanted)
    differing += np.where(differing < 0, 0, (wanted != parents).sum(axis=1))  # changes by `set` come on top
    conditions = Conditions(
        torch.from_numpy(to_sequence(parents)),
        torch.from_numpy(differing),
        torch.from_numpy(labels),
        torch.from_numpy(parent_labels),
        torch.zeros(len(labels), dtype=torch.bool),
    )
    is_free = to_sequence(request.free[None].astype(np.uint8))
    given = None if is_free.all() else torch.from_numpy(np.where(is_free, -1, to_sequence(wanted)))
    boldness = attempt * float(1 - request.free.mean())
    temperature = request.temperature * _COOLING
    voices = from_sequence(write_voices(model.writer, conditions, random, temperature, given, boldness).numpy())
    if request.between is not None:  # both ends stay as given
        voices[positions == 0], voices[positions == 1] = request.between
    return voices


def _parents_of_variations(request: SamplingRequest, count: int, random: np.random.Generator) -> UInt8Array:
    """Return the voice that each of some candidates is a variation of, `uint8[count, 145]`: `like`, or a child."""
    if request.parents is None:
        assert request.like is not None
        voices = np.atleast_2d(request.like)
        return voices[random.integers(len(voices), size=count)]
    kept = part_columns(request.keep)
    children = breed(request.parents, count, random, first_leads=_ALGORITHM in kept)
    children[:, kept] = request.parents[0][kept]
    return children


def _closest_label(model: VoiceModel, voice: UInt8Array) -> int:
    """Return the label id of the training voice closest to a voice."""
    return int(model.voices.labels[np.count_nonzero(model.voices.parameters != voice, axis=1).argmin()])


def _draw_parents(
    model: WriterModel, request: SamplingRequest, labels: Int64Array, random: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """Draw parents like `draw_parents`, but only those of voices with the values of `set`, if there are enough."""
    if not request.set:
        return draw_parents(model.voices.labels, model.parents, labels, random)
    own = _rows_with_values(model, request)
    among = Parents(model.parents.rows[own], model.parents.differing[own], model.parents.slack)
    return draw_parents(model.voices.labels[own], among, labels, random)


def _rows_with_values(model: VoiceModel, request: SamplingRequest) -> Int64Array:
    """Return the rows of the training voices with the values of `set`; with fewer of them until there are enough.

    Rows without any of the values are only among them if there are no others.
    """
    values = np.array(list(request.set.values()), dtype=np.int64)
    equal = np.count_nonzero(model.voices.parameters[:, request.set_columns] == values, axis=1)
    least = max(np.sort(equal)[-min(_ENOUGH, len(equal))], 1)
    (rows,) = np.nonzero(equal >= least)
    return rows if len(rows) else np.arange(len(equal))


def _interpolate(one: UInt8Array, other: UInt8Array, positions: Float64Array) -> UInt8Array:
    """Return voices between two, `uint8[n, 145]`. Ordinals change linearly, categorical parameters half way."""
    linear = np.rint(one + positions[:, None] * (other.astype(np.float64) - one)).astype(np.uint8)
    categorical = np.array([parameter.categorical for parameter in PARAMETERS])
    return np.where(categorical, np.where(positions[:, None] < 0.5, one, other), linear)
