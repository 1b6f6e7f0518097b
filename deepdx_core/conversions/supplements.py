"""What the files of DX7II voices have beside them, and which of it belongs to which voice."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.dumps import DUMP_SIZE
from deepdx_core.codec.segments import Format
from deepdx_core.conversions.collection import Source
from deepdx_core.conversions.losses import Losses, collect_losses
from deepdx_core.intake.survey import format_location
from deepdx_core.synths.dx7ii.parameters import ACED, FRACTIONAL_SCALING
from deepdx_core.synths.dx7ii.writer import plain_supplements
from deepdx_core.synths.kinds import ACED as ACED_KIND
from deepdx_core.synths.kinds import AMEM, FRACTIONAL_SCALINGS, PERFORMANCES, TX802_PERFORMANCES, MessageKind
from deepdx_core.synths.messages import Message, rewrite

# What a DX7 lacks, by the starts of the fields' names.
_LACKING = {
    "fractional level scaling": tuple(f"op{n}_fractional" for n in range(1, 7)),
    "pitch envelope range, velocity and scaling": ("pitch_eg_",),
    "LFO of each key": ("lfo_key_trigger",),
    "key mode": ("mono", "unison_"),
    "pitch bend": ("bend_",),
    "random pitch": ("random_pitch",),
    "portamento": ("portamento_",),
    "controllers": ("wheel_", "foot_", "breath_", "aftertouch_", "midi_"),
}


def find_supplements(
    voices: pl.DataFrame, parameters: UInt8Array, sources: list[Source], every: pl.DataFrame | None = None
) -> UInt8Array:
    """Return the supplement of each voice, values of `dx7ii.parameters.ACED`; a plain one where there is none.

    voices: their `path`, `member`, `offset` and `slot`. parameters: of the same voices, `uint8[n, 145]`. A supplement
    belongs to the next dump of voices after it, unless a block select stands between them.
    every: voices of all dumps, where `voices` lacks some.
    """
    supplements = plain_supplements(parameters)
    for rows, message, records in assign_messages(voices, sources, (ACED_KIND, AMEM), every):
        supplements[rows] = message.values[records]
    return supplements


def find_fractional_scalings(
    voices: pl.DataFrame, sources: list[Source], every: pl.DataFrame | None = None
) -> tuple[UInt8Array, BoolArray]:
    """Return the fractional level scaling of each voice, `uint8[n, 246]`, and which voices have one, `bool[n]`.

    Like `find_supplements`.
    """
    scalings = np.full((len(voices), FRACTIONAL_SCALING.size), 0xFF, np.uint8)
    known = np.zeros(len(voices), bool)
    for rows, message, records in assign_messages(voices, sources, (FRACTIONAL_SCALINGS,), every):
        scalings[rows] = message.records[records]
        known[rows] = True
    return scalings, known


def find_blocks(voices: pl.DataFrame, sources: list[Source]) -> dict[tuple[str, str | None, int], int]:
    """Return the block of a DX7II's memory that dumps belong to, by their `path`, `member` and `offset`.

    A block select belongs to the next dump of voices after it; dumps without one are left out.
    """
    selects = {(source.path, source.member): source.blocks for source in sources}
    blocks = {}
    for (path, member), offsets in _dump_offsets(voices).items():
        selected = selects.get((path, member), [])
        starts = [select.offset for select in selected]
        for offset in offsets:
            found = _before(offset, offsets, starts)
            if found is not None:
                blocks[path, member, offset] = selected[found].block
    return blocks


def write_performances(
    sources: list[Source], channel: int = 0, kinds: Sequence[MessageKind] = (PERFORMANCES, TX802_PERFORMANCES)
) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Return the sets of performances in files, each with where it is and what, and why others cannot be written.

    kinds: those of which performances are taken.
    """
    written, faults = [], []
    for source in sources:
        location = format_location({"path": source.path, "member": source.member})
        for message in source.messages:
            if message.kind in kinds:
                try:
                    data = rewrite(replace(message, head=bytes([0x43, channel, 0x7E])))
                    written.append((f"{location}: {message.kind.title}", data))
                except ValueError as error:
                    faults.append(f"{location}: {message.kind.title} at byte {message.offset:,}: not written: {error}")
    return written, faults


