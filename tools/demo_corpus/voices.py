"""All voices of the corpus as arrays, before they are laid out in banks."""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.codec.writer import write_bank, write_single
from tools.demo_corpus.compose import compose_family
from tools.demo_corpus.families import FAMILIES
from tools.demo_corpus.naming import name_voices
from tools.demo_corpus.random_draws import Draws


@dataclass(frozen=True)
class Voices:
    """Parameters `uint8[n, 145]`, names `uint8[n, 10]`, and indices into `FAMILIES`, `int64[n]`."""

    parameters: UInt8Array
    names: UInt8Array
    families: Int64Array

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, rows: Int64Array | slice) -> "Voices":
        return Voices(self.parameters[rows], self.names[rows], self.families[rows])

    def bank(self, channel: int = 0) -> bytes:
        """Return a dump of up to 32 voices."""
        return write_bank(self.parameters, self.names, channel)

    def single(self, row: int) -> bytes:
        """Return a dump of one voice."""
        return write_single(self.parameters[row : row + 1], self.names[row : row + 1])


def compose_voices(seed: int) -> Voices:
    """Compose the voices of every family, family after family, without duplicates."""
    parts = []
    for number, family in enumerate(FAMILIES):
        parameters, variants = compose_family(family, seed)
        names = name_voices(family, variants, Draws(seed, number))
        parts.append(Voices(parameters, names, np.full(len(parameters), number)))
    return join(parts)


def join(parts: list[Voices]) -> Voices:
    """Concatenate voices."""
    return Voices(
        np.concatenate([part.parameters for part in parts]),
        np.concatenate([part.names for part in parts]),
        np.concatenate([part.families for part in parts]),
    )
