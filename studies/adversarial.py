"""How far adversarial training alone goes: no likelihood, no critic that selects, no filter.

`python -m studies.adversarial HOME [--seconds N] [--only NAME ...] [--seed N] [--set NAME=VALUE ...]` trains three
generators on the training voices of a home, which is only read, and judges them by the validation voices:

- "blog": the GAN of the blog, on voices as 16x16 images;
- "categorical": from noise and label to a categorical distribution of each parameter, by straight-through Gumbel
  samples. Its discriminator sees values as embeddings, and which of them are equal in each pair of operators;
- "editing": the same, but it gets a training voice as a parent and can keep its values; its discriminator sees child
  and parent, and real pairs are training voices with a parent of another family.

Seconds are of one thread, without the time that other programs have. Takes about half an hour.

Sources: Jang et al., "Categorical reparameterization with Gumbel-softmax", 2017; Huang et al., "The GAN is dead; long
live the GAN!", 2024 (relativistic pairs of real and generated voices, gradient penalties on both); Karras et al.,
"Progressive growing of GANs", 2018 (deviations within a batch as a feature).
"""

import argparse
import copy
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.nn.functional import one_hot, softplus

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.dataset.arrays import (
    Splits,
    Voices,
    generated_voices,
    joint_families,
    sample_rows,
    splits_from_training_set,
)
from deepdx_core.dataset.distances import distances_to_closest
from deepdx_core.dedup.near_duplicates import MAX_DIFFERING
from deepdx_core.evaluation.baselines.gan import Gan
from deepdx_core.evaluation.metrics.c2st import c2st
from deepdx_core.evaluation.metrics.classifiers import encode_parameters, networks
from deepdx_core.evaluation.metrics.memorization import count_duplicates
from deepdx_core.evaluation.metrics.prdc import prdc
from deepdx_core.gan.config import GanConfig
from deepdx_core.home import Home
from deepdx_core.labels.taxonomy import find_taxonomy
from deepdx_core.tables.storage import Tables
from deepdx_core.training.runs import reproducible, update_average
from deepdx_core.writer.layout import VALUES, from_sequence, to_sequence
from deepdx_core.writer.parents import SAMPLING_SLACK, Parents, draw_parents, find_parents
from studies.adversarial_networks import Conditions, Discriminator, Generator

_SAMPLED_AT_ONCE = 256
_WATCHED_EVERY = 300  # steps
_VALIDATED = 1000
_NAMES = ("blog", "categorical", "editing")


@dataclass(frozen=True)
class Settings:
    """Settings of a run. penalty: weight of gradient penalties.

    penalize_every: steps between penalties, which take twice the time of a step. distance_noise: standard
    deviation of the noise on the logarithm of the number of parameters that should differ.
    """

    steps: int = 1200
    batch: int = 64
    width: int = 128
    depth: int = 2
    noise: int = 16
    rate: float = 5e-4
    rate_discriminator: float = 1e-3
    penalty: float = 0.01
    penalize_every: int = 8
    temperature: float = 1.0
    average: float = 0.995
    distance_noise: float = 0.3


def tell(differing: Int64Array, settings: Settings, random: np.random.Generator) -> Tensor:
    """Return numbers of differing parameters with noise, `[n]`: a generator cannot hit an exact one."""
    return torch.from_numpy(
        differing * np.exp(settings.distance_noise * random.standard_normal(len(differing)))
    ).float()


@dataclass(frozen=True)
class Adversarial:
    """The categorical GAN or, given the parents of training voices, the editing one."""

    settings: Settings
    parents: Parents | None = None

    def fit(self, splits: Splits, seed: int) -> tuple["Fitted", float]:
        """Return a trained generator and the seconds it took. Validation voices are for progress only."""
        with reproducible(1):
            torch.manual_seed(seed)
            run = _Run(self, splits.train, len(splits.labels))
            began = time.process_time()
            for step in range(1, self.settings.steps + 1):
                run.step()
                if step % _WATCHED_EVERY == 0:
                    spent = time.process_time() - began
                    print(f"{step} steps, {spent:.0f} s: {run.progress(splits.validation, seed)}", flush=True)
                    began = time.process_time() - spent
        return run.fitted, time.process_time() - began


