"""The writer's network: a transformer that predicts the 145 parameters of a voice one by one, given a parent voice.

The new voice is causal, in the order of `layout`. The parent is encoded as a whole, by a block without a mask, and
added position by position. The other conditions are the label, the parent's label, and the number of parameters to
differ from the parent, given as the number that remains at each position. Values that the parent or an earlier
operator has at the same position get a logit of their own, because most values are copies (a log-linear relative of
pointer networks: See, Liu and Manning, "Get to the point", 2017), and so do values a few steps from the parent's. The
blocks are those of nanoGPT (pre-norm), with one dropout mask for all positions of a voice (Gal and Ghahramani, "A
theoretically grounded application of dropout in recurrent neural networks", 2016).
"""

import math
import re

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.config import WriterConfig
from deepdx_core.writer.layout import KIND, KINDS, LENGTH, OPERATOR, ROLE, ROLES, SIZES, VALUES
from deepdx_core.writer.relations import SOURCES, Relations

_ALGORITHMS = len(ROLE)
ADDED_IN_FORMAT_7 = ("relations.change", "relations.run", "step.weight", "step.bias")
"""Parameters that stored writers of formats before 7 do not have."""

_OUT_OF_RANGE = -1e9  # logit of a value that its parameter does not have
_STEPS = (-3, -2, -1, 1, 2, 3)  # from the parent's value
_ENCODER_BATCH = 16  # parents; the attention weights of more do not fit in the processor's cache


class Writer(nn.Module):
    """Logits of all values at each position of a voice, given the values before it and the conditions."""

    _kind: Tensor
    _operator: Tensor
    _role: Tensor
    _sizes: Tensor
    _steps: Tensor
    _range: Tensor
    _causal: Tensor

    def __init__(self, labels: int, config: WriterConfig) -> None:
        super().__init__()
        width = config.width
        # The order of these lines determines the random initialization, and the numbers of the optimizer's tensors in
        # checkpoints. Stored models use the names: see `upgrade_keys`.
        self.value = nn.Parameter(_smooth_embedding(KINDS, VALUES, width, 0.3))
        self.parent_value = nn.Parameter(_smooth_embedding(KINDS, VALUES + 1, width, 0.3))  # the last is no parent
        self.output = nn.Parameter(_smooth_embedding(KINDS, VALUES, width, 0.02))
        self.bias = nn.Parameter(torch.zeros(KINDS, VALUES))
        self.kind = _embedding(KINDS, width)
        self.operator = _embedding(7, width)
        self.role = _embedding(ROLES, width)
        self.algorithm = _embedding(_ALGORITHMS + 1, width)  # the last is not yet written
        self.label = _embedding(labels, width)
        self.parent_label = _embedding(labels + 1, width)  # the last is no parent
        self.remaining = _embedding(LENGTH + 2, width)  # the last is no parent
        self.moved = _embedding(2, width)
        self.parent_encoder = Block(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(config.dropout)
        self.copy = nn.Linear(width, SOURCES)
        self.relations = Relations(width)
        self.step = nn.Linear(width, len(_STEPS))
        for name, table in _layout_tables().items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, voices: Tensor, conditions: Conditions) -> Tensor:
        """Return the logits `float32[n, 145, 100]` of the values at each position of voices `int64[n, 145]`."""
        runs = self.relations.runs(voices, conditions)
        x = self._embed(voices, self.embed_conditions(conditions), conditions, runs, 0, LENGTH)
        for block in self.blocks:
            x = block(x, mask=self._causal)
        return self._logits(x, voices, conditions, 0, LENGTH)

    def embed_conditions(self, conditions: Conditions) -> Tensor:
        """Return an embedding of the conditions at each position, except for the number of differences.

        `[n, 145, width]`. The parents are encoded as a whole.
        """
        values = torch.where(conditions.orphans[:, None], VALUES, conditions.parents)
        labels = torch.where(conditions.orphans, self.parent_label.num_embeddings - 1, conditions.parent_labels)
        of_position = self.kind(self._kind) + self.operator(self._operator)
        of_label = self.label(conditions.labels)
        of_parent = self.parent_label(labels) + of_label + self.moved(conditions.moved.long())
        parents = self.parent_encoder(self.parent_value[self._kind, values] + of_position + of_parent[:, None])
        embedded: Tensor = parents + of_position + of_label[:, None]
        return embedded

    def _embed(
        self, voices: Tensor, embedded: Tensor, conditions: Conditions, runs: Tensor, start: int, stop: int
    ) -> Tensor:
        """Return the input of the blocks at some positions, `[n, stop - start, width]`.

        Reads only those values of `voices` that precede each position. embedded: the result of `embed_conditions`.
        runs: at these positions, by `Relations`.
        """
        first = max(start, 1)
        previous = self.value[self._kind[first - 1 : stop - 1], voices[:, first - 1 : stop - 1]]
        algorithm = self.algorithm(voices[:, :1]).expand(-1, stop - first, -1)
        role = self.role(self._role[voices[:, 0]][:, self._operator[first:stop]])
        x = previous + algorithm + role
        if start == 0:  # nothing is written yet
            x = torch.cat([self.algorithm.weight[-1].expand(len(voices), 1, -1), x], dim=1)
        differs = (voices[:, : stop - 1] != conditions.parents[:, : stop - 1]).long()
        so_far = torch.cat([torch.zeros_like(voices[:, :1]), differs.cumsum(dim=1)], dim=1)[:, start:stop]
        remaining = (conditions.differing[:, None] - so_far).clamp(0, LENGTH)
        remaining = torch.where(conditions.orphans[:, None], LENGTH + 1, remaining)
        x = x + embedded[:, start:stop] + self.remaining(remaining)
        dropped: Tensor = self.dropout(x + self.relations(voices, conditions, runs, start, stop))
        return dropped

    def _logits(self, x: Tensor, voices: Tensor, conditions: Conditions, start: int, stop: int) -> Tensor:
        """Return the logits at some positions, `float32[n, stop - start, 100]`, from the output of the blocks."""
        kinds = self._kind[start:stop]
        x = self.norm(x)
        logits = torch.einsum("npw,pvw->npv", x, self.output[kinds]).float() + self.bias[kinds] + self._range[kinds]
        copies = self.copy(x).float() * self.relations.known_sources(conditions, start, stop)
        logits = logits.scatter_add(-1, self.relations.source_values(voices, conditions, start, stop), copies)
        stepped = conditions.parents[:, start:stop, None] + self._steps
        in_range = (stepped >= 0) & (stepped < self._sizes[start:stop, None]) & ~conditions.orphans[:, None, None]
        return logits.scatter_add(-1, stepped.clamp(0, VALUES - 1), self.step(x).float() * in_range)


