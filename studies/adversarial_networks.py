"""The networks of `studies.adversarial`: generator and discriminator, transformers over seven tokens of a voice.

The tokens are the common parameters and the six operators. All operators have the same weights.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, pad

from deepdx_core.writer.layout import KINDS, OPERATOR, PARENT_SOURCES, SIZES, VALUES
from deepdx_core.writer.model import Block

_COMMON = int((OPERATOR == 0).sum())  # positions before those of operators
_OF_OPERATOR = KINDS - _COMMON
_HEADS = 4


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

    def __init__(self, labels: int, width: int, depth: int, noise: int, editing: bool) -> None:
        super().__init__()
        if editing:
            self.parent, self.within = Encoder(width), nn.Linear(6 * _OF_OPERATOR, width)
            self.differing = nn.Linear(1, width)
        self.operator = nn.Parameter(0.3 * torch.randn(7, width))
        self.label = nn.Embedding(labels, width)
        self.noise = nn.Linear(7 * noise, 7 * width)
        self.blocks = nn.Sequential(*(Block(width, _HEADS, 0.0) for _ in range(depth)), nn.LayerNorm(width))
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

    def __init__(self, labels: int, width: int, depth: int, editing: bool) -> None:
        super().__init__()
        self.child = Encoder(width)
        self.operator = nn.Parameter(0.3 * torch.randn(7, width))
        self.label = nn.Embedding(labels, width)
        self.within = nn.Linear(6 * _OF_OPERATOR, width)
        if editing:
            self.parent, self.between = Encoder(width), nn.Linear(6 * _OF_OPERATOR, width)
            self.kept, self.differing = nn.Linear(_COMMON, width), nn.Linear(2, width)
        self.blocks = nn.Sequential(*(Block(width, _HEADS, 0.0) for _ in range(depth)), nn.LayerNorm(width))
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
