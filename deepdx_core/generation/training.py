"""Training of a model: the generator, a writer with its parents or a GAN, then the critics on its voices."""

import math
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.dataset.arrays import Splits, Voices, generated_voices, joint_families, sample_rows
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.generators import Generator
from deepdx_core.evaluation.metrics.c2st import area, c2st
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.sampling import TrainedGan
from deepdx_core.gan.training import train as train_gan
from deepdx_core.generation.critic import fit_critic
from deepdx_core.generation.model_card import TrainingSummary
from deepdx_core.generation.names import NameModel, fit_names
from deepdx_core.generation.rounds import train_against_critics
from deepdx_core.generation.voice_model import GanModel, SampledModel, VoiceModel, WriterModel
from deepdx_core.progress import Report, silent
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
_VALIDATED = 1000  # voices of the validation split that a GAN is compared with


def model_fingerprint(splits: Splits, config: WriterConfig | GanConfig) -> str:
    """Return a digest of everything that determines the result of `train_model`, except the names."""
    kind = ["gan"] if isinstance(config, GanConfig) else []  # a writer's digest is that of before there were kinds
    return run_fingerprint(config.to_json(), repr(splits.labels), data_version(splits), code_version(), *kind)


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
    config: WriterConfig | GanConfig,
    checkpoint_dir: Path,
    progress: Callable[[TrainingProgress], None],
    report: Report,
    audio: pl.DataFrame | None = None,
) -> VoiceModel:
    """Train a model on the training and validation splits: a writer or a GAN, by the kind of settings.

    progress: receives the progress of a writer; everything else goes to `report`. audio: a table `audio_features`; what
    it has of the voices is not rendered again.

    Test voices are not used. An interrupted run of a writer continues from the checkpoint in `checkpoint_dir`. Raises
    ValueError if all training voices are of one family, and FloatingPointError if the loss diverges.
    """
    if isinstance(config, GanConfig):
        return _train_gan(splits, names, config, report, audio)
    train, validation, fingerprint = splits.train, splits.validation, model_fingerprint(splits, config)
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
    audio = _with_audio(train, audio, report)  # rendered once, for the rounds and for the critic by ear
    writer = train_against_critics(writer, train, training_set, audio, config, fingerprint, checkpoint_dir, report)

    def generate(labels: Int64Array, seed: int) -> UInt8Array:
        return write_children(writer, training_set, labels, np.random.default_rng([seed, 3]), report)[0]

    best = dict(zip(HISTORY, history[best_validation(history)].tolist(), strict=True))
    outcome = {name: best[name] for name in ("validation_loss", "validation_c2st")} | {"steps": int(best["step"])}
    common = _with_critics(splits, config, generate, outcome, names, report, audio)
    return WriterModel(config=config, parents=parents, writer=writer, history=history, **common)


def _train_gan(
    splits: Splits, names: NameModel, config: GanConfig, report: Report, audio: pl.DataFrame | None
) -> GanModel:
    validation = splits.validation[sample_rows(len(splits.validation), _VALIDATED, config.seed)]

    def validate(gan: TrainedGan) -> float:
        with reproducible(config.threads):
            voices = gan.generate(validation.labels, np.random.default_rng([config.seed, 1]))
        groups = joint_families(generated_voices(voices, validation.labels), validation)
        return c2st(voices, validation.parameters, groups, config.seed).value

    gan, history = train_gan(splits.train.parameters, splits.train.labels, len(splits.labels), config, report, validate)

    def generate(labels: Int64Array, seed: int) -> UInt8Array:
        return gan.generate(labels, np.random.default_rng([seed, 3]))

    outcome = {"validation_loss": None, "validation_c2st": history[-1, 3], "steps": config.steps}
    common = _with_critics(splits, config, generate, outcome, names, report, audio)
    return GanModel(config=config, gan=gan, history=history, **common)


def add_critics(generator: Generator, splits: Splits, seed: int, by_ear: bool, report: Report) -> SampledModel:
    """Return a fitted generator of the evaluation protocol with a critic of its own, trained like that of a writer.

    by_ear: render voices, for a critic by ear as well.
    """
    outcome = {"validation_loss": None, "validation_c2st": math.nan, "steps": 0}
    config = WriterConfig(seed=seed)
    common = _with_critics(splits, config, generator.sample, outcome, fit_names([], [], []), report, None, by_ear)
    return SampledModel(config=config, generator=generator, history=np.empty((0, 0)), **common)


