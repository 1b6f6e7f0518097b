"""All voices of the corpus as one set of columns, before they are laid out in banks."""

from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.writer import write_bank, write_single
from tools.demo_corpus.compose import compose_family
from tools.demo_corpus.draws import Draws, Ints
from tools.demo_corpus.families import FAMILIES
from tools.demo_corpus.naming import name_voices


@dataclass(frozen=True)
class Voices:
    """Voices with their names: `uint8[n, 145]`, `uint8[n, 10]`, and each one's place in `FAMILIES`, `int64[n]`."""

    parameters: UInt8Array
    names: UInt8Array
    families: Ints

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, rows: Ints | slice) -> "Voices":
        return Voices(self.parameters[rows], self.names[rows], self.families[rows])

    def bank(self, channel: int = 0) -> bytes:
        """A dump of up to 32 voices."""
        return write_bank(self.parameters, self.names, channel)

    def single(self, row: int) -> bytes:
        """A dump of one voice."""
        return write_single(self.parameters[row : row + 1], self.names[row : row + 1])


def compose_voices(seed: int) -> Voices:
    """Every family's voices, family after family; no two sound the same."""
    parts = []
    for place, family in enumerate(FAMILIES):
        parameters, variants = compose_family(family, seed)
        names = name_voices(family, variants, Draws(seed, place))
        parts.append(Voices(parameters, names, np.full(len(parameters), place)))
    return join(parts)


def join(parts: list[Voices]) -> Voices:
    """Voices one after another."""
    return Voices(
        np.concatenate([part.parameters for part in parts]),
        np.concatenate([part.names for part in parts]),
        np.concatenate([part.families for part in parts]),
    )
