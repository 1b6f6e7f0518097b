"""Bytes in source code and command lines: blanks comments and keys, and frames messages that lack their F0 and F7."""

import re

import numpy as np

from deepdx_core.codec.notations.decoded import Decoded

_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_LINE_COMMENT = re.compile(rb"//[^\r\n]*+|#[ \t][^\r\n]*+")
_KEY = re.compile(rb'"[0-9]{1,5}"[ \t]*+:')

# As ReceiveMIDI, SendMIDI and mido write a message.
_BARE_MESSAGE = re.compile(
    rb"(?:\bsystem-exclusive|\bsyx|\bsysex'?,? data=\()[ \t]*+(?:hex|dec)?+[ \t]*+(?=[0-9A-Fa-f])"
)


def blank_comments(text: bytes) -> bytes:
    """Return a text with spaces in place of comments, and of numbers that are keys of JSON."""

    def blank(match: re.Match[bytes]) -> bytes:
        return b" " * len(match[0])

    # A comment without an end would be searched to the end of the text, from each of its starts.
    last = text.rfind(b"*/") + 2
    text = _COMMENT.sub(blank, text[:last]) + text[last:] if last > 1 else text
    return _KEY.sub(blank, _LINE_COMMENT.sub(blank, text))


def frame_bare_messages(text: bytes, decoded: Decoded) -> Decoded:
    """Return the bytes of a text with an F0 and an F7 around the messages that lack them."""
    data, at = decoded.data, decoded.offsets
    begins = np.array([match.end() for match in _BARE_MESSAGE.finditer(text)], dtype=np.int32)
    if len(begins) == 0 or len(at) == 0:
        return decoded
    line_ends = np.append(np.flatnonzero(np.frombuffer(text, np.uint8) == 10), len(text))
    first = np.searchsorted(at, begins)
    last = np.searchsorted(at, line_ends[np.searchsorted(line_ends, begins)])
    bare = (first < last) & (data[np.minimum(first, len(data) - 1)] != 0xF0)
    first, last = first[bare], last[bare]
    places = np.stack([first, last], axis=1).reshape(-1)
    beside = np.stack([first, last - 1], axis=1).reshape(-1)
    marks = np.tile(np.array([0xF0, 0xF7], dtype=np.uint8), len(first))
    return Decoded(np.insert(data, places, marks), np.insert(at, places, at[beside]))
