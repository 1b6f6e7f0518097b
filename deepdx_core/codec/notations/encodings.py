"""Bytes in the encodings of mails and web pages, in blocks: base64 and uuencode, by the standard library.

A byte's offset in the text is that of its block plus its share of the block's length.
"""

import binascii
import re
import zlib

import numpy as np

from deepdx_core.codec.notations.decoded import Decoded, Notation, join

_MAX_GROWTH = 32
"""Bytes that a character of compressed data may unpack to. INIT VOICEs are compressed to a thirtieth."""

_MIN_LINES = 60  # characters; no voice is less
_MAX_ZEROS = 2**16  # that a uuencoded text may have lost in all

# Ends of lines as such, as references of XML, and as escapes of JSON; then marks of a quoted mail.
_REFERENCE = rb"(?:&#(?:13|10|x[dDaA]);|\\[rn])"
_LINE_END = rb"(?:[ \t]*+" + _REFERENCE + rb"*+[ \t]*+(?:\r\n?+|\n)[> \t]*+|" + _REFERENCE + rb"++)"
_DIGITS = rb"[A-Za-z0-9+/_-]"
_MIN_DIGITS = 40  # of the first line of a block
_TO_DIGITS = bytes(ord("A") if re.match(_DIGITS, bytes([i])) else 0 for i in range(256))
_BASE64 = re.compile(
    rb"(?<!" + _DIGITS + rb")" + _DIGITS + rb"{40,}+(?:" + _LINE_END + _DIGITS + rb"{2,}+(?![^=\s\"'<&\\]))*+"
)
_NOT_BASE64 = re.compile(rb"&#\w+;|\\[rn]|[^A-Za-z0-9+/]")
_COMPRESSED = (b"\x1f\x8b\x08", b"\x78\x01", b"\x78\x9c", b"\x78\xda")  # gzip and zlib

_UUENCODED = re.compile(rb"^([> ]*+)begin [0-7]{3,4} [^\r\n]*+\r?\n((?:[ -`]{0,80}+\r?\n)++)", re.MULTILINE)


def _decode_base64(text: bytes) -> Decoded | None:
    # The search looks at every run of letters, so there must be a long one.
    if b"A" * _MIN_DIGITS not in text.translate(_TO_DIGITS):
        return None
    return join([_spread(_decode_block(block[0]), block.start(), block.end()) for block in _BASE64.finditer(text)])


def _decode_block(block: bytes) -> bytes:
    """Return the bytes of a block of base64, unpacked if they are compressed."""
    digits = _NOT_BASE64.sub(b"", block.translate(bytes.maketrans(b"-_", b"+/")))
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    data = binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    if not data.startswith(_COMPRESSED):
        return data
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS + 32).decompress(data, _MAX_GROWTH * len(block))
    except zlib.error:
        return data


def _decode_uuencode(text: bytes) -> Decoded | None:
    parts: list[Decoded] = []
    # Lines that lost their spaces, which are zeros, grow in decoding.
    budget = len(text) + _MAX_ZEROS
    for block in _UUENCODED.finditer(text):
        if len(block[2]) < _MIN_LINES:
            continue
        data = _decode_lines(block, budget)
        budget -= len(data)
        parts.append(_spread(data, block.start(2), block.end()))
    return join(parts)


def _decode_lines(block: re.Match[bytes], budget: int) -> bytes:
    data = bytearray()
    for line in block[2].splitlines():
        line = line[len(block[1]) :]
        if not line or line[0] in b" `" or len(data) > budget:
            break
        try:
            data += binascii.a2b_uu(line)
        except binascii.Error:
            break
    return bytes(data)


def _spread(data: bytes, start: int, end: int) -> Decoded:
    offsets = start + np.arange(len(data), dtype=np.int64) * (end - start) // max(len(data), 1)
    return Decoded(np.frombuffer(data, dtype=np.uint8), offsets.astype(np.int32))


NOTATIONS = (Notation("base64", _decode_base64), Notation("uuencode", _decode_uuencode))
"""Notations in blocks, in the order in which they are tried."""
