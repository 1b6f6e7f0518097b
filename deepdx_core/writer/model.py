"""The network that writes a voice parameter by parameter, with another voice, its parent, before it. No training here.

A transformer over the 145 places of `layout`, causal in the new voice; the parent is read as a whole. It is told the
label, the parent's label, and how many parameters shall differ, of which it counts how many are left. What it writes
may be any value; those that the parent or an earlier operator has at the same place get a score of their own, as
taking over is what happens most (a log-linear relative of pointer networks: See, Liu and Manning, "Get to the point",
2017). The transformer's blocks are those of nanoGPT (norm first), with one dropout mask for all places of a voice (Gal
and Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks", 2016).
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from deepdx_core.writer.layout import (
    EARLIER_SOURCES,
    KIND,
    KINDS,
    OPERATOR,
    PARENT_SOURCES,
    PLACES,
    ROLE,
    ROLES,
    SIZES,
    VALUES,
)

_NEVER = -1e9
_ALGORITHMS = len(ROLE)
_READ_AT_ONCE = 16  # parents; what attention weighs in more does not fit in the processor's cache


class Conditions(NamedTuple):
    """What is asked of each voice of a batch.

    parents: `int64[n, 145]`, in the order of writing; nothing of it is seen where there is no parent.
    differing: `int64[n]`, in how many parameters the voice shall differ from it; -1 is no parent.
    labels, parent_labels: `int64[n]`.
    moved: `bool[n]`, whether operators stand in for one another, as they may in training.
    """

    parents: Tensor
    differing: Tensor
    labels: Tensor
    parent_labels: Tensor
    moved: Tensor


class Writer(nn.Module):
    """The scores of all values at each place of a voice, given what is before it and what is asked."""

    _kind: Tensor
    _operator: Tensor
    _role: Tensor
    _sources: Tensor
    _there: Tensor
    _legal: Tensor
    _causal: Tensor

    def __init__(self, labels: int, width: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.value = nn.Parameter(smooth_scales(KINDS, VALUES, width, 0.3))
        self.parent_value = nn.Parameter(smooth_scales(KINDS, VALUES + 1, width, 0.3))  # the last is no parent
        self.score = nn.Parameter(smooth_scales(KINDS, VALUES, width, 0.02))
        self.bias = nn.Parameter(torch.zeros(KINDS, VALUES))
        self.kind = _embedding(KINDS, width)
        self.operator = _embedding(7, width)
        self.role = _embedding(ROLES, width)
        self.algorithm = _embedding(_ALGORITHMS + 1, width)  # the last is not yet known
        self.label = _embedding(labels, width)
        self.parent_label = _embedding(labels + 1, width)  # the last is no parent
        self.left = _embedding(PLACES + 2, width)  # the last is no parent
        self.moved = _embedding(2, width)
        self.reader = Block(width, heads, dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.drop = Dropout(dropout)
        self.take_over = nn.Linear(width, PARENT_SOURCES.shape[1] + EARLIER_SOURCES.shape[1])
        for name, table in _tables().items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, voices: Tensor, wishes: Conditions) -> Tensor:
        """Scores `float32[n, 145, 100]` of the values at each place of voices `int64[n, 145]`."""
        x = self._enter(self.read(wishes), voices, wishes, 0, PLACES)
        for block in self.blocks:
            x = block(x, self._causal)
        return self._scores(x, voices, wishes, 0, PLACES)

    def read(self, wishes: Conditions) -> Tensor:
        """What the parents say at each place, `[n, 145, width]`."""
        orphan = wishes.differing < 0
        values = torch.where(orphan[:, None], VALUES, wishes.parents)
        labels = torch.where(orphan, self.parent_label.num_embeddings - 1, wishes.parent_labels)
        x = self.parent_value[self._kind, values] + self._place(0, PLACES)
        x = x + (self.parent_label(labels) + self.label(wishes.labels) + self.moved(wishes.moved.long()))[:, None]
        read: Tensor = self.reader(x)
        return read

    def begin(self, wishes: Conditions) -> "IncrementalDecoder":
        """Begin to write voices, place after place."""
        return IncrementalDecoder(self, wishes)

    def _place(self, first: int, end: int) -> Tensor:
        embedded: Tensor = self.kind(self._kind[first:end]) + self.operator(self._operator[first:end])
        return embedded

    def _enter(self, read: Tensor, voices: Tensor, wishes: Conditions, first: int, end: int) -> Tensor:
        """What the blocks begin with at some places, `[n, places, width]`; of voices, only what is before is used."""
        known = max(first, 1)
        before = self.value[self._kind[known - 1 : end - 1], voices[:, known - 1 : end - 1]]
        algorithm = self.algorithm(voices[:, :1]).expand(-1, end - known, -1)
        role = self.role(self._role[voices[:, 0]][:, self._operator[known:end]])
        x = before + algorithm + role
        if first == 0:  # nothing is known yet
            x = torch.cat([self.algorithm.weight[-1].expand(len(voices), 1, -1), x], dim=1)
        unequal = (voices[:, : end - 1] != wishes.parents[:, : end - 1]).long()
        so_far = torch.cat([torch.zeros_like(voices[:, :1]), unequal.cumsum(dim=1)], dim=1)[:, first:end]
        left = (wishes.differing[:, None] - so_far).clamp(0, PLACES)
        left = torch.where(wishes.differing[:, None] < 0, PLACES + 1, left)
        x = x + read[:, first:end] + self._place(first, end) + self.left(left) + self.label(wishes.labels)[:, None]
        entered: Tensor = self.drop(x)
        return entered

    def _scores(self, x: Tensor, voices: Tensor, wishes: Conditions, first: int, end: int) -> Tensor:
        kinds = self._kind[first:end]
        x = self.norm(x)
        scores = torch.einsum("npw,pvw->npv", x, self.score[kinds]).float() + self.bias[kinds] + self._legal[kinds]
        bonus = self.take_over(x).float() * self._there[first:end]
        of_parent = PARENT_SOURCES.shape[1]
        from_parent = bonus[..., :of_parent] * (wishes.differing >= 0)[:, None, None]
        sources = self._sources[first:end]
        values = torch.cat([wishes.parents[:, sources[:, :of_parent]], voices[:, sources[:, of_parent:]]], dim=-1)
        return scores.scatter_add(-1, values, torch.cat([from_parent, bonus[..., of_parent:]], dim=-1))


class IncrementalDecoder:
    """Voices that are being written: attention remembers what it has seen, so that a place costs what a place costs."""

    def __init__(self, writer: Writer, wishes: Conditions) -> None:
        self.writer = writer
        self.wishes = wishes
        self.voices = torch.zeros_like(wishes.parents)
        self.place = 0
        parts = (slice(start, start + _READ_AT_ONCE) for start in range(0, len(self.voices), _READ_AT_ONCE))
        self._read = torch.cat([writer.read(Conditions(*(wish[part] for wish in wishes))) for part in parts])
        self._memories = [block.memory(len(self.voices), PLACES) for block in writer.blocks]  # type: ignore[operator]

    def scores(self) -> Tensor:
        """Scores of the values at the place that is next, `float32[n, 100]`; to be asked once a place."""
        first, end = self.place, self.place + 1
        x = self.writer._enter(self._read, self.voices, self.wishes, first, end)
        for block, memory in zip(self.writer.blocks, self._memories, strict=True):
            x = block(x, memory=memory, at=first)
        return self.writer._scores(x, self.voices, self.wishes, first, end)[:, 0]

    def write(self, values: Tensor) -> None:
        """Settle the place: `int64[n]`."""
        self.voices[:, self.place] = values
        self.place += 1


class Block(nn.Module):
    """Attention and a perceptron, each with its norm before and what came in added after."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.tell = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = Dropout(dropout)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, memory: tuple[Tensor, Tensor] | None = None, at: int = 0
    ) -> Tensor:
        """`[n, places, width]` to the same. mask: added to what attention weighs. memory: all places before `at`."""
        n, places, _ = x.shape
        split = self.ask(self.attention_norm(x)).view(n, places, 3, self.heads, self.width // self.heads)
        # Each [n * heads, places, width / heads]: of four dimensions, what is remembered would be copied at each place.
        queries, keys, values = split.permute(2, 0, 3, 1, 4).flatten(1, 2)
        if memory is not None:
            for remembered, new in zip(memory, (keys, values), strict=True):
                remembered[:, at : at + places] = new
            keys, values = (remembered[:, : at + places] for remembered in memory)
        # Written out: torch's own fused attention takes three times as long on a CPU, going back most of all.
        weights = (queries * (self.width // self.heads) ** -0.5) @ keys.transpose(-1, -2)
        if mask is not None:
            weights = weights + mask.to(weights.dtype)
        told = (weights.softmax(dim=-1) @ values).view(n, self.heads, places, -1).transpose(1, 2).flatten(2)
        x = x + self.drop(self.tell(told))
        out: Tensor = x + self.drop(self.down(gelu(self.up(self.perceptron_norm(x)))))
        return out

    def memory(self, n: int, places: int) -> tuple[Tensor, Tensor]:
        """Room for the keys and values of so many places."""
        shape = (n * self.heads, places, self.width // self.heads)
        return self.ask.weight.new_empty(shape), self.ask.weight.new_empty(shape)


class Dropout(nn.Module):
    """Dropout with the same mask at all places of a voice, which also costs a hundredth of the random numbers."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """`[n, places, width]` to the same; nothing happens but in training."""
        if not self.training or not self.share:
            return x
        kept = torch.full((len(x), 1, x.shape[2]), 1 - self.share, device=x.device)
        return x * (torch.bernoulli(kept) / (1 - self.share)).to(x.dtype)


def smooth_scales(kinds: int, values: int, width: int, size: float) -> Tensor:
    """Random beginnings of embeddings, `[kinds, values, width]`, in which near values are alike."""
    along = torch.linspace(0, np.pi, values)[None, :, None]
    waves = torch.cos(3 * torch.randn(kinds, 1, width) * along + 2 * np.pi * torch.rand(kinds, 1, width))
    return size * (waves + 0.3 * torch.randn(kinds, values, width))


def _embedding(count: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(count, width)
    nn.init.normal_(embedding.weight, std=0.3)
    return embedding


def _tables() -> dict[str, Tensor]:
    """What is known of the places, as tensors that move with the network."""
    sources = np.concatenate([PARENT_SOURCES, EARLIER_SOURCES], axis=1)  # [145, 11]
    sizes = np.zeros(KINDS, dtype=np.int64)
    sizes[KIND] = SIZES
    return {
        "_kind": torch.from_numpy(KIND),
        "_operator": torch.from_numpy(OPERATOR),
        "_role": torch.from_numpy(ROLE),
        "_sources": torch.from_numpy(sources.clip(min=0)),
        "_there": torch.from_numpy(sources >= 0),
        "_legal": torch.where(torch.from_numpy(np.arange(VALUES) < sizes[:, None]), 0.0, _NEVER),  # [kinds, values]
        "_causal": torch.full((PLACES, PLACES), -1e4).triu(1),
    }
