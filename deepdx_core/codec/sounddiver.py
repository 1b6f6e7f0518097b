"""Voices in libraries of the SoundDiver librarian (.lib, .lit), which keep a voice's name apart from its data.

Source: measured on nine such files. An IFF file (`FORM`), or one with every tag reversed and numbers in little-endian
order (`MROF`), has an entry (`LENT`) for each voice, a list of (number, length as in a MIDI file, bytes): 1 is the
name, 3 the packed voice without its name, 118 bytes, with its DX7II supplement of 35 bytes behind it.
"""

import re
from collections.abc import Iterator

from deepdx_core.codec.segments import Format, Kind, Segment
from deepdx_core.display import counted
from deepdx_core.voice.parameters import NAME_LENGTH, VMEM_NAME

_LIBRARY = re.compile(rb"(?:FORM|MROF)....(?:SSLBLHDR|BLSSRDHL)", re.DOTALL)
_VOICE = re.compile(rb"\x03\x81\x19(?=.{153})", re.DOTALL)  # 153 bytes of number 3
_VOICE_LENGTH = 3 + 153


def read_library(data: bytes) -> Segment | None:
    """The voices of a SoundDiver library as one segment, from the first to the last; None for any other file."""
    if not _LIBRARY.match(data):
        return None
    found = list(_voices(data))
    if not found:
        return None
    first, end = found[0][0], found[-1][0] + VMEM_NAME
    payload = b"".join(record for _, record in found)
    what = f"SoundDiver library of {counted(len(found), 'voice')}"
    return Segment(first, end - first, Kind.VOICES, what, format=Format.HEADERLESS_VMEM, payload=payload)


def _voices(data: bytes) -> Iterator[tuple[int, bytes]]:
    done = 0
    for match in _VOICE.finditer(data):
        if match.start() < done:
            continue  # part of a voice
        for length in range(NAME_LENGTH + 1):
            start = match.start() - length
            if start >= 2 and data[start - 2 : start] == bytes([1, length]):
                name = data[start : match.start()].ljust(NAME_LENGTH)
                done = match.start() + _VOICE_LENGTH
                yield match.end(), data[match.end() : match.end() + VMEM_NAME] + name
                break
