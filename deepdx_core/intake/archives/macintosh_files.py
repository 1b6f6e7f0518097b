"""Files of the Macintosh in one stream: MacBinary in front of an archive, and BinHex 4.0 (hqx).

Sources: "MacBinary II" (1987); Y. Lempereur, "BinHex 4.0 Definition". Python had a decoder up to version 3.10.
"""

import re
from collections.abc import Iterator

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.intake import limits
from deepdx_core.intake.archives.checks import size_error
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

MACBINARY_HEADER = 128
"""Bytes in front of the data of a MacBinary file."""

_DIGITS = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BINHEX = re.compile(rb"\(This file must be converted with BinHex[^\r\n]*[\r\n]+\s*:([^:]*):?")


def is_macbinary(data: bytes) -> bool:
    """Return True for the header of a MacBinary file."""
    return (
        len(data) > MACBINARY_HEADER
        and data[0] == data[74] == data[82] == 0
        and 1 <= data[1] <= 63
        and 0 not in data[2 : 2 + data[1]]
        and int.from_bytes(data[83:87], "big") > 0
    )


def read_macbinary(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the file in a MacBinary file, without its resources."""
    size = int.from_bytes(data[83:87], "big")
    content = data[MACBINARY_HEADER : MACBINARY_HEADER + size]
    budget.count_member()
    budget.charge(len(content))
    yield Content(data[2 : 2 + data[1]].decode("mac-roman"), content)
    if len(content) < size:
        raise RefusedError("damaged in the archive: broken off")


def is_binhex(data: bytes) -> bool:
    """Return True for a text with a file in BinHex 4.0 near its start."""
    return b"(This file must be converted with BinHex" in data[:4096]


def read_binhex(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the file in a BinHex text, without its resources."""
    found = _BINHEX.search(data)
    if found is None:
        raise RefusedError("damaged BinHex text: no data")
    unpacked = _unpack_runs(_decode_digits(found[1]))
    budget.count_member()
    budget.charge(len(unpacked))
    name_size = unpacked[0] if unpacked else 0
    # After the name: a zero, type and creator, flags, then the sizes of data and resources, and a checksum.
    size = int.from_bytes(unpacked[name_size + 12 : name_size + 16], "big")
    content = unpacked[name_size + 22 : name_size + 22 + size]
    yield Content(unpacked[1 : 1 + name_size].decode("mac-roman"), content)
    if len(content) < size:
        raise RefusedError("damaged in the archive: broken off")


def _decode_digits(text: bytes) -> bytes:
    value = np.full(256, 255, dtype=np.uint8)
    value[np.frombuffer(_DIGITS, dtype=np.uint8)] = np.arange(64)
    digits: UInt8Array = value[np.frombuffer(text, dtype=np.uint8)]
    digits = digits[digits < 64]
    bits = np.unpackbits(digits[: len(digits) // 4 * 4, None], axis=1)[:, 2:]
    return np.packbits(bits.reshape(-1)).tobytes()


def _unpack_runs(packed: bytes) -> bytes:
    """Return bytes without runs: 90 and a count repeat the byte before them, 90 00 is a 90."""
    if packed.count(b"\x90") * 255 > limits.MAX_FILE:
        raise size_error()
    unpacked = bytearray()
    at = 0
    while (mark := packed.find(b"\x90", at)) >= 0:
        unpacked += packed[at:mark]
        count = packed[mark + 1] if mark + 1 < len(packed) else 1
        unpacked += unpacked[-1:] * (count - 1) if count else b"\x90"
        at = mark + 2
    return bytes(unpacked + packed[at:])
