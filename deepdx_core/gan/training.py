"""The GAN's training: losses and steps.

On a CPU, the same data and settings give the same model, bit for bit.

The discriminator has a batch norm. With spectral norm instead, all else equal, the generator covered a fifth as much of
the held-out voices (recall 0.11 instead of 0.50). Hinge loss and cross entropy did equally well.
"""

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, relu

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.encoding import encode
from deepdx_core.gan.model import Discriminator, Generator, Logits
from deepdx_core.gan.sampling import TrainedGan
from deepdx_core.progress import Report, silent
from deepdx_core.training.runs import best_device, reproducible, update_average
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX

_VALIDATIONS = 8


def train(
    parameters: UInt8Array,
    label_ids: Int64Array,
    label_count: int,
    config: GanConfig,
    report: Report = silent,
    validate: Callable[[TrainedGan], float] = lambda _: math.nan,
) -> tuple[TrainedGan, Float64Array]:
    """Train on legal voices `uint8[n, 145]` with labels `int64[n]`, counted from 0. Reports every step.

    Returns the GAN and the history of the run, `float64[rows, 4]`, columns as in `HISTORY`. validate: returns the C2ST
    of a GAN, for the history.

    Raises ValueError if the labels do not match the voices or are out of range, FloatingPointError if a loss diverges.
    """
    if len(parameters) == 0 or label_ids.shape != (len(parameters),):
        raise ValueError(f"expected as many labels as voices and at least one, got {len(label_ids)}, {len(parameters)}")
    if label_ids.min() < 0 or label_ids.max() >= label_count:
        raise ValueError(f"label ids must be within 0 to {label_count - 1}")
    with reproducible(config.threads), torch.random.fork_rng():
        run = _Run(parameters, label_ids, label_count, config)
        history, losses = [], []
        every = math.ceil(config.steps / _VALIDATIONS)
        for step in range(1, config.steps + 1):
            losses.append(run.training_step(step - 1))
            if not all(math.isfinite(loss) for loss in losses[-1]):
                raise FloatingPointError(f"training diverged in step {step}: lower the learning rates")
            report("training", step, config.steps)
            if step % every == 0 or step == config.steps:
                history.append([step, *np.mean(losses, axis=0), validate(run.trained())])
                losses.clear()
    return run.trained(), np.array(history, dtype=np.float64)


class _Run:
    """The mutable state of a run."""

    def __init__(self, parameters: UInt8Array, label_ids: Int64Array, label_count: int, config: GanConfig) -> None:
        self.config = config
        self.device = best_device()
        algorithms = parameters[:, INDEX["algorithm"]].astype(np.int64)
        self.images, self.label_ids, self.algorithms = (
            torch.from_numpy(array).to(self.device) for array in (encode(parameters), label_ids, algorithms)
        )
        self.pair_counts = np.zeros((label_count, len(ALGORITHMS)), dtype=np.int64)
        np.add.at(self.pair_counts, (label_ids, algorithms), 1)
        self.cumulative = _cumulative_probabilities(label_ids)
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

    def training_step(self, step: int) -> tuple[float, float]:
        """Update the discriminator, the generator and the moving average, and return the two losses."""
        random = np.random.default_rng([self.config.seed, step])
        discriminator_loss = self._discriminator_step(random)
        generator_loss = self._generator_step(random)
        update_average(self.average, self.generator, self.config.ema_decay, step)
        return discriminator_loss.item(), generator_loss.item()

    def trained(self) -> TrainedGan:
        """Return the GAN with the averaged weights so far."""
        return TrainedGan(self.config, self.pair_counts, copy.deepcopy(self.average).to("cpu").eval())

    def _discriminator_step(self, random: np.random.Generator) -> Tensor:
        real_rows, fake_rows = self._draw_rows(random), self._draw_rows(random)
        with torch.no_grad():
            images = self._generate(random, fake_rows)
        real, fake = self.discriminator(self.images[real_rows]), self.discriminator(images)
        loss = relu(1 - real.realness).mean() + relu(1 + fake.realness).mean()
        loss = loss + self._classification_loss(real, real_rows)
        return _descend(self.discriminator_optimizer, loss)

    def _generator_step(self, random: np.random.Generator) -> Tensor:
        rows = self._draw_rows(random)
        fake = self.discriminator(self._generate(random, rows))
        weight = self.config.generator_classification_weight
        loss = weight * self._classification_loss(fake, rows) - fake.realness.mean()
        return _descend(self.generator_optimizer, loss)

    def _draw_rows(self, random: np.random.Generator) -> Tensor:
        """Draw rows of training voices, `int64[batch_size]`. They also condition generated voices."""
        drawn = self.cumulative.searchsorted(random.random(self.config.batch_size), side="right")
        return torch.from_numpy(drawn).to(self.device)

    def _generate(self, random: np.random.Generator, rows: Tensor) -> Tensor:
        """Return images with the labels and algorithms of some training voices, `[batch_size, 16, 16]`."""
        noise = random.standard_normal((len(rows), self.config.noise_size), dtype=np.float32)
        images: Tensor = self.generator(
            torch.from_numpy(noise).to(self.device), self.label_ids[rows], self.algorithms[rows]
        )
        return images

    def _classification_loss(self, logits: Logits, rows: Tensor) -> Tensor:
        of_label = cross_entropy(logits.labels, self.label_ids[rows])
        of_algorithm = cross_entropy(logits.algorithms, self.algorithms[rows])
        return self.config.label_weight * of_label + self.config.algorithm_weight * of_algorithm


def _cumulative_probabilities(label_ids: Int64Array) -> Float64Array:
    """Return the cumulative probabilities of drawing each voice, `float64[n]`: labels by the square root of their size.

    With voices drawn uniformly, a rare label is hardly seen. With labels drawn uniformly, its few voices come so often
    that they are memorized. The square root is between the two.
    """
    weights = np.bincount(label_ids)[label_ids] ** -0.5
    cumulative = np.cumsum(weights / weights.sum())
    cumulative[-1] = 1.0
    return np.asarray(cumulative)


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()
