"""Names of voices and performances: bytes to text and back."""

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import UInt8Array
from deepdx_core.voice.parameters import NAME_LENGTH


def _characters() -> npt.NDArray[np.uint32]:
    # U+FFFD replaces control characters and bytes over 127: they must not reach a terminal or a page.
    table = np.full(256, 0xFFFD, dtype=np.uint32)
    table[32:127] = np.arange(32, 127)
    table[0] = ord(" ")  # some editors pad with NUL
    return table


_CHARACTERS = _characters()


def names_to_text(names: UInt8Array) -> npt.NDArray[np.str_]:
    """Decode names `uint8[n, length]` to text `str[n]`, without padding. All but printable ASCII becomes U+FFFD."""
    codes = np.ascontiguousarray(_CHARACTERS[names])
    return np.strings.rstrip(codes.view(f"<U{names.shape[1]}").reshape(len(names)))


def text_to_names(texts: list[str], length: int = NAME_LENGTH) -> UInt8Array:
    """Encode texts as names `uint8[n, length]`, cut or padded with spaces. All but printable ASCII becomes `?`."""
    padded = np.array([text.ljust(length) for text in texts], dtype=f"<U{length}")
    codes = padded.view(np.uint32).reshape(len(texts), length)
    printable = (codes >= 32) & (codes < 127)
    return np.where(printable, codes, ord("?")).astype(np.uint8)