class Block(nn.Module):
    """Attention and an MLP, each with a layer norm before it and a residual connection around it."""

    def __init__(self, config: WriterConfig) -> None:
        super().__init__()
        width = config.width
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, config.heads, config.kv_heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = Dropout(config.dropout)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, kv_cache: tuple[Tensor, Tensor] | None = None, start: int = 0
    ) -> Tensor:
        """Map `[n, positions, width]` to the same shape. The other arguments are those of `Attention`."""
        x = x + self.dropout(self.attention(self.attention_norm(x), mask, kv_cache, start))
        out: Tensor = x + self.dropout(self.mlp(self.mlp_norm(x)))
        return out


class Attention(nn.Module):
    """Self-attention of several heads of queries, which share fewer heads of keys and values.

    Ainslie et al., "GQA: Training generalized multi-query transformer models", 2023. A voice is written position by
    position, and reading the keys and values of those before takes most of the time.
    """

    def __init__(self, width: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.width, self.heads, self.kv_heads = width, heads, kv_heads
        self.qkv, self.proj = nn.Linear(width, width + 2 * kv_heads * (width // heads)), nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None, kv_cache: tuple[Tensor, Tensor] | None, start: int) -> Tensor:
        """Map `[n, positions, width]` to the same shape.

        mask: added to the attention scores. kv_cache: keys and values of all positions before `start`; those of `x`,
        which begins at `start`, are added to it.
        """
        n, positions, _ = x.shape
        sharing, size = self.heads // self.kv_heads, self.width // self.heads
        split = self.qkv(x).view(n, positions, -1, size).split([self.heads, self.kv_heads, self.kv_heads], dim=2)
        # [n * kv_heads, positions, size], and `sharing` times as many rows of queries. With four dimensions, the cache
        # would be copied at each position.
        queries, keys, values = (part.transpose(1, 2).reshape(n * self.kv_heads, -1, size) for part in split)
        if kv_cache is not None:
            for cached, new in zip(kv_cache, (keys, values), strict=True):
                cached[:, start : start + positions] = new
            keys, values = (cached[:, : start + positions] for cached in kv_cache)
        # Written out: torch's fused attention takes three times as long on a CPU, most of it in the backward pass.
        scores = (queries * size**-0.5) @ keys.transpose(-1, -2)
        if mask is not None:
            scores = scores + mask.to(scores.dtype).repeat(sharing, 1)
        heads = (scores.softmax(dim=-1) @ values).view(n, self.heads, positions, size)
        out: Tensor = self.proj(heads.transpose(1, 2).flatten(2))
        return out

    def empty_kv_cache(self, n: int) -> tuple[Tensor, Tensor]:
        """Return an uninitialized cache for the keys and values of n voices."""
        shape = (n * self.kv_heads, LENGTH, self.width // self.heads)
        return self.qkv.weight.new_empty(shape), self.qkv.weight.new_empty(shape)


class Dropout(nn.Module):
    """Dropout with one mask for all positions of a voice. It also draws only a hundredth of the random numbers."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Map `[n, positions, width]` to the same shape. The identity outside of training."""
        if not self.training or not self.rate:
            return x
        kept = torch.full((len(x), 1, x.shape[2]), 1 - self.rate, device=x.device)
        return x * (torch.bernoulli(kept) / (1 - self.rate)).to(x.dtype)


class IncrementalDecoder:
    """Decodes voices position by position. Keys and values are cached, so each position is computed once.

    voices: `int64[n, 145]`, written as far as `position`, and 0 after it.
    """

    def __init__(self, writer: Writer, conditions: Conditions) -> None:
        self.writer = writer
        self.conditions = conditions
        self.voices = torch.zeros_like(conditions.parents)
        self.position = 0
        n = len(self.voices)
        self._runs = torch.zeros(n, 1, SOURCES, dtype=torch.int64, device=self.voices.device)
        parts = (slice(start, start + _ENCODER_BATCH) for start in range(0, n, _ENCODER_BATCH))
        self._embedded = torch.cat([writer.embed_conditions(conditions.of(part)) for part in parts])
        self._kv_caches = [block.attention.empty_kv_cache(n) for block in writer.blocks]  # type: ignore[union-attr,operator]

    def logits(self) -> Tensor:
        """Return the logits of the values at the next position, `float32[n, 100]`. Call it once per position."""
        start, stop = self.position, self.position + 1
        x = self.writer._embed(self.voices, self._embedded, self.conditions, self._runs, start, stop)
        for block, kv_cache in zip(self.writer.blocks, self._kv_caches, strict=True):
            x = block(x, kv_cache=kv_cache, start=start)
        return self.writer._logits(x, self.voices, self.conditions, start, stop)[:, 0]

    def append(self, values: Tensor) -> None:
        """Set the values at the next position, `int64[n]`."""
        self.voices[:, self.position] = values
        self._runs = self.writer.relations.extend_runs(self._runs, self.voices, self.conditions, self.position)
        self.position += 1


def bits_per_voice(writer: Writer, voices: Tensor, conditions: Conditions) -> Tensor:
    """Return the negative log2-likelihood of voices `int64[n, 145]` under the conditions, `float32[n]`."""
    logits = writer(voices, conditions)
    losses = cross_entropy(logits.flatten(0, 1), voices.flatten(), reduction="none").view(voices.shape)
    return losses.sum(dim=1) / math.log(2)


def upgrade_keys(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a writer that an earlier version stored to today's names; others keep theirs.

    Works on a state dict, and on the tensors of a model or a checkpoint, whose keys have prefixes that end in a slash.
    Raises ValueError if a tensor has both names.
    """
    upgraded = {
        re.sub(r"[^./]+", lambda part: _RENAMED.get(part[0], part[0]), name): tensor for name, tensor in tensors.items()
    }
    if len(upgraded) < len(tensors):
        raise ValueError("a tensor is stored twice, under its earlier and its present name")
    return upgraded


_RENAMED = {
    "score": "output",
    "left": "remaining",
    "reader": "parent_encoder",
    "take_over": "copy",
    "perceptron_norm": "mlp_norm",
    "ask": "attention.qkv",
    "tell": "attention.proj",
    "up": "mlp.0",
    "down": "mlp.2",
}


def _smooth_embedding(kinds: int, values: int, width: int, scale: float) -> Tensor:
    """Return random initial embeddings, `[kinds, values, width]`, in which neighboring values are similar."""
    along = torch.linspace(0, np.pi, values)[None, :, None]
    waves = torch.cos(3 * torch.randn(kinds, 1, width) * along + 2 * np.pi * torch.rand(kinds, 1, width))
    return scale * (waves + 0.3 * torch.randn(kinds, values, width))


def _embedding(count: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(count, width)
    nn.init.normal_(embedding.weight, std=0.3)
    return embedding


def _layout_tables() -> dict[str, Tensor]:
    """Return the tables of `layout` as tensors, which move to a device with the network."""
    sizes = np.zeros(KINDS, dtype=np.int64)
    sizes[KIND] = SIZES
    in_range = torch.from_numpy(np.arange(VALUES) < sizes[:, None])  # [kinds, values]
    return {
        "_kind": torch.from_numpy(KIND),
        "_operator": torch.from_numpy(OPERATOR),
        "_role": torch.from_numpy(ROLE),
        "_sizes": torch.from_numpy(SIZES),
        "_steps": torch.tensor(_STEPS),
        "_range": torch.where(in_range, 0.0, _OUT_OF_RANGE),
        "_causal": torch.full((LENGTH, LENGTH), -1e4).triu(1),
    }
