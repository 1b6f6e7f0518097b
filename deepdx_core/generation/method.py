"""The voice model as a method for the evaluation protocol."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.arrays import Splits, Voices
from deepdx_core.evaluation.generators import Method
from deepdx_core.gan.config import GanConfig
from deepdx_core.generation.names import fit_names
from deepdx_core.generation.request import UNCONDITIONAL, SamplingRequest
from deepdx_core.generation.sampling import sample_labels
from deepdx_core.generation.training import add_critics, train_model
from deepdx_core.generation.voice_model import VoiceModel, WriterModel
from deepdx_core.progress import Report, silent
from deepdx_core.quality.rules import Rules
from deepdx_core.training.runs import reproducible
from deepdx_core.writer.batches import TrainingSet, make_conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.layout import LENGTH
from deepdx_core.writer.model import bits_per_voice
from deepdx_core.writer.parents import Parents, find_parents

_PARENTS = 4  # nearest ones that `score` sums over
_SMOOTHING = 0.1  # share of the probability spread evenly over all training voices as parents, and over all distances
_VOICES_AT_ONCE = 128


@dataclass(frozen=True)
class TrainedMethod:
    """A writer or a GAN with its critic, by the kind of settings, trained with the seed given to `fit`.

    labels: names in the order of the label ids.
    """

    labels: tuple[str, ...]
    config: WriterConfig | GanConfig
    rules: Rules
    render: bool
    report: Report = silent

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedModel":
        """Train the generator and its critic."""
        with tempfile.TemporaryDirectory() as folder:
            model = train_model(
                Splits(train, validation, validation, self.labels),
                fit_names([], [], []),
                self.config.replace(seed=seed),
                Path(folder),
                lambda at: self.report("training the writer", at.step, at.steps),
                self.report,
            )
        return fitted_model(model, self.rules, self.render, self.report)


@dataclass(frozen=True)
class Filtered:
    """A baseline with all that a model has: a critic of its own, four candidates for each voice, the same filters.

    labels: names in the order of the label ids.
    """

    labels: tuple[str, ...]
    method: Method
    rules: Rules
    render: bool
    report: Report = silent

    def fit(self, train: Voices, validation: Voices, seed: int) -> "FittedModel":
        """Fit the baseline, and its critic on what it generates."""
        generator = self.method.fit(train, validation, seed)
        splits = Splits(train, validation, validation, self.labels)
        model = add_critics(generator, splits, seed, self.render, self.report)
        return FittedModel(model, self.rules, self.render, self.report)


@dataclass(frozen=True)
class FittedModel:
    """A trained model, sampled with a user's filters: no copies, the rules of curation and, with `render`, audio."""

    model: VoiceModel
    rules: Rules
    render: bool
    report: Report = silent
    request: SamplingRequest = UNCONDITIONAL

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Sample a voice for each label id."""
        return sample_labels(
            self.model, labels, seed, self.request, rules=self.rules, render=self.render, report=self.report
        ).parameters


@dataclass(frozen=True)
class FittedWriter(FittedModel):
    """A trained writer, which also has likelihoods."""

    model: WriterModel

    def score(self, voices: Voices) -> Float64Array:
        """Return a lower bound of the log-probability of each voice under the writer alone, in nats, `float64[n]`.

        It is the sum, over the nearest parents only, of the probability of the parent and the distance times the
        probability of the voice given both. The critic's selection is left out.
        """
        model = self.model
        # Families are unknown to the model; with none in common, any training voice may be a parent.
        families, known_families = np.full(len(voices), -1), np.zeros(len(model.voices), dtype=np.int64)
        parents = find_parents(voices.parameters, families, model.voices.parameters, known_families)
        training_set = TrainingSet.from_voices(
            Voices(model.voices.parameters, model.voices.labels, known_families), model.parents
        )
        scored = TrainingSet.from_voices(voices, parents)
        log_probabilities = _log_probabilities(model, voices.labels, parents)
        with reproducible(model.config.threads), torch.no_grad():
            for number in range(log_probabilities.shape[1]):
                for start in range(0, len(voices), _VOICES_AT_ONCE):
                    rows = slice(start, start + _VOICES_AT_ONCE)
                    conditions = make_conditions(
                        training_set, parents.rows[rows, number], parents.differing[rows, number], voices.labels[rows]
                    )
                    nats = bits_per_voice(model.writer, scored.voices[rows], conditions).numpy() * np.log(2)
                    log_probabilities[rows, number] -= nats
        return np.asarray(np.logaddexp.reduce(log_probabilities, axis=1))


def fitted_model(model: VoiceModel, rules: Rules, render: bool, report: Report = silent) -> FittedModel:
    """Return a model of any kind as a generator for the protocol."""
    if isinstance(model, WriterModel):
        return FittedWriter(model, rules, render, report)
    return FittedModel(model, rules, render, report)


def _log_probabilities(model: WriterModel, labels: Int64Array, parents: Parents) -> Float64Array:
    """Return the log-probability of each of the nearest parents and its distance, given the label, `[n, parents]`."""
    weights = np.diff(model.parents.cumulative, axis=1, prepend=0)
    found = np.empty((len(labels), min(_PARENTS, parents.rows.shape[1])))
    for label in np.unique(labels):
        (own,) = np.nonzero(model.voices.labels == label)
        own = own if len(own) else np.arange(len(model.voices))
        of_parent = np.bincount(model.parents.rows[own].ravel(), weights[own].ravel(), len(model.voices)) / len(own)
        of_distance = np.bincount(model.parents.differing[own].ravel(), weights[own].ravel(), 256) / len(own)
        (places,) = np.nonzero(labels == label)
        rows, differing = (part[places, : found.shape[1]] for part in (parents.rows, parents.differing))
        found[places] = np.log((1 - _SMOOTHING) * of_parent[rows] + _SMOOTHING / len(model.voices))
        found[places] += np.log((1 - _SMOOTHING) * of_distance[differing] + _SMOOTHING / (LENGTH + 1))
    return found
