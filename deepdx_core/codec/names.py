"""Names of voices and performances: bytes to text and back."""

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import UInt8Array
from deepdx_core.voice.parameters import NAME_LENGTH


def _characters() -> npt.NDArray[np.uint32]:
    # Control characters must not reach a terminal or a page: their pictures stand for them. U+FFFD is all over 127.
    table = np.full(256, 0xFFFD, dtype=np.uint32)
    table[:32] = 0x2400 + np.arange(32)
    table[32:127] = np.arange(32, 127)
    table[127] = ord("\u2190")  # an arrow on the display of the DX7
    table[0] = ord(" ")  # some editors pad with NUL
    return table


_CHARACTERS = _characters()
_BYTES = 1 + np.argsort(_CHARACTERS[1:128])  # those below 80 by their character; not NUL, which is a space
_CHARACTERS_IN_ORDER = _CHARACTERS[_BYTES]

NO_CHARACTER = r"[^ -~\x{2190}\x{2401}-\x{241F}]"
"""Regular expression of polars for a character that `names_to_text` makes of no byte below 80."""


def names_to_text(names: UInt8Array) -> npt.NDArray[np.str_]:
    """Decode names `uint8[n, length]` to text `str[n]`, without padding.

    7F becomes an arrow, as on the DX7's display, and a control character its picture; NUL is a space. `text_to_names`
    restores all other bytes below 80. The rest becomes U+FFFD.
    """
    codes = np.ascontiguousarray(_CHARACTERS[names])
    return np.strings.rstrip(codes.view(f"<U{names.shape[1]}").reshape(len(names)))


def text_to_names(texts: list[str], length: int = NAME_LENGTH) -> UInt8Array:
    """Encode texts of `names_to_text` as names `uint8[n, length]`, cut or padded with spaces.

    Characters that no byte below 80 stands for become `?`.
    """
    padded = np.array([text.ljust(length) for text in texts], dtype=f"<U{length}")
    codes = padded.view(np.uint32).reshape(len(texts), length)
    place = np.searchsorted(_CHARACTERS_IN_ORDER, codes).clip(max=len(_BYTES) - 1)
    return np.where(_CHARACTERS_IN_ORDER[place] == codes, _BYTES[place], ord("?")).astype(np.uint8)
