"""Training of a model: find parents, train the writer, then the critics on the writer's voices."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array
from deepdx_core.dataset.arrays import Splits, Voices, generated_voices
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.metrics.c2st import area
from deepdx_core.generation.critic import fit_critic
from deepdx_core.generation.model import VoiceModel
from deepdx_core.generation.model_card import TrainingSummary
from deepdx_core.generation.names import NameModel
from deepdx_core.progress import Report
from deepdx_core.sound.audio_features import compute_voice_features, renderer_version
from deepdx_core.sound.feature_bytes import feature_bytes
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.training.checkpoints import digest, run_fingerprint
from deepdx_core.training.runs import reproducible
from deepdx_core.versions import MODEL_VERSION
from deepdx_core.writer.batches import TrainingSet, make_conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.history import HISTORY, best_validation
from deepdx_core.writer.layout import from_sequence
from deepdx_core.writer.model import Writer
from deepdx_core.writer.parents import SAMPLING_SLACK, draw_parents, find_parents
from deepdx_core.writer.sampling import write_voices
from deepdx_core.writer.training import TrainingProgress, train_writer

_LIBRARIES = ("torch", "scikit-learn", "numpy")
_VOICES_AT_ONCE = 512


def model_fingerprint(splits: Splits, config: WriterConfig) -> str:
    """Return a digest of everything that determines the result of `train_model`, except the names."""
    return run_fingerprint(config.to_json(), repr(splits.labels), data_version(splits), code_version())


def data_version(splits: Splits) -> str:
    """Return a digest of the training and validation voices."""
    return digest(
        *(
            array
            for part in (splits.train, splits.validation)
            for array in (part.parameters, part.labels, part.families)
        )
    )


def code_version() -> str:
    """Return the versions of training and sound, and `major.minor` of each library that they compute with."""
    libraries = [f"{name} {'.'.join(version(name).split('.')[:2])}" for name in _LIBRARIES]
    return ", ".join([f"model {MODEL_VERSION}", renderer_version(), *libraries])


def train_model(
    splits: Splits,
    names: NameModel,
    config: WriterConfig,
    checkpoint_dir: Path,
    progress: Callable[[TrainingProgress], None],
    report: Report,
    audio: pl.DataFrame | None = None,
) -> VoiceModel:
    """Train a model on the training and validation splits.

    audio: a table `audio_features`; what it has of the voices is not rendered again.

    Test voices are not used. An interrupted run continues from the checkpoint in `checkpoint_dir`. Raises ValueError if
    all training voices are of one family, and FloatingPointError if the loss diverges.
    """
    train, validation = splits.train, splits.validation
    fingerprint = model_fingerprint(splits, config)
    parents = find_parents(train.parameters, train.families, train.parameters, train.families, report)
    validation_parents = find_parents(
        validation.parameters, validation.families, train.parameters, train.families, report
    )
    writer, history = train_writer(
        train,
        validation,
        (parents, validation_parents),
        len(splits.labels),
        config,
        fingerprint,
        checkpoint_dir,
        progress,
    )
    parents = replace(parents, slack=SAMPLING_SLACK)
    training_set = TrainingSet.from_voices(train, parents)
    labels = np.resize(train.labels, min(config.written, len(train)))
    with reproducible(config.threads):
        written = write_new_voices(writer, training_set, train, labels, config.seed, report)
        held_out = write_new_voices(writer, training_set, train, validation.labels, config.seed + 1, report)
    known = AudioFeatures.create_empty() if audio is None else audio
    sound = [
        feature_bytes(voices.parameters, compute_voice_features(voices.parameters, known, report))
        for voices in (train, written, validation, held_out)
    ]
    critic = fit_critic(train, written, config.seed)
    critic_by_ear = fit_critic(train, written, config.seed, (sound[0], sound[1]))
    realness = np.concatenate(
        [critic_by_ear.realness(validation, sound[2]), critic_by_ear.realness(held_out, sound[3])]
    )
    critic_area, _ = area(realness, np.arange(len(realness)) < len(validation), np.arange(len(realness)))
    best = dict(zip(HISTORY, history[best_validation(history)].tolist(), strict=True))
    summary = TrainingSummary(
        fingerprint=fingerprint,
        data_version=data_version(splits),
        code_version=code_version(),
        voices=len(train),
        steps=int(best["step"]),
        validation_loss=best["validation_loss"],
        validation_c2st=best["validation_c2st"],
        critic_area=critic_area,
    )
    return VoiceModel(
        config, splits.labels, train, parents, writer, written, critic, critic_by_ear, names, summary, history
    )


def write_new_voices(
    writer: Writer, training_set: TrainingSet, train: Voices, labels: Int64Array, seed: int, report: Report
) -> Voices:
    """Write a voice for each label, without a critic. Near-copies of training voices are dropped, unless all are."""
    random = np.random.default_rng([seed, 3])
    rows, differing = draw_parents(train.labels, training_set.parents, labels, random)
    parts = []
    for start in range(0, len(labels), _VOICES_AT_ONCE):
        some = slice(start, start + _VOICES_AT_ONCE)
        conditions = make_conditions(training_set, rows[some], differing[some], labels[some])
        parts.append(from_sequence(write_voices(writer, conditions, random).numpy()))
        report("voices for the critic", min(start + _VOICES_AT_ONCE, len(labels)), len(labels))
    parameters = np.concatenate(parts)
    new = distances_to_closest(parameters, train.parameters) > MAX_DIFFERING
    new |= not new.any()
    return generated_voices(parameters[new], labels[new])
