"""Adversarial steps of the writer: policy gradients towards voices that a critic takes for real.

The reward of a voice is the critic's log-odds that it is real, `log p(real) - log p(written)`. Its mean over written
voices is minus the reverse Kullback-Leibler divergence of the writer from the data, which punishes voices that no real
one is like (f-GAN: Nowozin et al., 2016; with policy gradients for sequences: SeqGAN, Yu et al., 2017). Likelihood
alone, the forward divergence, only punishes real voices that cannot be written. Both are trained together.

The baseline of a voice is the mean reward of the candidates for the same conditions, so that a writer is told which of
its choices were good, not which parents (RLOO: Kool et al., "Buy 4 REINFORCE samples, get a baseline for free", 2019).
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.training.runs import best_device, mixed_precision, update_average
from deepdx_core.writer.batches import TrainingSet, draw_batch, make_conditions
from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.layout import from_sequence
from deepdx_core.writer.model import Writer, bits_per_voice
from deepdx_core.writer.parents import draw_parents
from deepdx_core.writer.sampling import write_voices
from deepdx_core.writer.training import descend, make_optimizer

CANDIDATES = 4
"""Candidates for the same conditions."""

PARENTS_PER_STEP = 8
"""Conditions whose candidates make a step."""

_BATCH = PARENTS_PER_STEP * CANDIDATES
_WARM_UP = 30  # steps
_EMA_DECAY = 0.98  # a round has some 200 steps


@dataclass(frozen=True)
class Candidates:
    """Written voices, `CANDIDATES` in a row for the same conditions.

    voices: `int64[n, 145]`, in the writer's order. conditions: of each of them.
    """

    voices: Tensor
    conditions: Conditions

    @property
    def parameters(self) -> UInt8Array:
        """The voices in the order of the parameter table, `uint8[n, 145]`."""
        return from_sequence(self.voices.numpy())

    @property
    def labels(self) -> Int64Array:
        """The label id of each voice, `int64[n]`."""
        return self.conditions.labels.numpy()


def write_candidates(
    writer: Writer, training_set: TrainingSet, labels: Int64Array, random: np.random.Generator
) -> Candidates:
    """Write candidates for each label id, `int64[n]`, `CANDIDATES` for the same parent and number of differences."""
    rows, differing = draw_parents(training_set.labels.numpy(), training_set.parents, labels, random)
    own = np.repeat(np.arange(len(labels)), CANDIDATES)
    conditions = make_conditions(training_set, rows[own], differing[own], labels[own])
    device = best_device()
    voices = write_voices(copy.deepcopy(writer).to(device), conditions.to(device), random)
    return Candidates(voices.cpu(), conditions)


def learn_from_rewards(
    writer: Writer,
    training_set: TrainingSet,
    candidates: Candidates,
    rewards: Float64Array,
    config: WriterConfig,
    random: np.random.Generator,
) -> Writer:
    """Return a writer that has learned from the rewards of its candidates, `float64[n]`, and as much from real voices.

    The given one stays as it is.
    """
    device = best_device()
    learner, average = copy.deepcopy(writer).to(device), copy.deepcopy(writer).to(device)
    optimizer = make_optimizer(learner, config.adversarial_learning_rate)
    advantages = torch.from_numpy(_advantages(rewards)).float()
    learner.train()
    for step, some in enumerate(np.split(random.permutation(len(rewards)), range(_BATCH, len(rewards), _BATCH))):
        torch.manual_seed(int(random.integers(1 << 62)))
        for group in optimizer.param_groups:
            group["lr"] = config.adversarial_learning_rate * min(1.0, (step + 1) / _WARM_UP)
        real, of_real = draw_batch(training_set, _BATCH, config, random)
        voices = torch.cat([candidates.voices[some], real]).to(device)
        both = zip(candidates.conditions.of(some), of_real, strict=True)
        conditions = Conditions(*map(torch.cat, both)).to(device)
        with mixed_precision(device, config.mixed):
            bits = bits_per_voice(learner, voices, conditions)
        loss = (advantages[some].to(device) * bits[: len(some)]).mean() + bits[len(some) :].mean()
        descend(loss, learner, optimizer)
        update_average(average, learner, _EMA_DECAY, step)
    return average.to("cpu").eval()


def _advantages(rewards: Float64Array) -> Float64Array:
    """Return by how much each reward is above the mean of the candidates for the same conditions, scaled to 1."""
    grouped = rewards.reshape(-1, CANDIDATES)
    above = grouped - grouped.mean(axis=1, keepdims=True)
    return np.asarray((above / max(above.std(), 1e-6)).ravel())
