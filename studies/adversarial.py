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
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, one_hot, pad, softplus

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
from deepdx_core.writer.layout import KINDS, OPERATOR, PARENT_SOURCES, SIZES, VALUES, from_sequence, to_sequence
from deepdx_core.writer.model import Block
from deepdx_core.writer.parents import SAMPLING_SLACK, Parents, draw_parents, find_parents

_COMMON = int((OPERATOR == 0).sum())  # positions before those of operators
_OF_OPERATOR = KINDS - _COMMON
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

    steps: int = 1500
    batch: int = 64
    width: int = 128
    depth: int = 2
    noise: int = 16
    rate: float = 1e-3
    rate_discriminator: float = 1e-3
    penalty: float = 0.1
    penalize_every: int = 8
    temperature: float = 1.0
    average: float = 0.995
    distance_noise: float = 0.3


class Conditions(NamedTuple):
    """Conditions of n voices; the last two are for editing.

    labels: `int64[n]`. parents: `int64[n, 145]`. differing: about how many parameters should differ, `[n]`.
    """

    labels: Tensor
    parents: Tensor | None = None
    differing: Tensor | None = None


class Encoder(nn.Module):
    """Voices as seven tokens, the common parameters and six operators: sums of embeddings of their values."""

    def __init__(self, width: int) -> None:
        super().__init__()
        along = torch.linspace(0, math.pi, VALUES)[None, :, None]
        waves = torch.cos(3 * torch.randn(KINDS, 1, width) * along + 2 * math.pi * torch.rand(KINDS, 1, width))
        self.values = nn.Parameter(0.2 * (waves + 0.3 * torch.randn(KINDS, VALUES, width)))

    def forward(self, voices: Tensor) -> Tensor:
        """Return tokens `[n, 7, width]` of voices `int64[n, 145]`, or `[n, 145, 100]` where slopes are needed."""
        common, operators = _split(voices)
        tables = self.values.split((_COMMON, _OF_OPERATOR))
        if voices.is_floating_point():
            tokens = [
                part.flatten(2) @ table.flatten(0, 1) for part, table in zip((common, operators), tables, strict=True)
            ]
        else:
            tokens = [
                embedding_bag(
                    (part + VALUES * torch.arange(part.shape[2])).flatten(0, 1), table.flatten(0, 1), mode="sum"
                ).unflatten(0, part.shape[:2])
                for part, table in zip((common, operators), tables, strict=True)
            ]
        return torch.cat(tokens, dim=1)


def same_within(voices: Tensor) -> Tensor:
    """Return where two operators of a voice have the same value, `[n, 6, 6 * 21]`."""
    _, operators = _split(voices)
    if voices.is_floating_point():
        aligned = operators.transpose(1, 2).contiguous()  # [n, 21, 6, 100]
        return (aligned @ aligned.transpose(2, 3)).permute(0, 2, 3, 1).flatten(2)
    return (operators[:, :, None] == operators[:, None]).float().flatten(2)


def same_between(voices: Tensor, parents: Tensor) -> tuple[Tensor, Tensor]:
    """Return where a voice has a value of its parent `int64[n, 145]`: common parameters, `[n, 19]`, and operators.

    Those, `[n, 6, 21 * 6]`, are compared with each operator of the parent, beginning with the same.
    """
    values = parents[:, torch.from_numpy(PARENT_SOURCES.clip(min=0))]
    same = voices.gather(2, values) if voices.is_floating_point() else (voices[..., None] == values).float()
    common, operators = _split(same)
    return common[:, 0, :, 0], operators.flatten(2)


def _split(voices: Tensor) -> tuple[Tensor, Tensor]:
    """Split `[n, 145, ...]` into common parameters, `[n, 1, 19, ...]`, and operators, `[n, 6, 21, ...]`."""
    common, operators = voices.split((_COMMON, 6 * _OF_OPERATOR), dim=1)
    return common[:, None], operators.unflatten(1, (6, -1))


