"""Voices whose names stand apart from their parameters, as in libraries of some editors.

Evidence: parameters of eight voices or more at a constant stride; `codec.nameless` has the rules. Tried last, on bytes
where no voice was found.
"""

from collections.abc import Iterator

import numpy as np

from deepdx_core.codec.file_types import is_text
from deepdx_core.codec.nameless import find_nameless_runs
from deepdx_core.codec.segments import Format, Kind, Segment
from deepdx_core.display import counted

_MIN_SIZE = 8 * 118


def find(data: bytes) -> Iterator[Segment]:
    """Yield each run of voices as one segment."""
    if len(data) < _MIN_SIZE or is_text(data, len(data)):
        return
    array, done = np.frombuffer(data, dtype=np.uint8), 0
    found = [run for f in (Format.HEADERLESS_VMEM, Format.HEADERLESS_VCED) for run in find_nameless_runs(array, f)]
    for run in sorted(found, key=lambda run: run.offset):
        if run.offset >= done:
            what = f"{counted(run.count, 'voice')} with names apart"
            note = f"one every {run.offsets[1] - run.offsets[0]} bytes"
            length, payload = run.end - run.offset, run.payload(array)
            yield Segment(run.offset, length, Kind.VOICES, what, note, format=run.format, payload=payload)
            done = run.end
