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
# The name, of up to ten characters, then number 3, 153 bytes long.
_NAMES = b"|".join(b"%b.{%d}" % (re.escape(bytes([length])), length) for length in range(NAME_LENGTH + 1))
_VOICE_LENGTH = 153
_VOICE = re.compile(rb"\x01(%b)\x03\x81\x19(?=.{%d})" % (_NAMES, _VOICE_LENGTH), re.DOTALL)


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
    """Yield the offset and the packed record of each voice."""
    done = 0
    while match := _VOICE.search(data, done):
        done = match.end() + _VOICE_LENGTH
        yield match.end(), data[match.end() : match.end() + VMEM_NAME] + match[1][1:].ljust(NAME_LENGTH)
