"""Libraries of the SoundDiver librarian (.lib, .lit). They keep a voice's name apart from its data.

Source: measured on nine such files. An IFF file (`FORM`), or one with every tag reversed and numbers in little-endian
order (`MROF`), has an entry (`LENT`) for each voice. An entry is a list of (number, length as in a MIDI file, bytes):
number 1 is the name, number 3 the packed voice without its name (118 bytes), followed by its DX7II supplement
(35 bytes).
"""

import re
from collections.abc import Iterator

from deepdx_core.codec.segments import Format, Kind, Reading, Segment
from deepdx_core.codec.splitting import junk
from deepdx_core.display import counted
from deepdx_core.voice.parameters import NAME_LENGTH, VMEM_NAME

_LIBRARY = re.compile(rb"(?:FORM|MROF)....(?:SSLBLHDR|BLSSRDHL)", re.DOTALL)
_VOICE = re.compile(rb"\x03\x81\x19(?=.{153})", re.DOTALL)  # number 3, 153 bytes long
_VOICE_LENGTH = 3 + 153


def recognize(data: bytes) -> Reading | None:
    """Read the voices of a library as one segment, from the first to the last, with junk around it."""
    if not _LIBRARY.match(data):
        return None
    found = list(_voices(data))
    if not found:
        return None
    start, end = found[0][0], found[-1][0] + VMEM_NAME
    payload = b"".join(record for _, record in found)
    what = f"SoundDiver library of {counted(len(found), 'voice')}"
    library = Segment(start, end - start, Kind.VOICES, what, format=Format.HEADERLESS_VMEM, payload=payload)
    return Reading((junk(data, 0, start), library, junk(data, end, len(data))))


def _voices(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and the packed record of each voice that has a name right before it."""
    end_of_last = 0
    for match in _VOICE.finditer(data):
        if match.start() < end_of_last:
            continue  # inside a voice
        for length in range(NAME_LENGTH + 1):
            start = match.start() - length
            if start >= 2 and data[start - 2 : start] == bytes([1, length]):
                name = data[start : match.start()].ljust(NAME_LENGTH)
                end_of_last = match.start() + _VOICE_LENGTH
                yield match.end(), data[match.end() : match.end() + VMEM_NAME] + name
                break
