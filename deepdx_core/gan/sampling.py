"""Voices sampled from a trained GAN: algorithms are drawn, and silent or duplicate voices drawn again."""

from dataclasses import dataclass

import numpy as np
import torch

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.gan.config import GanConfig
from deepdx_core.gan.encoding import decode
from deepdx_core.gan.model import Generator
from deepdx_core.sound.audibility import is_inaudible
from deepdx_core.training.runs import reproducible
from deepdx_core.voice.parameters import INDEX, PARAMETERS

_BATCH = 1024  # images; limits memory
_ATTEMPTS = 50


@dataclass(frozen=True)
class TrainedGan:
    """A trained generator, with what is needed to sample from it.

    pair_counts: `int64[labels, 32]`, number of training voices by label and algorithm.
    generator: on the CPU, in evaluation mode.
    """

    config: GanConfig
    pair_counts: Int64Array
    generator: Generator

    def sample(self, labels: Int64Array, seed: int) -> UInt8Array:
        """Return a legal voice for each label `int64[n]`, as `uint8[n, 145]`: none inaudible, no two equal.

        Algorithms are drawn by their frequency among the label's training voices, or among all if none has the label.
        The same labels and seed give the same voices. Raises ValueError if all attempts at a voice are silent or
        duplicates.
        """
        voices = np.empty((len(labels), len(PARAMETERS)), dtype=np.uint8)
        seen: set[bytes] = set()
        missing = list(range(len(labels)))
        with reproducible(self.config.threads):
            for attempt in range(_ATTEMPTS):
                if not missing:
                    break
                candidates = self.generate(labels[missing], np.random.default_rng([seed, attempt]))
                rejected = []
                for i, candidate, silent in zip(missing, candidates, is_inaudible(candidates), strict=True):
                    if silent or candidate.tobytes() in seen:
                        rejected.append(i)
                    else:
                        seen.add(candidate.tobytes())
                        voices[i] = candidate
                missing = rejected
        if missing:
            raise ValueError(f"voice {missing[0]}: {_ATTEMPTS} attempts gave only silent or duplicate voices")
        return voices

    def generate(
        self, labels: Int64Array, random: np.random.Generator, temperature: float = 1.0, algorithm: int | None = None
    ) -> UInt8Array:
        """Return a generated voice for each label, as `uint8[n, 145]`: some may be silent or duplicates.

        temperature: standard deviation of the noise; below 1, voices are more typical. algorithm: of all voices,
        counted from 0; by default drawn.
        """
        algorithms = self._draw_algorithms(labels, random) if algorithm is None else np.full(len(labels), algorithm)
        noise = random.standard_normal((len(labels), self.config.noise_size), dtype=np.float32)
        noise *= np.float32(temperature)
        inputs = [torch.from_numpy(array) for array in (noise, labels, algorithms)]
        parts = [slice(start, start + _BATCH) for start in range(0, len(labels), _BATCH)]
        with torch.no_grad():
            images = torch.cat([self.generator(*(tensor[part] for tensor in inputs)) for part in parts])
        voices = decode(images.numpy())  # from [n, 16, 16]
        voices[:, INDEX["algorithm"]] = algorithms
        return voices

    def _draw_algorithms(self, labels: Int64Array, random: np.random.Generator) -> Int64Array:
        """Draw an algorithm for each label, `int64[n]`, counted from 0."""
        known = self.pair_counts.any(axis=1, keepdims=True)  # [labels, 1]
        counts = np.where(known, self.pair_counts, self.pair_counts.sum(axis=0))
        cumulative = counts.cumsum(axis=1)[labels]  # [n, 32]
        drawn = random.integers(cumulative[:, -1])
        return np.asarray(np.count_nonzero(drawn[:, None] >= cumulative, axis=1))
