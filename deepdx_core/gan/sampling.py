"""Voices from the trained GAN: algorithms drawn, and the voices that nobody wants drawn again."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.encoding import decode
from deepdx_core.gan.model import Generator
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.training.runs import reproducible
from deepdx_core.voice.parameters import INDEX, PARAMETERS

_AT_ONCE = 1024  # images, for the memory they take
_ATTEMPTS = 50


@dataclass(frozen=True)
class TrainedGan:
    """A trained generator with what is needed to ask it for voices.

    pair_counts: `int64[labels, 32]`, the training voices of each label and algorithm.
    generator: on the CPU, set to evaluate.
    """

    config: GanConfig
    pair_counts: npt.NDArray[np.int64]
    generator: Generator

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """A legal voice for each of these labels, `int64[n]`, as `uint8[n, 145]`: none inaudible, no two alike.

        Algorithms are drawn as the training voices of a label had them, or all voices, where none had the label. The
        same labels and seed give the same voices. Raises ValueError where the generator makes hardly anything but
        silent or equal voices.
        """
        voices = np.empty((len(labels), len(PARAMETERS)), dtype=np.uint8)
        seen: set[bytes] = set()
        missing = list(range(len(labels)))
        with reproducible(self.config.threads):
            for attempt in range(_ATTEMPTS):
                if not missing:
                    break
                candidates = self._make(labels[missing], np.random.default_rng([seed, attempt]))
                refused = []
                for i, candidate, silent in zip(missing, candidates, is_inaudible(candidates), strict=True):
                    if silent or candidate.tobytes() in seen:
                        refused.append(i)
                    else:
                        seen.add(candidate.tobytes())
                        voices[i] = candidate
                missing = refused
        if missing:
            raise ValueError(f"voice {missing[0]}: {_ATTEMPTS} tries gave only silent voices or repetitions")
        return voices

    def _make(self, labels: Int64Array, random: np.random.Generator) -> UInt8Array:
        """A voice for each of these labels, whatever it is like."""
        algorithms = self._draw_algorithms(labels, random)
        noise = random.standard_normal((len(labels), self.config.noise_size), dtype=np.float32)
        asked = [torch.from_numpy(array) for array in (noise, labels, algorithms)]
        parts = [slice(first, first + _AT_ONCE) for first in range(0, len(labels), _AT_ONCE)]
        with torch.no_grad():
            images = torch.cat([self.generator(*(tensor[part] for tensor in asked)) for part in parts])
        voices = decode(images.numpy())  # of [n, 16, 16]
        voices[:, INDEX["algorithm"]] = algorithms
        return voices

    def _draw_algorithms(self, labels: Int64Array, random: np.random.Generator) -> Int64Array:
        """An algorithm for each of these labels, `int64[n]`, counted from 0."""
        known = self.pair_counts.any(axis=1, keepdims=True)  # [labels, 1]
        counts = np.where(known, self.pair_counts, self.pair_counts.sum(axis=0))
        up_to = counts.cumsum(axis=1)[labels]  # [n, 32]
        drawn = random.integers(up_to[:, -1])
        return np.asarray(np.count_nonzero(drawn[:, None] >= up_to, axis=1))
