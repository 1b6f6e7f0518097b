"""Voices written by a writer, value after value drawn by its scores."""

import numpy as np
import torch
from torch import Tensor

from deepdx_core.writer.layout import PLACES
from deepdx_core.writer.model import Conditions, Writer

_AT_ONCE = 256  # voices; more do not fit in the processor's cache


def write_voices(
    writer: Writer,
    wishes: Conditions,
    random: np.random.Generator,
    temperature: float = 1.0,
    algorithms: Tensor | None = None,
) -> Tensor:
    """A voice for each wish, `int64[n, 145]`, as `layout.unwritten` takes it.

    temperature: scores are divided by it; under 1 the likely gets likelier. algorithms: `int64[n]`, counted from 0, for
    those that shall be of one, -1 for those that need not. Raises FloatingPointError where a score is not finite.
    """
    chances = random.random((len(wishes.parents), PLACES))
    parts = [
        _write(
            writer,
            Conditions(*(wish[start : start + _AT_ONCE] for wish in wishes)),
            torch.from_numpy(chances[start : start + _AT_ONCE]),
            temperature,
            None if algorithms is None else algorithms[start : start + _AT_ONCE],
        )
        for start in range(0, len(chances), _AT_ONCE)
    ]
    return torch.cat(parts)


@torch.no_grad()
def _write(
    writer: Writer, wishes: Conditions, chances: Tensor, temperature: float, algorithms: Tensor | None
) -> Tensor:
    writing = writer.begin(wishes)
    chances = chances.to(wishes.parents.device)
    for place in range(PLACES):
        scores = writing.scores().double() / temperature
        if not scores.isfinite().all():
            raise FloatingPointError("a score is not finite: the weights have grown without bounds")
        cumulated = scores.softmax(dim=1).cumsum(dim=1)  # [n, values]
        reached = chances[:, place, None] * cumulated[:, -1:]
        values = torch.searchsorted(cumulated, reached, right=True)[:, 0]
        if place == 0 and algorithms is not None:
            values = torch.where(algorithms >= 0, algorithms, values)
        writing.write(values)
    return writing.voices
