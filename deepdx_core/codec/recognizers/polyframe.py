"""Libraries of the PolyFrame librarian of C-Lab. They keep a voice's name apart from its data, before it.

Source: measured on such a file. After `PolyFrame Lib`, a record for each voice: the length of the name (10), the name,
the device in four characters (`DX7` and NUL), and the packed voice without its name (118 bytes).
"""

import re

import numpy as np

from deepdx_core.codec.segments import Format, Kind, Reading, Segment
from deepdx_core.codec.splitting import junk
from deepdx_core.codec.voice_statistics import are_legal
from deepdx_core.display import counted
from deepdx_core.voice.parameters import NAME_LENGTH, VMEM_NAME, VMEM_SIZE

_LIBRARY = b"PolyFrame Lib"
_VOICE = re.compile(rb"\x0a([ -\x7f]{10})[DT]X[0-9A-Z \0]{2}([\x00-\x7f]{%d})" % VMEM_NAME)


def recognize(data: bytes) -> Reading | None:
    """Read the voices of a library as one segment, from the first name to the last voice, with junk around it."""
    if not data.startswith(_LIBRARY):
        return None
    found = list(_VOICE.finditer(data))
    payload = b"".join(match[2] + match[1].ljust(NAME_LENGTH) for match in found)
    records = np.frombuffer(payload, dtype=np.uint8).reshape(-1, VMEM_SIZE)
    if not are_legal(records, Format.HEADERLESS_VMEM).any():
        return None
    start, end = found[0].start(), found[-1].end()
    what = f"PolyFrame library of {counted(len(found), 'voice')}"
    library = Segment(start, end - start, Kind.VOICES, what, format=Format.HEADERLESS_VMEM, payload=payload)
    rest = (junk(data, end, len(data)),) if end < len(data) else ()
    return Reading((junk(data, 0, start), library, *rest))
