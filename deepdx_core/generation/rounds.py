"""Rounds of adversarial training: the writer writes, a critic judges by ear, the writer learns from its odds.

Each round has critics of its own. They have to tell today's writer from real voices, not that of a round before.
"""

from pathlib import Path

import numpy as np
import polars as pl
import torch

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.dataset.arrays import Voices, generated_voices
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.generation.critic import fit_critic
from deepdx_core.progress import Report, silent
from deepdx_core.sound.audio_features import compute_voice_features
from deepdx_core.sound.feature_bytes import feature_bytes
from deepdx_core.tables.audio import AudioFeatures
from deepdx_core.training.checkpoints import read_checkpoint, write_checkpoint
from deepdx_core.training.runs import reproducible
from deepdx_core.writer.adversarial import (
    CANDIDATES,
    PARENTS_PER_STEP,
    Candidates,
    learn_from_rewards,
    write_candidates,
)
from deepdx_core.writer.batches import TrainingSet
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.model import Writer

ROUNDS_CHECKPOINT = "rounds.safetensors"

FEWEST_STEPS = 32
"""Steps of a round, below which there are none: critics learn nothing from so few candidates."""

_STEPS_BEFORE = 16  # for each step of a round: rounds refine a writer that can write already
_MAX_REWARD = 4.0  # log-odds; trees are sure of a few voices, which would outweigh all others


def train_against_critics(
    writer: Writer,
    train: Voices,
    training_set: TrainingSet,
    audio: pl.DataFrame,
    config: WriterConfig,
    fingerprint: str,
    checkpoint_dir: Path,
    report: Report,
) -> Writer:
    """Return the writer after `config.rounds` rounds. An interrupted run continues with the round that it was in.

    training_set: `train`, with parents as for sampling. audio: a table `audio_features` with all training voices.
    """
    steps = min(config.round_steps, config.steps_for(len(train)) // _STEPS_BEFORE)
    if steps < FEWEST_STEPS or not config.rounds:
        return writer
    sound = feature_bytes(train.parameters, audio)
    checkpoint, first = checkpoint_dir / ROUNDS_CHECKPOINT, 0
    if (state := read_checkpoint(checkpoint, fingerprint)) is not None:
        first = int(state.pop("rounds"))
        writer.load_state_dict(state)
    with reproducible(config.threads), torch.random.fork_rng():
        for number in range(first, config.rounds):
            report("adversarial rounds", number, config.rounds)
            random = np.random.default_rng([config.seed, number, 4])
            labels = train.labels[random.integers(len(train), size=steps * PARENTS_PER_STEP)]
            candidates = write_candidates(writer, training_set, labels, random)
            rewards = _rewards(candidates, train, sound, config.seed, random)
            writer = learn_from_rewards(writer, training_set, candidates, rewards, config, random)
            state = {"rounds": torch.tensor(number + 1), **writer.state_dict()}
            write_checkpoint(checkpoint, fingerprint, state)
    return writer


def _rewards(
    candidates: Candidates, train: Voices, sound: UInt8Array, seed: int, random: np.random.Generator
) -> Float64Array:
    """Return the log-odds that each candidate is real, by a critic that was not fitted to it, `float64[n]`.

    A near-copy of a training voice has the least.
    """
    written = generated_voices(candidates.parameters, candidates.labels)
    heard = feature_bytes(
        written.parameters, compute_voice_features(written.parameters, AudioFeatures.create_empty(), silent)
    )
    is_new = distances_to_closest(written.parameters, train.parameters) > MAX_DIFFERING
    half = np.repeat(random.permutation(len(written) // CANDIDATES) % 2, CANDIDATES)
    rewards = np.empty(len(written))
    for own in (half == 0, half == 1):
        taught = np.flatnonzero(~own & is_new)
        critic = fit_critic(train, written[taught], seed, (sound, heard[taught]))
        (rows,) = np.nonzero(own)
        rewards[rows] = critic.realness(written[rows], heard[rows])
    return np.where(is_new, rewards.clip(-_MAX_REWARD, _MAX_REWARD), -_MAX_REWARD)