class Generator(nn.Module):
    """Logits of each value of each parameter, from noise, label and, for editing, a parent."""

    def __init__(self, labels: int, settings: Settings, editing: bool) -> None:
        super().__init__()
        width = settings.width
        if editing:
            self.parent, self.within = Encoder(width), nn.Linear(6 * _OF_OPERATOR, width)
            self.differing = nn.Linear(1, width)
        self.operator = nn.Parameter(0.3 * torch.randn(7, width))
        self.label = nn.Embedding(labels, width)
        self.noise = nn.Linear(7 * settings.noise, 7 * width)
        self.blocks = nn.Sequential(*(Block(width, 4, 0.0) for _ in range(settings.depth)), nn.LayerNorm(width))
        choices = VALUES + (PARENT_SOURCES.shape[1] if editing else 0)
        self.common, self.operators = nn.Linear(width, _COMMON * choices), nn.Linear(width, _OF_OPERATOR * choices)
        self.choices = choices
        sizes = torch.from_numpy(SIZES)
        self.register_buffer("out_of_range", torch.where(torch.arange(VALUES) < sizes[:, None], 0.0, -1e9))
        self.register_buffer("log_sizes", sizes.log())
        self.register_buffer("sources", torch.from_numpy(PARENT_SOURCES.clip(min=0)))
        self.register_buffer("has_source", torch.from_numpy(PARENT_SOURCES >= 0))

    def forward(self, conditions: Conditions) -> Tensor:
        """Return logits `[n, 145, 100]`."""
        labels, parents, differing = conditions
        noise = torch.randn(len(labels), self.noise.in_features)
        x = self.noise(noise).unflatten(1, (7, -1)) + self.operator + self.label(labels)[:, None]
        if parents is not None:
            x = x + self.differing(differing.log()[:, None])[:, None]
            x = x + self.parent(parents) + pad(self.within(same_within(parents)), (0, 0, 1, 0))
        x = self.blocks(x)
        of_operators = self.operators(x[:, 1:]).view(len(x), -1, self.choices)
        logits = torch.cat([self.common(x[:, 0]).view(len(x), -1, self.choices), of_operators], dim=1)
        values = logits[..., :VALUES] + self.out_of_range
        if parents is None:
            return values
        gates = logits[..., VALUES:] * self.has_source
        logits = values.scatter_add(-1, parents[:, self.sources], gates)
        # Untrained, it keeps each value with the same chance, so that as many differ as should.
        share = (differing / parents.shape[1]).clamp(0.001, 0.95)
        keep = self.log_sizes + ((1 - share) / share).log()[:, None]
        return logits.scatter_add(-1, parents[..., None], keep[..., None])


class Discriminator(nn.Module):
    """A logit of each voice, the higher the more real, given label and, for editing, the parent."""

    def __init__(self, labels: int, settings: Settings, editing: bool) -> None:
        super().__init__()
        width = settings.width
        self.child = Encoder(width)
        self.operator = nn.Parameter(0.3 * torch.randn(7, width))
        self.label = nn.Embedding(labels, width)
        self.within = nn.Linear(6 * _OF_OPERATOR, width)
        if editing:
            self.parent, self.between = Encoder(width), nn.Linear(6 * _OF_OPERATOR, width)
            self.kept, self.differing = nn.Linear(_COMMON, width), nn.Linear(2, width)
        self.blocks = nn.Sequential(*(Block(width, 4, 0.0) for _ in range(settings.depth)), nn.LayerNorm(width))
        self.features = nn.Sequential(nn.Linear(7 * width, width), nn.LeakyReLU(0.2))
        self.output = nn.Sequential(nn.Linear(2 * width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, voices: Tensor, conditions: Conditions) -> Tensor:
        """Return logits `[n]` of voices `int64[n, 145]` or `[n, 145, 100]`."""
        labels, parents, differing = conditions
        x = self.child(voices) + self.operator + self.label(labels)[:, None]
        x = x + pad(self.within(same_within(voices)), (0, 0, 1, 0))
        if parents is not None:
            common, operators = same_between(voices, parents)
            found = len(SIZES) - common.sum(dim=1) - operators[..., :: PARENT_SOURCES.shape[1]].sum(dim=(1, 2))
            numbers = torch.stack([found.clamp(min=0).add(1).log(), differing.add(1).log()], dim=1)
            x = x + self.differing(numbers)[:, None]
            x = x + self.parent(parents) + torch.cat([self.kept(common)[:, None], self.between(operators)], dim=1)
        features = self.features(self.blocks(x).flatten(1))
        deviations = (features - features.mean(dim=0)).square().mean(dim=0).add(1e-6).sqrt()
        return self.output(torch.cat([features, deviations.expand_as(features)], dim=1)).squeeze(1)


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
        self.generator = Generator(labels, method.settings, editing)
        self.fitted = Fitted(method.settings, train, method.parents, copy.deepcopy(self.generator).eval())
        self.discriminator = Discriminator(labels, method.settings, editing)
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
