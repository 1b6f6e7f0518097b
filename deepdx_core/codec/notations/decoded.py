"""The outcome of a notation: bytes, and the place of each in the text."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import Int32Array, UInt8Array


@dataclass(frozen=True)
class Decoded:
    """Decoded bytes, `uint8[n]`, and the ascending offset in the text of each, `int32[n]`."""

    data: UInt8Array
    offsets: Int32Array


@dataclass(frozen=True)
class Notation:
    """A way to write bytes as text.

    name: for notes, such as `hex text`.
    decode: returns all bytes that a text holds in this notation, None where there is no sign of it. Its time and memory
        are linear in the length of the text, whatever the text is.
    """

    name: str
    decode: Callable[[bytes], Decoded | None]


def join(parts: list[Decoded]) -> Decoded | None:
    """Return the parts as one, None if there is no byte in them."""
    if not sum(len(part.data) for part in parts):
        return None
    return Decoded(np.concatenate([p.data for p in parts]), np.concatenate([p.offsets for p in parts]))
