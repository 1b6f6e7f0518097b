"""Voices drawn from a writer, value by value."""

import numpy as np
import torch
from torch import Tensor

from deepdx_core.writer.layout import LENGTH
from deepdx_core.writer.model import Conditions, IncrementalDecoder, Writer

_BATCH = 256  # voices; more do not fit in the processor's cache


def write_voices(
    writer: Writer,
    conditions: Conditions,
    random: np.random.Generator,
    temperature: float = 1.0,
    algorithms: Tensor | None = None,
) -> Tensor:
    """Draw a voice for each of the conditions, `int64[n, 145]`, in the writer's order.

    temperature: divides the logits; below 1, likely values become likelier. algorithms: `int64[n]`, counted from 0; -1
    leaves the algorithm to the writer. Raises FloatingPointError if a logit is not finite.
    """
    chances = random.random((len(conditions.parents), LENGTH))
    parts = [
        _write(
            writer,
            Conditions(*(condition[start : start + _BATCH] for condition in conditions)),
            torch.from_numpy(chances[start : start + _BATCH]),
            temperature,
            None if algorithms is None else algorithms[start : start + _BATCH],
        )
        for start in range(0, len(chances), _BATCH)
    ]
    return torch.cat(parts)


@torch.no_grad()
def _write(
    writer: Writer, conditions: Conditions, chances: Tensor, temperature: float, algorithms: Tensor | None
) -> Tensor:
    decoder = IncrementalDecoder(writer, conditions)
    chances = chances.to(conditions.parents.device)
    for position in range(LENGTH):
        logits = decoder.logits().double() / temperature
        if not logits.isfinite().all():
            raise FloatingPointError("a logit is not finite: the weights have grown without bounds")
        cumulative = logits.softmax(dim=1).cumsum(dim=1)  # [n, values]
        reached = chances[:, position, None] * cumulative[:, -1:]
        values = torch.searchsorted(cumulative, reached, right=True)[:, 0]
        if position == 0 and algorithms is not None:
            values = torch.where(algorithms >= 0, algorithms, values)
        decoder.append(values)
    return decoder.voices
