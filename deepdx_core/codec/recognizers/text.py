"""Sysex written as text, as in mails, logs, source code, XML and JSON. Everything around it is skipped.

The notations are tried in order, each on the text that no other has read. A notation counts only where it yields voices
or Yamaha messages, so that no address, date or word passes for data. XML is read as any other text, without a parser,
so no entity of it is ever expanded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from deepdx_core.codec.file_types import is_text
from deepdx_core.codec.notations import encodings, escapes, numbers
from deepdx_core.codec.notations.decoded import Decoded
from deepdx_core.codec.segments import Kind, Reading, Segment, join_notes
from deepdx_core.codec.splitting import MAX_SEGMENTS, junk, split

NOTATIONS = (*numbers.NOTATIONS, *escapes.NOTATIONS, *encodings.NOTATIONS)
"""All notations, in the order in which they are tried."""

_MIN_LENGTH = 150  # characters; a voice of 118 bytes in base64 has more
_WORD_END = re.compile(rb"[^0-9A-Za-z]|\Z")
_MARKS = {
    b"\xef\xbb\xbf": (1, 0),
    b"\xff\xfe\0\0": (4, 0),
    b"\0\0\xfe\xff": (4, 3),
    b"\xff\xfe": (2, 0),
    b"\xfe\xff": (2, 1),
}
"""Byte order marks: bytes per character, and the place of the low one."""
_SAMPLE = 256  # bytes by which UTF-16 is known


@dataclass(frozen=True)
class _Text:
    """A text in characters of one byte. Character n is at byte `shift + width * n` of the file."""

    characters: bytes
    width: int
    shift: int


def recognize(data: bytes) -> Reading | None:
    """Read the sysex in a text. Segments have their offsets in the text."""
    text = _decode_characters(data)
    if text is None or len(text.characters) < _MIN_LENGTH:
        return None
    claims: list[Segment] = []
    unread, taken = bytearray(text.characters), bytearray(len(text.characters))
    for notation in NOTATIONS:
        decoded = notation.decode(bytes(unread))
        for claim in _claims(decoded, text.characters) if decoded else ():
            end = claim.offset + claim.length
            if taken.find(1, claim.offset, end) >= 0:
                continue  # it would reach over a dump in another notation
            claims.append(replace(claim, note=join_notes(claim.note, notation.name)))
            unread[claim.offset : end] = b" " * claim.length
            taken[claim.offset : end] = b"\1" * claim.length
    if not claims:
        return None
    return Reading(tuple(_cover(data, text, sorted(claims, key=lambda claim: claim.offset)[: MAX_SEGMENTS // 2 - 1])))


def _decode_characters(data: bytes) -> _Text | None:
    """Return the text in ASCII, Latin-1, UTF-8, UTF-16 or UTF-32, with or without a mark; None for other data."""
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    width, low = _MARKS.get(mark, (1, 0))
    if not mark:
        # Without a mark, every other byte of UTF-16 is 0 all the same.
        even, odd = data[0:_SAMPLE:2], data[1:_SAMPLE:2]
        zeros = even.count(0), odd.count(0)
        if zeros in ((len(even), 0), (0, len(odd))):
            width, low = 2, int(zeros[1] == 0)
    shift = len(mark)
    if width > 1:
        body = np.frombuffer(data[shift : shift + (len(data) - shift) // width * width], dtype=np.uint8).reshape(
            -1, width
        )
        others = np.delete(body, low, axis=1).any(axis=1)
        characters = np.where(others, ord("?"), body[:, low]).astype(np.uint8).tobytes()
    else:
        characters = data[shift:] if shift else data
    return _Text(characters, width, shift) if is_text(characters) else None


def _claims(decoded: Decoded, text: bytes) -> Iterator[Segment]:
    """Yield the voices in decoded bytes, and the messages between them, with their offsets in the text."""
    data = decoded.data.tobytes()
    segments = list(split(data))
    if not any(segment.kind is Kind.VOICES or _is_yamaha_message(data, segment) for segment in segments):
        return
    end = 0
    for segment in segments:
        if segment.kind is Kind.JUNK:
            continue
        after = segment.offset + segment.length
        start = max(int(decoded.offsets[segment.offset]), end)
        last = int(decoded.offsets[after - 1])
        word_end = _WORD_END.search(text, last + 1)
        end = min(
            word_end.start() if word_end else len(text), int(decoded.offsets[after]) if after < len(data) else len(text)
        )
        end = max(end, last + 1)
        if end > start:
            yield replace(segment, offset=start, length=end - start)


def _is_yamaha_message(data: bytes, segment: Segment) -> bool:
    return data.startswith(b"\xf0\x43", segment.offset) and data[segment.offset + segment.length - 1] == 0xF7


def _cover(data: bytes, text: _Text, claims: list[Segment]) -> Iterator[Segment]:
    """Yield the claims at their offsets in the file, with junk around them."""
    done = 0
    for claim in claims:
        start = text.shift + text.width * claim.offset
        end = start + text.width * claim.length
        if start > done:
            yield replace(junk(data, done, start), what="text")
        yield replace(claim, offset=start, length=end - start)
        done = end
    if done < len(data):
        yield replace(junk(data, done, len(data)), what="text")