@dataclass(frozen=True)
class Fitted:
    """A trained generator with what its voices start from."""

    settings: Settings
    train: Voices
    parents: Parents | None
    generator: Generator

    def sample_with_parents(self, labels: Int64Array, seed: int) -> tuple[UInt8Array, UInt8Array | None]:
        """Return a voice for each label and, for editing, the parent of each, `uint8[n, 145]`."""
        random, origins = np.random.default_rng(seed), None
        conditions = Conditions(torch.from_numpy(labels))
        if self.parents is not None:
            rows, differing = draw_parents(self.train.labels, self.parents, labels, random)
            origins = self.train.parameters[rows]
            told = tell(differing, self.settings, random)
            conditions = Conditions(conditions.labels, torch.from_numpy(to_sequence(origins)), told)
        children = []
        with reproducible(1), torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            for start in range(0, len(labels), _SAMPLED_AT_ONCE):
                some = slice(start, start + _SAMPLED_AT_ONCE)
                logits = self.generator(Conditions(*(None if part is None else part[some] for part in conditions)))
                children.append(torch.distributions.Categorical(logits=logits).sample().numpy())
        return from_sequence(np.concatenate(children)), origins


class _Run:
    """The mutable state of a run. The fitted generator has averaged weights."""

    def __init__(self, method: Adversarial, train: Voices, labels: int) -> None:
        self.settings, self.steps, editing = method.settings, 0, method.parents is not None
        self.random = np.random.default_rng(torch.initial_seed())
        self.voices, self.labels = torch.from_numpy(to_sequence(train.parameters)), torch.from_numpy(train.labels)
        self.generator = Generator(labels, self.settings.width, self.settings.depth, self.settings.noise, editing)
        self.fitted = Fitted(method.settings, train, method.parents, copy.deepcopy(self.generator).eval())
        self.discriminator = Discriminator(labels, self.settings.width, self.settings.depth, editing)
        rates = self.settings.rate, self.settings.rate_discriminator
        self.optimizers = [
            torch.optim.Adam(network.parameters(), rate, betas=(0.0, 0.99))
            for network, rate in zip((self.generator, self.discriminator), rates, strict=True)
        ]
        self.gap, self.squares = 0.0, math.nan

    def step(self) -> None:
        """Update the discriminator, then the generator, by pairs of a real and a generated voice."""
        self._update_discriminator(penalized=self.steps % self.settings.penalize_every == 0)
        self._update_generator()
        update_average(self.fitted.generator, self.generator, self.settings.average, self.steps)
        self.steps += 1

    def _update_discriminator(self, penalized: bool) -> None:
        real, conditions = self._draw()
        with torch.no_grad():
            fake = self._generate(conditions)
        if penalized:
            real, fake = one_hot(real, VALUES).float().requires_grad_(), fake.requires_grad_()
        else:
            fake = fake.argmax(dim=2)
        of_real, of_fake = (self.discriminator(voices, conditions) for voices in (real, fake))
        loss = softplus(of_fake - of_real).mean()
        if penalized:
            slopes = torch.autograd.grad(of_real.sum() + of_fake.sum(), (real, fake), create_graph=True)
            squares = torch.stack([slope.square().sum(dim=(1, 2)).mean() for slope in slopes]).sum()
            loss = loss + self.settings.penalty / 2 * self.settings.penalize_every * squares
            self.squares = squares.item()
        self._descend(1, loss)
        self.gap = 0.99 * self.gap + 0.01 * (of_real - of_fake).mean().item()

    def _update_generator(self) -> None:
        real, conditions = self._draw()
        self.discriminator.requires_grad_(False)
        with torch.no_grad():
            of_real = self.discriminator(real, conditions)
        of_fake = self.discriminator(self._generate(conditions), conditions)
        self._descend(0, softplus(of_real - of_fake).mean())
        self.discriminator.requires_grad_(True)

    def progress(self, validation: Voices, seed: int) -> str:
        """Return how the run is going, by some validation voices."""
        some = validation[sample_rows(len(validation), _VALIDATED, seed)]
        voices, parents = self.fitted.sample_with_parents(some.labels, seed)
        groups = joint_families(generated_voices(voices, some.labels), some)
        area, _ = c2st(voices, some.parameters, groups, seed)
        closest = distances_to_closest(voices, self.fitted.train.parameters)
        changed = "" if parents is None else f", changed {describe_changes(voices, parents)}"
        return (
            f"gap {self.gap:.2f}, slopes {self.squares:.2f}, C2ST {area:.3f}, closest {np.median(closest):.0f}, "
            f"within 5 {(closest <= 5).mean():.1%}{changed}"
        )

    def _draw(self) -> tuple[Tensor, Conditions]:
        """Draw training voices, `int64[n, 145]`, and the conditions under which they, or others, are made."""
        rows = self.random.integers(0, len(self.voices), self.settings.batch)
        if self.fitted.parents is None:
            return self.voices[rows], Conditions(self.labels[rows])
        parents, differing = self.fitted.parents.draw(rows, self.random.random(len(rows)))
        told = tell(differing, self.settings, self.random)
        return self.voices[rows], Conditions(self.labels[rows], self.voices[parents], told)

    def _generate(self, conditions: Conditions) -> Tensor:
        """Return samples as one-hot vectors, `[n, 145, 100]`, with the slopes of their probabilities."""
        logits = self.generator(conditions)
        gumbel = -(-torch.rand_like(logits).clamp(1e-20).log()).clamp(1e-20).log()
        soft = ((logits + gumbel) / self.settings.temperature).softmax(dim=2)
        hard = torch.zeros_like(soft).scatter_(2, soft.argmax(dim=2, keepdim=True), 1.0)
        return hard + (soft - soft.detach())

    def _descend(self, which: int, loss: Tensor) -> None:
        self.optimizers[which].zero_grad()
        loss.backward()
        self.optimizers[which].step()


