"""Toy voices that a tiny model learns in seconds, with a trained and an untrained model."""

import re
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA
from deepdx_core.dataset.arrays import Splits, Voices, generated_voices
from deepdx_core.gan.config import GanConfig
from deepdx_core.generation.critic import fit_critic
from deepdx_core.generation.model_card import TrainingSummary
from deepdx_core.generation.names import fit_names
from deepdx_core.generation.training import train_model
from deepdx_core.generation.voice_model import VoiceModel, WriterModel
from deepdx_core.voice.parameters import INDEX
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.model import Writer
from deepdx_core.writer.parents import SAMPLING_SLACK, find_parents
from tests.support.voices import random_voices

SMALL_TRAINING = (
    *("--steps", "40"),
    *(
        part
        for setting in ("batch_size=16", "width=16", "depth=1", "heads=2", "learning_rate=0.03", "dropout=0.0")
        for part in ("--set", setting)
    ),
    *("--set", "ema_decay=0.9", "--set", "written=200", "--set", "mixed=false", "--set", "threads=1"),
)
"""Options of `deepdx run` for a model that trains in a few seconds, with voices good enough to be accepted."""

SMALL_GAN = (
    *("--model", "gan", "--steps", "150"),
    *("--set", "batch_size=16", "--set", "width=8", "--set", "written=200"),
)
"""The same for a GAN."""

LABELS = ("Low", "High", "Perc")
COARSE = (1, 31, 15)
"""Coarse frequency of operator 1, by label."""

TINY = WriterConfig(
    steps=6,
    passes=1000,
    batch_size=4,
    width=16,
    depth=1,
    heads=2,
    kv_heads=2,
    validate_every=3,
    mixed=False,
    threads=1,
)

EARLIER_NAMES = {
    **{"output": "score", "remaining": "left", "parent_encoder": "reader", "copy": "take_over"},
    **{"attention.qkv": "ask", "attention.proj": "tell", "mlp_norm": "perceptron_norm", "mlp.0": "up", "mlp.2": "down"},
}
"""Names of the parts of a writer, each with its name in models and checkpoints of earlier versions."""


def earlier_names(tensors):
    """Return the tensors of a writer under their earlier names. Names may have any prefix."""
    pattern = "|".join(map(re.escape, EARLIER_NAMES))
    renamed = {
        re.sub(rf"(?<![^./])({pattern})(?![^.])", lambda part: EARLIER_NAMES[part[0]], name): tensor
        for name, tensor in tensors.items()
    }
    assert len(renamed) == len(tensors)
    return renamed


def toy_voices(count, seed=0):
    """Voices in six clusters of similar families, 15 to 30 parameters apart; operator 1 determines the label."""
    random, of_clusters = np.random.default_rng(seed), np.random.default_rng(99)
    families = np.arange(count) // 2
    cluster = families % 6
    clusters = np.where(of_clusters.random((6, 145)) < 0.4, of_clusters.integers(0, MAXIMA + 1, (6, 145)), INIT_VOICE)
    changed = random.random((count, 145)) < 0.08
    voices = np.where(changed[families * 2 % count], random.integers(0, MAXIMA + 1, (count, 145)), clusters[cluster])
    twin = np.arange(count) % 2 == 1
    voices[twin] = voices[np.flatnonzero(twin) - 1]
    labels = random.integers(0, 3, count)
    voices[:, INDEX["op1_coarse"]] = np.array(COARSE)[labels]
    voices[:, INDEX["lfo_speed"]] = random.integers(0, 100, count)
    for operator in range(1, 7):  # loud enough to be audible, and silent after release
        voices[:, INDEX[f"op{operator}_output_level"]] = 90
        voices[:, INDEX[f"op{operator}_eg_level_1"]] = 99
        voices[:, INDEX[f"op{operator}_eg_level_4"]] = 0
        voices[:, INDEX[f"op{operator}_eg_rate_4"]] = 80
    return Voices(voices.astype(np.uint8), labels.astype(np.int64), families + 10_000 * seed)


def toy_splits(train=240, validation=12):
    return Splits(toy_voices(train), toy_voices(validation, 1), toy_voices(6, 2), LABELS)


def fit(folder: Path, config=TINY, splits=None, progress=lambda _: None, report=lambda *_: None):
    """A model trained by `train_model`, with an empty name model."""
    return train_model(splits or toy_splits(), fit_names([], [], []), config, folder, progress, report)


@cache
def trained_model() -> VoiceModel:
    """A model that has learned the toy voices well enough for its voices to match the request."""
    config = TINY.replace(
        steps=140, batch_size=8, learning_rate=0.06, ema_decay=0.95, dropout=0.0, validate_every=1000, patience=9
    ).replace(rounds=0, distance_noise=0)
    with tempfile.TemporaryDirectory() as folder:
        return fit(Path(folder), config)


@cache
def blank_model() -> VoiceModel:
    """An untrained model."""
    voices = toy_voices(40)
    torch.manual_seed(0)
    written = generated_voices(random_voices(20)[0], voices.labels[:20])
    parents = find_parents(voices.parameters, voices.families, voices.parameters, voices.families)
    return WriterModel(
        config=TINY,
        labels=LABELS,
        voices=voices,
        parents=replace(parents, slack=SAMPLING_SLACK),
        writer=Writer(len(LABELS), TINY).eval(),
        written=written,
        critic=fit_critic(voices, written, TINY.seed),
        critic_by_ear=None,
        names=fit_names([], [], []),
        summary=TrainingSummary(
            fingerprint="ab12",
            data_version="data1",
            code_version="code2",
            voices=40,
            steps=7,
            validation_loss=130.5,
            validation_c2st=0.75,
            critic_area=0.875,
        ),
        history=np.array([[4, 200.0, 150.0, np.nan], [7, 160.0, 130.5, 0.75]]),
    )


@cache
def trained_gan() -> VoiceModel:
    """A GAN of a few steps on the toy voices."""
    config = GanConfig(steps=8, batch_size=8, noise_size=4, width=4, written=60)
    with tempfile.TemporaryDirectory() as folder:
        return fit(Path(folder), config)
