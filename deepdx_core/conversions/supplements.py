"""The supplements of DX7II voices in files: which belongs to which voice."""

from collections import defaultdict

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.conversions.collection import Source
from deepdx_core.synths.dx7ii.writer import plain_supplements
from deepdx_core.synths.kinds import ACED, AMEM
from deepdx_core.synths.messages import Message


def find_supplements(voices: pl.DataFrame, parameters: UInt8Array, sources: list[Source]) -> UInt8Array:
    """Return the supplement of each voice, values of `dx7ii.parameters.ACED`; a plain one where there is none.

    voices: their `path`, `member`, `offset` and `slot`. parameters: of the same voices, `uint8[n, 145]`. A supplement
    belongs to the next dump of voices after it.
    """
    supplements = plain_supplements(parameters)
    messages = {
        (source.path, source.member): [m for m in source.messages if m.kind in (ACED, AMEM) and len(m.records)]
        for source in sources
    }
    rows = voices.select("path", "member", "offset", "slot").with_row_index("row")
    offsets: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for path, member, offset in rows.select("path", "member", "offset").unique(maintain_order=True).iter_rows():
        offsets[path, member].append(offset)
    for (path, member, offset), part in rows.partition_by("path", "member", "offset", as_dict=True).items():
        found = _before(offset, offsets[path, member], messages.get((path, member), []))
        if found is None:
            continue
        slots = part["slot"].to_numpy().astype(np.intp) - 1
        inside = slots < len(found.records)
        supplements[part["row"].to_numpy()[inside]] = found.values[slots[inside]]
    return supplements


def _before(offset: int, dumps: list[int], messages: list[Message]) -> Message | None:
    """Return the last supplement before a dump that is after all earlier dumps."""
    earlier = max((dump for dump in dumps if dump < offset), default=-1)
    return max((m for m in messages if earlier < m.offset < offset), key=lambda m: m.offset, default=None)
