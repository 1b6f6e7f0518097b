"""Voices from a trained model: conditions drawn or asked for, and the voices that nobody wants drawn again."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as numbers

import numpy as np
import numpy.typing as npt
import torch

from deepdx_core.codec.packing import Bytes
from deepdx_core.curation.audibility import inaudible
from deepdx_core.gan.encoding import decode
from deepdx_core.gan.model import VoiceModel
from deepdx_core.voice.algorithms import ALGORITHMS
from deepdx_core.voice.parameters import INDEX

_BATCH = 32
_ATTEMPTS = 50


@dataclass(frozen=True)
class Sample:
    """Voices, and how they came about.

    parameters: `uint8[n, 145]`, legal, no two alike, none inaudible.
    label_ids: `int64[n]`, the label each was made for, as a place in the model's `labels`.
    redrawn: how many further tries it took to have none silent and none twice.
    """

    parameters: Bytes
    label_ids: npt.NDArray[np.int64]
    redrawn: int


def sample(model: VoiceModel, count: int, seed: int, label: str | None = None, algorithm: int | None = None) -> Sample:
    """So many voices of a model.

    algorithm: as on the panel, 1 to 32; the voices have exactly that one. A label or an algorithm that is not asked
    for is drawn as the training voices had it, given the other. The two may be a pair that none of them had.

    Voice i depends on the model, the seed and the wish only, not on how many are asked for. Raises ValueError for a
    wish that the model does not know, and where it makes hardly anything but silent or equal voices.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    chances = _chances(model, label, algorithm)
    seen: set[bytes] = set()
    voices, label_ids = [], []
    redrawn = 0
    for first in range(0, count, _BATCH):
        tries = _tries(model, chances, seed, first)
        drawn = [next(tries)]
        for i in range(min(_BATCH, count - first)):
            for attempt in range(_ATTEMPTS):
                if attempt == len(drawn):
                    drawn.append(next(tries))
                candidates, candidate_labels, silent = drawn[attempt]
                if not silent[i] and candidates[i].tobytes() not in seen:
                    break
                redrawn += 1
            else:
                raise ValueError(f"voice {first + i}: {_ATTEMPTS} tries gave only silent voices or repetitions")
            seen.add(candidates[i].tobytes())
            voices.append(candidates[i])
            label_ids.append(candidate_labels[i])
    return Sample(np.array(voices), np.array(label_ids), redrawn)


def _chances(model: VoiceModel, label: str | None, algorithm: int | None) -> npt.NDArray[np.float64]:
    """The probability of each (label, algorithm), `float64[labels, 32]`, under the wish."""
    if label is not None and label not in model.labels:
        raise ValueError(f"unknown label {label!r}; the model knows {', '.join(model.labels)}")
    if algorithm is not None and not 1 <= algorithm <= len(ALGORITHMS):
        raise ValueError(f"algorithm {algorithm} is not within 1 to {len(ALGORITHMS)}")
    wished = np.ones(model.pair_counts.shape, dtype=bool)
    if label is not None:
        wished &= (np.array(model.labels) == label)[:, None]
    if algorithm is not None:
        wished &= np.arange(1, len(ALGORITHMS) + 1) == algorithm
    counts = np.where(wished, model.pair_counts, 0).astype(np.float64)
    if not counts.any():
        # Not seen, or not together: as if labels and algorithms had nothing to do with each other.
        of_label = model.pair_counts.sum(axis=1, keepdims=True) + 1.0  # [labels, 1]
        of_algorithm = model.pair_counts.sum(axis=0, keepdims=True) + 1.0  # [1, 32]
        counts = np.where(wished, of_label * of_algorithm, 0.0)
    return np.asarray(counts / counts.sum())


def _tries(
    model: VoiceModel, chances: npt.NDArray[np.float64], seed: int, first: int
) -> Iterator[tuple[Bytes, npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Ever new voices for the batch that begins with voice `first`, the labels they were made for, which are silent.

    Always a whole batch: a network's sums may differ in the last digit with the size of a batch.
    """
    for attempt in numbers():
        random = np.random.default_rng([seed, first, attempt])
        pairs = random.choice(chances.size, size=_BATCH, p=chances.ravel())
        label_ids, algorithms = np.divmod(pairs, len(ALGORITHMS))
        noise = random.standard_normal((_BATCH, model.config.noise_size), dtype=np.float32)
        with torch.no_grad():
            images = model.generator(
                torch.from_numpy(noise), torch.from_numpy(label_ids), torch.from_numpy(algorithms)
            )  # [32, 16, 16]
        voices = decode(images.numpy())
        voices[:, INDEX["algorithm"]] = algorithms
        yield voices, label_ids, inaudible(voices)
