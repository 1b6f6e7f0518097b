"""The generator as one among others, for the protocol of evaluation."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.arrays import Splits, Voices
from deepdx_core.generation.model import VoiceModel
from deepdx_core.generation.names import fit_names
from deepdx_core.generation.sampling import SamplingRequest, sample_labels
from deepdx_core.generation.training import train_model
from deepdx_core.progress import Report, silent
from deepdx_core.quality.rules import Rules
from deepdx_core.training.runs import reproducible
from deepdx_core.writer.batches import TrainingSet, make_conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.layout import LENGTH
from deepdx_core.writer.model import bits_per_voice
from deepdx_core.writer.parents import Parents, find_parents

_PARENTS_TRIED = 4
_ANY = 0.1  # how much of the chance of a parent is spread over all training voices, and of a distance over all
_AT_ONCE = 128


@dataclass(frozen=True)
class WriterMethod:
    """A writer with its critic, whose seed is the one that `fit` is given. labels: their names, by label id."""

    labels: tuple[str, ...]
    config: WriterConfig
    rules: Rules
    by_ear: bool
    report: Report = silent

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedWriter":
        """Teach both."""
        with tempfile.TemporaryDirectory() as folder:
            model = train_model(
                Splits(train, validation, validation, self.labels),
                fit_names([], [], []),
                self.config.replace(seed=seed),
                Path(folder),
                lambda at: self.report("learning to write", at.step, at.steps),
                self.report,
            )
        return FittedWriter(model, self.rules, self.by_ear, self.report)


@dataclass(frozen=True)
class FittedWriter:
    """A trained model, asked for voices as a user asks: nothing is a copy, rules and, if told so, the ear agree."""

    model: VoiceModel
    rules: Rules
    by_ear: bool
    report: Report = silent
    wish: SamplingRequest = field(default_factory=SamplingRequest)

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """A voice for each label."""
        made = sample_labels(
            self.model, labels, seed, self.wish, rules=self.rules, by_ear=self.by_ear, report=self.report
        )
        return made.parameters

    def score(self, voices: Voices) -> Float64Array:
        """A lower bound of the log-probability of each voice, of the writer alone, before the critic has its say.

        Only its nearest parents are tried: the chance of the parent and of how much differs, times that of the voice
        given both, summed over them.
        """
        model = self.model
        # Its own family is unknown to the model, so that any training voice may be a parent.
        nobody = np.full(len(voices), -1), np.zeros(len(model.voices), dtype=np.int64)
        near = find_parents(voices.parameters, nobody[0], model.voices.parameters, nobody[1])
        lessons = TrainingSet.from_voices(
            Voices(model.voices.parameters, model.voices.labels, nobody[1]), model.parents
        )
        asked = TrainingSet.from_voices(voices, near)
        chances = _chances(model, voices.labels, near)
        with reproducible(model.config.threads), torch.no_grad():
            for number in range(chances.shape[1]):
                for start in range(0, len(voices), _AT_ONCE):
                    rows = slice(start, start + _AT_ONCE)
                    wished = make_conditions(
                        lessons, near.rows[rows, number], near.differing[rows, number], voices.labels[rows]
                    )
                    nats = bits_per_voice(model.writer, asked.voices[rows], wished).numpy() * np.log(2)
                    chances[rows, number] -= nats
        return np.asarray(np.logaddexp.reduce(chances, axis=1))


def _chances(model: VoiceModel, labels: Int64Array, near: Parents) -> Float64Array:
    """The log-chance, given its label, that a voice has each of its nearest parents at this distance, `[n, tried]`."""
    weights = np.diff(model.parents.cumulative, axis=1, prepend=0)
    found = np.empty((len(labels), min(_PARENTS_TRIED, near.rows.shape[1])))
    for label in np.unique(labels):
        (own,) = np.nonzero(model.voices.labels == label)
        own = own if len(own) else np.arange(len(model.voices))
        of_parent = np.bincount(model.parents.rows[own].ravel(), weights[own].ravel(), len(model.voices)) / len(own)
        of_distance = np.bincount(model.parents.differing[own].ravel(), weights[own].ravel(), 256) / len(own)
        (places,) = np.nonzero(labels == label)
        rows, differing = near.rows[places, : found.shape[1]], near.differing[places, : found.shape[1]]
        found[places] = np.log((1 - _ANY) * of_parent[rows] + _ANY / len(model.voices))
        found[places] += np.log((1 - _ANY) * of_distance[differing] + _ANY / (LENGTH + 1))
    return found