def _with_critics(
    splits: Splits,
    config: WriterConfig | GanConfig,
    generate: Callable[[Int64Array, int], UInt8Array],
    outcome: dict[str, Any],
    names: NameModel,
    report: Report,
    audio: pl.DataFrame | None,
    by_ear: bool = True,
) -> dict[str, Any]:
    """Fit the critics of a generator, and return the fields that models of all kinds share, by name.

    generate: returns a voice for each label with a seed. outcome: of the training, as in the summary. by_ear: without,
    nothing is rendered, and there is no critic by ear.
    """
    train, validation = splits.train, splits.validation
    labels = np.resize(train.labels, min(config.written, len(train)))
    with reproducible(config.threads):
        written = _new_voices(generate(labels, config.seed), labels, train)
        held_out = _new_voices(generate(validation.labels, config.seed + 1), validation.labels, train)
    critic, critic_by_ear = fit_critic(train, written, config.seed), None
    realness = [critic.realness(voices) for voices in (validation, held_out)]
    critic = critic.calibrated(*realness)
    if by_ear:
        known = AudioFeatures.create_empty() if audio is None else audio
        of_train, of_written, *others = (
            feature_bytes(voices.parameters, compute_voice_features(voices.parameters, known, report))
            for voices in (train, written, validation, held_out)
        )
        critic_by_ear = fit_critic(train, written, config.seed, (of_train, of_written))
        pairs = zip((validation, held_out), others, strict=True)
        realness = [critic_by_ear.realness(voices, sound) for voices, sound in pairs]
        critic_by_ear = critic_by_ear.calibrated(*realness)
    is_real = np.arange(len(validation) + len(held_out)) < len(validation)
    critic_area, _ = area(np.concatenate(realness), is_real, np.arange(len(is_real)))
    summary = TrainingSummary(
        fingerprint=model_fingerprint(splits, config),
        data_version=data_version(splits),
        code_version=code_version(),
        voices=len(train),
        critic_area=critic_area,
        **outcome,
    )
    return {
        "labels": splits.labels,
        "voices": train,
        "written": written,
        "critic": critic,
        "critic_by_ear": critic_by_ear,
        "names": names,
        "summary": summary,
    }


def _with_audio(voices: Voices, audio: pl.DataFrame | None, report: Report) -> pl.DataFrame:
    """Return a table `audio_features` with the features of all of these voices, and what it had of others."""
    known = AudioFeatures.create_empty() if audio is None else audio
    found = compute_voice_features(voices.parameters, known, report)
    others = known.join(found.select("sound_id").unique(), on="sound_id", how="anti")
    return pl.concat([others, found.select(others.columns)])


def _new_voices(parameters: UInt8Array, labels: Int64Array, train: Voices) -> Voices:
    """Return generated voices without near-copies of training voices, unless all are."""
    new = distances_to_closest(parameters, train.parameters) > MAX_DIFFERING
    new |= not new.any()
    return generated_voices(parameters[new], labels[new])


def write_children(
    writer: Writer,
    training_set: TrainingSet,
    labels: Int64Array,
    random: np.random.Generator,
    report: Report = silent,
) -> tuple[UInt8Array, Int64Array]:
    """Write a voice for each label id, `uint8[n, 145]`, without a critic.

    Returns the voices, and their parents as rows of the training set, `int64[n]`.
    """
    rows, differing = draw_parents(training_set.labels.numpy(), training_set.parents, labels, random)
    parts = []
    for start in range(0, len(labels), _VOICES_AT_ONCE):
        some = slice(start, start + _VOICES_AT_ONCE)
        conditions = make_conditions(training_set, rows[some], differing[some], labels[some])
        parts.append(from_sequence(write_voices(writer, conditions, random).numpy()))
        report("voices for the critic", min(start + _VOICES_AT_ONCE, len(labels)), len(labels))
    return np.concatenate(parts), rows
