"""From the splits to a model: parents are looked for, the writer learns, then the critic, by what the writer writes."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from deepdx_core.arrays import Int64Array
from deepdx_core.dataset.arrays import Splits, Voices, generated_voices
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.metrics.c2st import area
from deepdx_core.generation.critic import Critic
from deepdx_core.generation.model import VoiceModel
from deepdx_core.generation.model_card import TrainingSummary
from deepdx_core.generation.names import NameModel
from deepdx_core.progress import Report
from deepdx_core.training.checkpoints import digest, run_fingerprint
from deepdx_core.training.runs import reproducible
from deepdx_core.versions import MODEL_VERSION
from deepdx_core.writer.batches import TrainingSet, make_conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.history import best_validation
from deepdx_core.writer.layout import from_sequence
from deepdx_core.writer.model import Writer
from deepdx_core.writer.parents import SAMPLING_SLACK, draw_parents, find_parents
from deepdx_core.writer.sampling import write_voices
from deepdx_core.writer.training import TrainingProgress, train_writer

_VERSION_1 = "68685bf0d8e9e79a"
_LIBRARIES = ("torch", "scikit-learn", "numpy")
_AT_ONCE = 512


def model_fingerprints(splits: Splits, config: WriterConfig) -> tuple[str, str]:
    """Digests of all that decides what `train_model` makes, but for the names: of now, and as it was of version 1.

    A model of version 1 is as good as one of now, and was trained for half an hour.
    """
    decided = config.to_json(), repr(splits.labels), data_version(splits)
    return run_fingerprint(*decided, code_version()), run_fingerprint(*decided, _VERSION_1)


def data_version(splits: Splits) -> str:
    """A digest of the voices that a model learns from and is chosen by."""
    return digest(
        *(
            array
            for part in (splits.train, splits.validation)
            for array in (part.parameters, part.labels, part.families)
        )
    )


def code_version() -> str:
    """The version of the code that makes a model, and of the libraries that it computes with: `major.minor` of each."""
    libraries = [f"{name} {'.'.join(version(name).split('.')[:2])}" for name in _LIBRARIES]
    return ", ".join([f"model {MODEL_VERSION}", *libraries])


def train_model(
    splits: Splits,
    names: NameModel,
    config: WriterConfig,
    checkpoint_dir: Path,
    progress: Callable[[TrainingProgress], None],
    report: Report,
) -> VoiceModel:
    """A model.

    Test voices are not looked at. A run that was interrupted goes on from the checkpoint in `checkpoint_dir`. Raises
    ValueError where there is but one family to learn from, and FloatingPointError where the losses grow without bounds.
    """
    train, validation = splits.train, splits.validation
    fingerprint, _ = model_fingerprints(splits, config)
    parents = find_parents(train.parameters, train.families, train.parameters, train.families, report)
    of_validation = find_parents(validation.parameters, validation.families, train.parameters, train.families, report)
    writer, history = train_writer(
        train, validation, (parents, of_validation), len(splits.labels), config, fingerprint, checkpoint_dir, progress
    )
    parents = replace(parents, slack=SAMPLING_SLACK)
    lessons = TrainingSet.from_voices(train, parents)
    labels = np.resize(train.labels, min(config.written, len(train)))
    with reproducible(config.threads):
        written = _written(writer, lessons, train, labels, config.seed, report)
        tried = _written(writer, lessons, train, validation.labels, config.seed + 1, report)
    critic = Critic(train, written, config.seed)
    said = np.concatenate([critic.realness(validation), critic.realness(tried)])
    critic_area, _ = area(said, np.arange(len(said)) < len(validation), np.arange(len(said)))
    best = history[best_validation(history)]
    versions = data_version(splits), code_version()
    summary = TrainingSummary(
        fingerprint, *versions, len(train), int(best[0]), float(best[2]), float(best[3]), critic_area
    )
    return VoiceModel(config, splits.labels, train, parents, writer, written, critic, names, summary, history)


def _written(
    writer: Writer, lessons: TrainingSet, train: Voices, labels: Int64Array, seed: int, report: Report
) -> Voices:
    """Voices for these labels, as a user would get them if there were no critic; without copies, if not all are."""
    random = np.random.default_rng([seed, 3])
    rows, differing = draw_parents(train.labels, lessons.parents, labels, random)
    parts = []
    for start in range(0, len(labels), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        asked = make_conditions(lessons, rows[some], differing[some], labels[some])
        parts.append(from_sequence(write_voices(writer, asked, random).numpy()))
        report("voices for the critic", min(start + _AT_ONCE, len(labels)), len(labels))
    parameters = np.concatenate(parts)
    new = distances_to_closest(parameters, train.parameters) > MAX_DIFFERING
    new |= not new.any()
    return generated_voices(parameters[new], labels[new])
