"""The training set as tensors, and batches of voices with the conditions to write them under."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deepdx_core.arrays import Float64Array, Int64Array
from deepdx_core.dataset.arrays import Voices
from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.layout import LENGTH, SYMMETRIES, to_sequence
from deepdx_core.writer.parents import Parents


@dataclass(frozen=True)
class TrainingSet:
    """Voices `int64[n, 145]` in the writer's order, with their labels `int64[n]` and parents.

    cumulative: cumulative probabilities of drawing each voice, `float64[n]`. Families are drawn by the square root of
    their size, so that a voice with a hundred versions is seen neither a hundred times as often as others, nor once.
    """

    voices: Tensor
    labels: Tensor
    parents: Parents
    cumulative: Float64Array

    @classmethod
    def from_voices(cls, voices: Voices, parents: Parents) -> "TrainingSet":
        """Return the training set of some voices, given their parents."""
        _, family, sizes = np.unique(voices.families, return_inverse=True, return_counts=True)
        weights = sizes[family] ** -0.5
        cumulative = np.cumsum(weights / weights.sum())
        cumulative[-1] = 1.0
        sequences = torch.from_numpy(to_sequence(voices.parameters))
        return cls(sequences, torch.from_numpy(voices.labels), parents, cumulative)


def make_conditions(among: TrainingSet, parents: Int64Array, differing: Int64Array, labels: Int64Array) -> Conditions:
    """Return conditions for voices of these labels, each with a parent as a row of `among`."""
    rows = torch.from_numpy(parents)
    return Conditions(
        among.voices[rows],
        torch.from_numpy(differing),
        torch.from_numpy(labels),
        among.labels[rows],
        torch.zeros(len(rows), dtype=torch.bool),
    )


def draw_batch(
    training_set: TrainingSet, count: int, config: WriterConfig, random: np.random.Generator
) -> tuple[Tensor, Conditions]:
    """Draw training voices, and the conditions under which the writer should write them, as `config` asks for."""
    rows = training_set.cumulative.searchsorted(random.random(count), side="right")
    noises = config.orphans, config.moved, config.distance_noise
    return make_batch(training_set, training_set, rows, random, *noises)


def make_batch(
    voices: TrainingSet,
    among: TrainingSet,
    rows: Int64Array,
    random: np.random.Generator,
    orphans: float = 0.0,
    moved: float = 0.0,
    distance_noise: float = 0.0,
) -> tuple[Tensor, Conditions]:
    """Return some rows of `voices`, `int64[n, 145]`, and the conditions under which the writer should write them.

    Parents are drawn, as rows of `among`. orphans: share of voices without one. moved: share of voices whose operators
    are permuted, together with those of their parents. distance_noise: standard deviation of the noise on the logarithm
    of the number of differing parameters.
    """
    parents, differing = voices.parents.draw(rows, random.random(len(rows)))
    if distance_noise:
        noisy = differing * np.exp(distance_noise * random.standard_normal(len(rows)))
        differing = np.rint(noisy).clip(1, LENGTH).astype(np.int64)
    differing = np.where(random.random(len(rows)) < orphans, -1, differing)
    conditions = make_conditions(among, parents, differing, voices.labels[rows].numpy())
    batch = voices.voices[rows]
    if moved:
        order = np.tile(np.arange(LENGTH), (len(rows), 1))
        for i in np.flatnonzero(random.random(len(rows)) < moved):
            symmetries = SYMMETRIES[batch[i, 0]]
            order[i] = symmetries[random.integers(len(symmetries))]
        sources = torch.from_numpy(order)
        is_moved = (sources != torch.arange(LENGTH)).any(dim=1)
        batch = batch.gather(1, sources)
        conditions = conditions._replace(parents=conditions.parents.gather(1, sources), moved=is_moved)
    return batch, conditions