def supplement_losses(parameters: UInt8Array, supplements: UInt8Array) -> Losses:
    """Return what a DX7 does not have of the supplements of voices."""
    different = supplements != plain_supplements(parameters)
    losses: dict[str, BoolArray] = {
        reason: different[:, [i for i, f in enumerate(ACED.fields) if f.name.startswith(starts)]].any(axis=1)
        for reason, starts in _LACKING.items()
    }
    sensitivities = supplements[:, ACED.columns("op{}_amp_mod_sensitivity", range(1, 7))]
    over: BoolArray = np.any(sensitivities > 3, axis=1)
    return collect_losses({**losses, "amplitude modulation sensitivity over 3": over})


def fractional_losses(supplements: UInt8Array, known: BoolArray) -> Losses:
    """Return which voices use a fractional level scaling that is known; a single voice does not hold it."""
    used: BoolArray = np.any(supplements[:, ACED.columns("op{}_fractional", range(1, 7))], axis=1)
    return collect_losses({"fractional level scaling": used & known})


def assign_messages(
    voices: pl.DataFrame, sources: list[Source], kinds: tuple[MessageKind, ...], every: pl.DataFrame | None = None
) -> list[tuple[np.ndarray, Message, np.ndarray]]:
    """Return the rows of voices, the message that belongs to their dump, and the numbers of their records in it.

    That is the last one before the dump. An AMEM between a bank and anything but a dump belongs to that bank, as in
    files of the PLG150-DX, unless another stands before it.
    """
    bounds = _dump_offsets(voices if every is None else every)
    messages: dict[tuple[str, str | None], list[Message]] = defaultdict(list)
    trailing: dict[tuple[str, str | None, int], Message] = {}
    for source in sources:
        place, dumps = (source.path, source.member), set(bounds[source.path, source.member])
        for message in source.messages:
            if message.kind not in kinds or not len(message.records):
                continue
            bank, end = message.offset - DUMP_SIZE[Format.VMEM], message.offset + message.length
            if message.kind is AMEM and bank in dumps and end not in dumps:
                trailing[*place, bank] = message
            else:
                messages[place].append(message)
    rows = voices.select("path", "member", "offset", "slot").with_row_index("row")
    starts = {place: [message.offset for message in found] for place, found in messages.items()}
    for source in sources:  # what is sent before a block select is not for that block
        bounds[source.path, source.member] = sorted(
            bounds[source.path, source.member] + [select.offset for select in source.blocks]
        )
    assigned = []
    for (path, member, offset), part in rows.partition_by("path", "member", "offset", as_dict=True).items():
        number = _before(offset, bounds[path, member], starts.get((path, member), []))
        found = trailing.get((path, member, offset)) if number is None else messages[path, member][number]
        if found is not None:
            records = part["slot"].to_numpy().astype(np.intp) - 1
            inside = records < len(found.records)
            assigned.append((part["row"].to_numpy()[inside], found, records[inside]))
    return assigned


def _dump_offsets(voices: pl.DataFrame) -> dict[tuple[str, str | None], list[int]]:
    """Return the offsets of the dumps in each file, in order."""
    offsets: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for path, member, offset in voices.select("path", "member", "offset").unique().sort("offset").iter_rows():
        offsets[path, member].append(offset)
    return offsets


def _before(offset: int, bounds: list[int], starts: list[int]) -> int | None:
    """Return the number of the last start before a dump that is after all bounds before the dump; both in order."""
    number, bound = bisect_left(starts, offset) - 1, bisect_left(bounds, offset) - 1
    return number if number >= 0 and (bound < 0 or starts[number] > bounds[bound]) else None
