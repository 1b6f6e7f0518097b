"""Relations of a voice, as far as it is written, to its parent and among its operators, as inputs of the writer.

People change the same parameter in all operators at once, often by a single step, and copy envelopes and operators
whole. A classifier of real and written children, shown their parents too, relied on little else before the writer was
told of it.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.layout import EARLIER_SOURCES, LENGTH, OPERATOR, PARENT_SOURCES

_SOURCES_OF_PARENT = PARENT_SOURCES.shape[1]
SOURCES = _SOURCES_OF_PARENT + EARLIER_SOURCES.shape[1]
"""Number of values that may be copied at a position: those of the parent first, then those of earlier operators."""

_MAX_STEP = 3
_CHANGES = 2 * _MAX_STEP + 2  # steps up to the maximum, either way, that are told apart; the last is no parent
_MAX_RUN = 12


class Relations(nn.Module):
    """Embedding of two relations at each position.

    Changes: the difference of the parameter before from the parent's, and of the same parameter in earlier operators.
    Runs: for each source of copies, the number of values up to here, in this operator, that are the same as there.
    """

    _sources: Tensor
    _has_source: Tensor
    _of_parent: Tensor
    _earlier: Tensor
    _has_earlier: Tensor
    _first: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        earlier = np.concatenate([np.arange(LENGTH)[:, None] - 1, EARLIER_SOURCES], axis=1)  # [145, 6]
        self.change = nn.Parameter(0.1 * torch.randn(earlier.shape[1], _CHANGES, width))
        self.run = nn.Parameter(0.1 * torch.randn(SOURCES, _MAX_RUN + 1, width))
        sources = np.concatenate([PARENT_SOURCES, EARLIER_SOURCES], axis=1)
        for name, table in (
            ("_sources", sources.clip(min=0)),
            ("_has_source", sources >= 0),
            ("_of_parent", np.arange(SOURCES) < _SOURCES_OF_PARENT),
            ("_earlier", earlier.clip(min=0)),
            ("_has_earlier", earlier >= 0),
            ("_first", np.searchsorted(OPERATOR, OPERATOR)),  # position of the operator
        ):
            self.register_buffer(name, torch.from_numpy(table), persistent=False)

    def forward(self, voices: Tensor, conditions: Conditions, runs: Tensor, start: int, stop: int) -> Tensor:
        """Return the embedding at some positions, `[n, stop - start, width]`, from the values before each.

        runs: at these positions, as `runs` returns them.
        """
        of_runs = _sum_embeddings(self.run, runs, self.known_sources(conditions, start, stop))
        return self._embed_changes(voices, conditions, start, stop) + of_runs

    def runs(self, voices: Tensor, conditions: Conditions) -> Tensor:
        """Return the length of the run of copies that ends before each position, `int64[n, 145, sources]`.

        It counts how many values in a row, within the operator, are the same as at the source.
        """
        places = torch.arange(LENGTH, device=voices.device)
        same = (self.source_values(voices, conditions, 0, LENGTH) == voices[..., None]) & self._has_source
        last = torch.where(same, -1, places[:, None]).cummax(dim=1).values  # difference at a position or before it
        last = torch.cat([torch.full_like(last[:, :1], -1), last[:, :-1]], dim=1)
        last = torch.maximum(last, self._first[:, None] - 1)
        return (places[:, None] - 1 - last).clamp(max=_MAX_RUN)

    def extend_runs(self, runs: Tensor, voices: Tensor, conditions: Conditions, position: int) -> Tensor:
        """Return the length of the run of copies that ends with this position, `int64[n, 1, sources]`.

        runs: those that end before it. voices: written up to and including it.
        """
        if position + 1 == LENGTH or OPERATOR[position + 1] != OPERATOR[position]:
            return torch.zeros_like(runs)
        stop = position + 1
        same = self.source_values(voices, conditions, position, stop) == voices[:, position:stop, None]
        return torch.where(same & self._has_source[position], runs + 1, 0).clamp(max=_MAX_RUN)

    def known_sources(self, conditions: Conditions, start: int, stop: int) -> Tensor:
        """Return the sources that there are, `bool[n, stop - start, sources]`; none of a parent without one."""
        is_known = ~conditions.orphans[:, None] | ~self._of_parent  # [n, sources]
        return self._has_source[start:stop] & is_known[:, None]

    def source_values(self, voices: Tensor, conditions: Conditions, start: int, stop: int) -> Tensor:
        """Return the values that may be copied, `int64[n, stop - start, sources]`; any where there is no source."""
        sources = self._sources[start:stop]
        of_parent = conditions.parents[:, sources[:, :_SOURCES_OF_PARENT]]
        return torch.cat([of_parent, voices[:, sources[:, _SOURCES_OF_PARENT:]]], dim=-1)

    def _embed_changes(self, voices: Tensor, conditions: Conditions, start: int, stop: int) -> Tensor:
        earlier = self._earlier[start:stop]
        changes = (voices[:, earlier] - conditions.parents[:, earlier]).clamp(-_MAX_STEP, _MAX_STEP) + _MAX_STEP
        changes = torch.where(conditions.orphans[:, None, None], _CHANGES - 1, changes)
        known = self._has_earlier[start:stop].expand(len(voices), -1, -1)
        return _sum_embeddings(self.change, changes, known)


def _sum_embeddings(embeddings: Tensor, indices: Tensor, known: Tensor) -> Tensor:
    """Return sums over k of those rows of `[k, rows, width]` that `int64[n, positions, k]` names and that are known.

    `[n, positions, width]`. known: `bool[n, positions, k]`.
    """
    k, rows, width = embeddings.shape
    indices = indices + rows * torch.arange(k, device=indices.device)
    summed: Tensor = embedding_bag(
        indices.reshape(-1, k),
        embeddings.flatten(0, 1),
        mode="sum",
        per_sample_weights=known.to(embeddings.dtype).reshape(-1, k),
    )
    return summed.view(*indices.shape[:2], width)
