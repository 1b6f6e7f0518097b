"""Voices without a header: records in a row, at a stride, near each other, or alone.

Evidence: the values of each record, and its neighbors; `codec.headerless` has the rules. Reason to search every offset:
containers, disk images and databases keep voices anywhere.
"""

from collections.abc import Iterator

import numpy as np

from deepdx_core.codec.chains import Run
from deepdx_core.codec.file_types import is_text
from deepdx_core.codec.headerless import HEADERLESS_FORMATS, find_runs
from deepdx_core.codec.nameless import name_runs
from deepdx_core.codec.segments import RECORD_SIZE, Format, Kind, Segment
from deepdx_core.codec.voice_statistics import holds_legal_record
from deepdx_core.display import counted
from deepdx_core.voice.parameters import VMEM_VOICES

_RECORD_SIZES = [RECORD_SIZE[format_] for format_ in HEADERLESS_FORMATS]
_MIN_RECORD_SIZE = min(_RECORD_SIZES)
_SHORT = 1024
_ANYWHERE = (Format.HEADERLESS_VMEM, Format.HEADERLESS_VCED)
_WORDS = {
    Format.HEADERLESS_VMEM: ("voice", "without a header"),
    Format.HEADERLESS_VCED: ("unpacked voice", "without a header"),
    Format.HEADERLESS_VCED_156: ("unpacked voice", "of 156 bytes without a header"),
}


def find(data: bytes) -> Iterator[Segment]:
    """Yield banks of 32 voices or fewer, so that slot numbers are those of the DX7's panel."""
    if len(data) < _MIN_RECORD_SIZE or is_text(data, len(data)):
        return
    # There may be many short stretches between messages. One that is a record is read with values out of range, too.
    if (
        len(data) < _SHORT
        and len(data) not in _RECORD_SIZES
        and not any(holds_legal_record(data, f) for f in _ANYWHERE)
    ):
        return
    array = np.frombuffer(data, dtype=np.uint8)
    for run in name_runs(array, find_runs(array, HEADERLESS_FORMATS)):
        voice, how = _WORDS[run.format]
        note = _describe_distances(run)
        for first in range(0, run.count, VMEM_VOICES):
            bank = run.part(first, min(first + VMEM_VOICES, run.count))
            following = run.part(first + VMEM_VOICES, run.count)
            end = following.offset if following.count else run.end
            what = f"{counted(bank.count, voice)} {how}"
            payload = bank.payload(array)
            yield Segment(bank.offset, end - bank.offset, Kind.VOICES, what, note, format=run.format, payload=payload)


def _describe_distances(run: Run) -> str:
    distances = np.diff(run.offsets)
    if len(distances) == 0 or (distances == RECORD_SIZE[run.format]).all():
        return ""
    if (distances == distances[0]).all():
        return f"one every {distances[0]} bytes"
    return "other bytes between them"
