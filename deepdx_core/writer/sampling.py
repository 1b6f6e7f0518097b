"""Voices drawn from a writer, value by value."""

import numpy as np
import torch
from torch import Tensor

from deepdx_core.writer.conditions import Conditions
from deepdx_core.writer.layout import LENGTH
from deepdx_core.writer.model import IncrementalDecoder, Writer

_BATCH = 256  # voices; more do not fit in the processor's cache


def write_voices(
    writer: Writer,
    conditions: Conditions,
    random: np.random.Generator,
    temperature: float = 1.0,
    given: Tensor | None = None,
    boldness: float = 0.0,
) -> Tensor:
    """Draw a voice for each of the conditions, `int64[n, 145]`, in the writer's order.

    temperature: divides the logits; below 1, likely values become likelier. given: `int64[n, 145]`, values that stay
    as they are, in the writer's order; -1 leaves one to the writer. All differences from the parent that the conditions
    ask for are then to be among these. boldness: added to the logits of all values but the parent's, so that 1 raises
    the odds of a change by e. Raises FloatingPointError if a logit is not finite.
    """
    chances = random.random((len(conditions.parents), LENGTH))
    parts = [
        _write(
            writer,
            conditions.of(slice(start, start + _BATCH)),
            torch.from_numpy(chances[start : start + _BATCH]),
            temperature,
            None if given is None else given[start : start + _BATCH],
            boldness,
        )
        for start in range(0, len(chances), _BATCH)
    ]
    return torch.cat(parts)


@torch.inference_mode()
def _write(
    writer: Writer,
    conditions: Conditions,
    chances: Tensor,
    temperature: float,
    given: Tensor | None,
    boldness: float,
) -> Tensor:
    decoder = IncrementalDecoder(writer, conditions)
    free = None if given is None else given < 0
    chances = chances.to(conditions.parents.device)
    for position in range(LENGTH):
        if free is not None:
            decoder.conditions = _spread_changes(conditions, decoder.voices, free, position)
        logits = decoder.logits().double() / temperature
        if not logits.isfinite().all():
            raise FloatingPointError("a logit is not finite: the weights have grown without bounds")
        if boldness:
            logits.scatter_add_(1, conditions.parents[:, position, None], logits.new_full((len(logits), 1), -boldness))
        cumulative = logits.softmax(dim=1).cumsum(dim=1)  # [n, values]
        reached = chances[:, position, None] * cumulative[:, -1:]
        values = torch.searchsorted(cumulative, reached, right=True)[:, 0]
        if given is not None:
            values = torch.where(given[:, position] >= 0, given[:, position], values)
        decoder.append(values)
    return decoder.voices


def _spread_changes(conditions: Conditions, voices: Tensor, free: Tensor, position: int) -> Conditions:
    """Return conditions under which as many of the free positions left change as are still asked for.

    The writer spreads the changes that remain over all positions left, so it is told of more where some are given.
    """
    changed = (voices[:, :position] != conditions.parents[:, :position]).sum(dim=1)
    remaining = (conditions.differing - changed).clamp(min=0)
    left = free[:, position:].sum(dim=1)
    spread = (remaining * (LENGTH - position) / left.clamp(min=1)).round().clamp(max=LENGTH).long()
    told = free[:, position] & ~conditions.orphans
    return conditions._replace(differing=torch.where(told, changed + spread, conditions.differing))
