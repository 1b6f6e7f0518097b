"""Read the bytes of a file: segments that account for all of them, and the reason if there are no voices.

The first recognizer in `RECOGNIZERS` that knows the file reads it. To add a file format, add a module to
`deepdx_core/codec/recognizers` with a function `recognize` of the type `Recognizer`, and a line to the list. Raise
`READER_VERSION` in `deepdx_core/versions.py` too, so that files known to a home are read again.
"""

from collections.abc import Callable
from dataclasses import replace

from deepdx_core.codec.reasons import explain_missing_voices
from deepdx_core.codec.recognizers import (
    databases,
    json_voices,
    nibbles,
    polyframe,
    sounddiver,
    sysex,
    text,
    whole_dumps,
)
from deepdx_core.codec.segments import Kind, Reading

Recognizer = Callable[[bytes], Reading | None]
"""Reads a file that it knows; returns None for any other. Never fails, for any bytes."""

RECOGNIZERS: tuple[Recognizer, ...] = (
    whole_dumps.recognize,  # first, for speed
    databases.recognize,
    sounddiver.recognize,
    polyframe.recognize,
    nibbles.recognize,
    json_voices.recognize,
    text.recognize,
    sysex.recognize,  # last, because it takes any bytes
)
"""All recognizers, in the order in which they are tried."""


def read(data: bytes) -> Reading:
    """Return segments that cover all of `data`. Never fails: unrecognized bytes are junk, and `reason` explains them.

    After `splitting.MAX_SEGMENTS` segments, the rest of the data is one unread segment with a note. So memory and time
    are at most linear in the size of the file.
    """
    reading = next(reading for recognize in RECOGNIZERS if (reading := recognize(data)))
    if reading.reason or any(segment.kind is Kind.VOICES for segment in reading.segments):
        return reading
    return replace(reading, reason=explain_missing_voices(data, reading.segments))