def describe_changes(voices: UInt8Array, parents: UInt8Array) -> str:
    """Return the quartiles of the number of parameters that differ from the parent."""
    return "/".join(f"{number:.0f}" for number in np.percentile((voices != parents).sum(axis=1), (25, 50, 75)))


def measure(voices: UInt8Array, parents: UInt8Array | None, splits: Splits, seed: int) -> list[str]:
    """Return the cells of a row of the table, without seconds, for a voice of each validation label."""
    real = splits.validation
    groups = joint_families(generated_voices(voices, real.labels), real)
    encoded = encode_parameters(voices), encode_parameters(real.parameters)
    areas = c2st(voices, real.parameters, groups, seed), c2st(*encoded, groups, seed, networks)
    means = {name: float(parts.mean()) for name, parts in prdc(voices, real.parameters)._asdict().items()}
    closest = distances_to_closest(voices, splits.train.parameters)
    return [
        *(f"{area:.3f} ±{error:.3f}" for area, error in areas),
        *(f"{means[name]:.2f}" for name in ("precision", "recall", "density", "coverage")),
        f"{np.median(closest):.0f}",
        f"{(closest <= MAX_DIFFERING).mean():.1%}",
        f"{(closest == 0).sum()}; {count_duplicates(voices)}",
        "" if parents is None else describe_changes(voices, parents),
    ]


def main() -> None:
    """Train, judge and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--only", nargs="+", choices=_NAMES, default=_NAMES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    home, seed = Home(arguments.home), arguments.seed
    splits = splits_from_training_set(Tables(home).read("training_set"), find_taxonomy(home.taxonomy).labels)
    train, labels = splits.train, splits.validation.labels
    settings = Settings(**{name: json.loads(value) for name, value in (pair.split("=") for pair in arguments.set)})
    columns = ("C2ST, trees", "networks", "P", "R", "D", "C", "DCR", "within 5", "copies; duplicates", "changed", "s")
    table = Table("", *columns, box=None)

    def add_row(name: str, voices: UInt8Array, parents: UInt8Array | None, seconds: float) -> None:
        cells = measure(voices, parents, splits, seed)
        print(f"{name}: {', '.join(cells)}", flush=True)
        table.add_row(name, *cells, f"{seconds:.0f}")

    if "blog" in arguments.only:
        began = time.process_time()
        gan = Gan(splits.labels, GanConfig()).fit(train, splits.validation, seed)
        add_row("blog", gan.sample(labels, seed), None, time.process_time() - began)
    if "categorical" in arguments.only:
        fitted, seconds = Adversarial(settings).fit(splits, seed)
        add_row("categorical", *fitted.sample_with_parents(labels, seed), seconds)
    if "editing" in arguments.only:
        parents = find_parents(train.parameters, train.families, train.parameters, train.families)
        parents = replace(parents, slack=SAMPLING_SLACK)
        rows, _ = parents.draw(np.arange(len(train)), np.random.default_rng(seed).random(len(train)))
        print(f"real voices: changed {describe_changes(train.parameters, train.parameters[rows])}", flush=True)
        fitted, seconds = Adversarial(settings, parents).fit(splits, seed)
        add_row("editing", *fitted.sample_with_parents(labels, seed), seconds)
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
