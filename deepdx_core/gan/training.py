"""The GAN's training: losses and steps. What the networks are, and how voices are asked for, stands elsewhere.

On a CPU the same data and settings give the same model, bit for bit.

The discriminator has a batch norm. With a spectral norm in its place, all else equal, the generator covered a fifth as
much of the voices held out (recall 0.11, not 0.50). The hinge loss and cross entropy did equally well.
"""

import copy
import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, relu

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.encoding import encode
from deepdx_core.gan.model import Discriminator, Generator
from deepdx_core.gan.sampling import TrainedGan
from deepdx_core.progress import Report, silent
from deepdx_core.training.runs import best_device, follow, reproducible
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX


def train(
    parameters: UInt8Array, label_ids: Int64Array, label_count: int, config: GanConfig, report: Report = silent
) -> TrainedGan:
    """Train on legal voices `uint8[n, 145]` with their labels `int64[n]`, counted from 0. Tells of every step.

    Raises ValueError for labels that do not fit, and FloatingPointError where the losses grow without bounds.
    """
    if len(parameters) == 0 or label_ids.shape != (len(parameters),):
        raise ValueError(f"expected as many labels as voices and at least one, got {len(label_ids)}, {len(parameters)}")
    if label_ids.min() < 0 or label_ids.max() >= label_count:
        raise ValueError(f"label ids must be within 0 to {label_count - 1}")
    with reproducible(config.threads), torch.random.fork_rng():
        run = _Run(parameters, label_ids, label_count, config)
        for step in range(config.steps):
            if not all(math.isfinite(loss) for loss in run.advance(step)):
                raise FloatingPointError(f"training diverged in step {step + 1}: lower the learning rates")
            report("training", step + 1, config.steps)
    pair_counts = np.zeros((label_count, len(ALGORITHMS)), dtype=np.int64)
    np.add.at(pair_counts, (label_ids, parameters[:, INDEX["algorithm"]]), 1)
    return TrainedGan(config, pair_counts, run.average.to("cpu").eval())


class _Run:
    """All that changes during a run."""

    def __init__(self, parameters: UInt8Array, label_ids: Int64Array, label_count: int, config: GanConfig) -> None:
        self.config = config
        self.device = best_device()
        algorithms = parameters[:, INDEX["algorithm"]].astype(np.int64)
        self.images, self.label_ids, self.algorithms = (
            torch.from_numpy(array).to(self.device) for array in (encode(parameters), label_ids, algorithms)
        )
        self.thresholds = _thresholds(label_ids)
        torch.manual_seed(config.seed)
        self.generator = Generator(config.noise_size, label_count, config.width).to(self.device)
        self.discriminator = Discriminator(label_count, config.width).to(self.device)
        self.average = copy.deepcopy(self.generator)
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.99))
            for network, rate in (
                (self.generator, config.generator_learning_rate),
                (self.discriminator, config.discriminator_learning_rate),
            )
        )

    def advance(self, step: int) -> tuple[float, float]:
        """Do a step: the discriminator learns, then the generator, then the average follows. Their two losses."""
        random = np.random.default_rng([self.config.seed, step])
        discriminator_loss = self._learn_to_tell(random)
        generator_loss = self._learn_to_make(random)
        follow(self.average, self.generator, self.config.ema_decay, step)
        return discriminator_loss.item(), generator_loss.item()

    def _learn_to_tell(self, random: np.random.Generator) -> Tensor:
        drawn, wished = self._draw(random), self._draw(random)
        with torch.no_grad():
            made = self._make(random, wished)
        real, fake = self.discriminator(self.images[drawn]), self.discriminator(made)
        loss = relu(1 - real.realness).mean() + relu(1 + fake.realness).mean()
        loss = loss + self._classification(real.labels, real.algorithms, drawn)
        return _descend(self.discriminator_optimizer, loss)

    def _learn_to_make(self, random: np.random.Generator) -> Tensor:
        wished = self._draw(random)
        judged = self.discriminator(self._make(random, wished))
        obedience = self._classification(judged.labels, judged.algorithms, wished)
        return _descend(
            self.generator_optimizer, self.config.generator_classification_weight * obedience - judged.realness.mean()
        )

    def _draw(self, random: np.random.Generator) -> Tensor:
        """Places of a batch of training voices, whose conditions are also what is wished of the generator."""
        drawn = self.thresholds.searchsorted(random.random(self.config.batch_size), side="right")
        return torch.from_numpy(drawn).to(self.device)  # [batch_size]

    def _make(self, random: np.random.Generator, wished: Tensor) -> Tensor:
        noise = random.standard_normal((len(wished), self.config.noise_size), dtype=np.float32)
        images: Tensor = self.generator(
            torch.from_numpy(noise).to(self.device), self.label_ids[wished], self.algorithms[wished]
        )
        return images  # [batch_size, 16, 16]

    def _classification(self, labels: Tensor, algorithms: Tensor, truth: Tensor) -> Tensor:
        of_label = cross_entropy(labels, self.label_ids[truth])
        of_algorithm = cross_entropy(algorithms, self.algorithms[truth])
        return self.config.label_weight * of_label + self.config.algorithm_weight * of_algorithm


def _thresholds(label_ids: Int64Array) -> npt.NDArray[np.float64]:
    """The cumulated chance of each voice, `float64[n]`, to be drawn: by the square root of how many its label has.

    Drawn evenly, a thin label is hardly seen; with labels drawn evenly, its few voices come so often that they are
    learned by heart. The square root is the middle.
    """
    chances = np.bincount(label_ids)[label_ids] ** -0.5
    thresholds = np.cumsum(chances / chances.sum())
    thresholds[-1] = 1.0
    return np.asarray(thresholds)


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()
