"""Voices on their way to an instrument: the messages, where each goes in its memory, and which of them meet there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import polars as pl

from deepdx_core.arrays import Int64Array
from deepdx_core.codec.names import names_to_text
from deepdx_core.codec.segments import list_contents
from deepdx_core.codec.writer import write_bank, write_single
from deepdx_core.conversions.collection import Source
from deepdx_core.conversions.losses import Losses
from deepdx_core.conversions.supplements import (
    find_blocks,
    find_fractional_scalings,
    find_supplements,
    fractional_losses,
    supplement_losses,
    write_performances,
)
from deepdx_core.conversions.to_sy77 import write_sy77_voices
from deepdx_core.display import counted
from deepdx_core.exchange.conversion import DUMP, to_arrays
from deepdx_core.intake.survey import format_location
from deepdx_core.synths.dx7ii.blocks import BLOCKS, select_receive_block
from deepdx_core.synths.dx7ii.writer import write_dx7ii_banks, write_dx7ii_singles
from deepdx_core.synths.instruments import Instrument
from deepdx_core.synths.kinds import (
    ACED,
    AMEM,
    FRACTIONAL_SCALINGS,
    PERFORMANCES,
    SY77_VOICES,
    TX802_PERFORMANCES,
)
from deepdx_core.synths.messages import Message, rewrite
from deepdx_core.synths.sy77.layouts import BANK_VOICES, EDIT_BUFFER, INTERNAL
from deepdx_core.voice.parameters import VMEM_VOICES

_PERFORMANCES = {Instrument.DX7II: PERFORMANCES, Instrument.TX802: TX802_PERFORMANCES}
_SENT = {
    Instrument.DX7: (ACED, AMEM),  # not sent, but all that a DX7 lacks of them is listed voice by voice
    Instrument.SY77: SY77_VOICES,
    **{to: (ACED, AMEM, FRACTIONAL_SCALINGS, performances) for to, performances in _PERFORMANCES.items()},
}
"""Kinds of messages beside voices that are accounted for."""

_EDIT_BUFFER = "edit buffer"


@dataclass(frozen=True)
class Delivery:
    """Messages for one place in an instrument's memory.

    what, place: in words. data: one or more messages. replaced: what was sent before and must be saved first, because
    this goes to a place already taken.
    """

    what: str
    place: str
    data: bytes
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Deliveries in order; losses of each voice; and what else the files hold that is not sent, in words."""

    deliveries: list[Delivery]
    losses: Losses
    unsent: list[str]


def recognize_instrument(voices: pl.DataFrame, sources: list[Source]) -> Instrument:
    """Return the instrument that files are made for.

    SY77 if they hold its voices and no DX7 voices, TX802 if they hold its performances, DX7II if they hold others of
    its messages or block selects, else DX7.
    """
    kinds = {message.kind for source in sources for message in source.messages}
    if voices.is_empty() and kinds.intersection(SY77_VOICES):
        return Instrument.SY77
    if TX802_PERFORMANCES in kinds:
        return Instrument.TX802
    blocks = any(source.blocks for source in sources)
    return Instrument.DX7II if blocks or kinds.intersection(_SENT[Instrument.DX7II]) else Instrument.DX7


def plan_deliveries(
    voices: pl.DataFrame,
    every: pl.DataFrame,
    sources: list[Source],
    instrument: Instrument,
    channel: int = 0,
    first_block: int | None = None,
) -> Plan:
    """Plan how the voices of whole dumps get to an instrument, as `exchange.conversion.keep_whole_dumps` returns them.

    A dump of one voice goes to the edit buffer, others go to the memory as banks, filled up with INIT VOICE. For a
    DX7II or TX802 each has its supplements, goes to the block that its file selects, else to the block after the last,
    and performances follow. For an SY77 voices of all dumps are numbered through, then those that are its own already.

    every: voices of all dumps; banks that are not sent leave their block free. first_block: block of the first bank,
    whatever files select. channel: 0 to 15; of an SY77, its device number.
    """
    unsent = [
        f"{format_location({'path': source.path, 'member': source.member})}: not sent: {list_contents(others)}"
        for source in sources
        if (others := [m.kind.title for m in source.messages if m.kind not in _SENT[instrument]])
    ]
    if instrument is Instrument.SY77:
        deliveries, losses, faults = _to_sy77(voices, sources, channel)
        unsent += faults
    elif instrument is Instrument.DX7:
        deliveries, losses = _to_dx7(voices, every, sources, channel)
    else:
        deliveries, losses = _to_dx7ii(voices, every, sources, channel, first_block)
        performances, faults = write_performances(sources, channel, (_PERFORMANCES[instrument],))
        deliveries += [Delivery(what, "internal performances", data) for what, data in performances]
        unsent += faults
    return Plan(_find_replaced(deliveries), losses, unsent)


_Bank = tuple[str, str | None, int, int]
"""The file and offset of a dump, and the number of a bank in it."""


@dataclass(frozen=True)
class _Part:
    """A dump, or a bank of it: what it is, which of which dump, its rows, and whether the dump is one voice."""

    what: str
    bank: _Bank
    rows: Int64Array
    alone: bool


def _to_dx7(
    voices: pl.DataFrame, every: pl.DataFrame, sources: list[Source], channel: int
) -> tuple[list[Delivery], Losses]:
    parameters, names = to_arrays(voices)
    deliveries = []
    for part in _parts(voices):
        write, place = (write_single, _EDIT_BUFFER) if part.alone else (write_bank, "internal memory")
        deliveries.append(Delivery(part.what, place, write(parameters[part.rows], names[part.rows], channel)))
    return deliveries, supplement_losses(parameters, find_supplements(voices, parameters, sources, every))


def _to_dx7ii(
    voices: pl.DataFrame, every: pl.DataFrame, sources: list[Source], channel: int, first_block: int | None
) -> tuple[list[Delivery], Losses]:
    parameters, names = to_arrays(voices)
    supplements = find_supplements(voices, parameters, sources, every)
    scalings, known = find_fractional_scalings(voices, sources, every)
    blocks = _choose_blocks(every, sources, first_block)
    deliveries = []
    for part in _parts(voices):
        rows = part.rows
        contents = (parameters[rows], names[rows], channel, supplements[rows])
        if part.alone:
            (single,) = write_dx7ii_singles(*contents)
            deliveries.append(Delivery(part.what, _EDIT_BUFFER, single))
            continue
        (bank,) = write_dx7ii_banks(*contents, scalings[rows] if known[rows].any() else None)
        block = blocks[part.bank]
        place = f"internal {BLOCKS[block]}"
        deliveries.append(Delivery(part.what, place, select_receive_block(block, channel) + bank))
    singles = voices.select(pl.len().over(DUMP) == 1).to_series().to_numpy()
    return deliveries, fractional_losses(supplements, known & singles)


def _choose_blocks(every: pl.DataFrame, sources: list[Source], first_block: int | None) -> dict[_Bank, int]:
    """Return the block of each bank: the one that its file selects, else the one after the last."""
    selected = find_blocks(every, sources) if first_block is None else {}
    block = first_block or 0
    blocks = {}
    for *dump, voices in every.group_by(DUMP, maintain_order=True).len().filter(pl.col("len") > 1).iter_rows():
        path, member, offset = dump
        block = selected.get((path, member, offset), block)
        for number in range(-(-voices // VMEM_VOICES)):
            blocks[path, member, offset, number] = block
            block = (block + 1) % len(BLOCKS)
    return blocks


def _to_sy77(voices: pl.DataFrame, sources: list[Source], channel: int) -> tuple[list[Delivery], Losses, list[str]]:
    """Return deliveries, losses of the converted voices, and which of the SY77's own voices cannot be sent, and why."""
    own: list[tuple[str, Message]] = []
    faults = []
    for source in sources:
        location = format_location({"path": source.path, "member": source.member})
        for message in source.messages:
            if message.kind not in SY77_VOICES:
                continue
            if len(message.records) and message.records.max() <= 127:
                own.append((location, message))
            else:
                about = f"{message.kind.title} at byte {message.offset:,}: not sent: {'; '.join(message.findings)}"
                faults.append(f"{location}: {about}")
    alone = len(voices) + len(own) == 1
    memory, place = (EDIT_BUFFER, _EDIT_BUFFER) if alone else (INTERNAL, "internal memory, from voice 1")
    messages, losses = write_sy77_voices(*to_arrays(voices), channel, memory)
    messages += [
        _renumber(message, channel, memory, number % BANK_VOICES)
        for number, (_, message) in enumerate(own, len(voices))
    ]
    whose = [
        (format_location(row), row["name"]) for row in voices.select("path", "member", "name").iter_rows(named=True)
    ]
    whose += [(location, str(names_to_text(message.names)[0])) for location, message in own]
    deliveries = []
    for first in range(0, len(messages), BANK_VOICES):
        bank = messages[first : first + BANK_VOICES]
        location, name = whose[first]
        what = f"{location}: {name if alone else counted(len(bank), 'voice')}"
        deliveries.append(Delivery(what, place, b"".join(bank)))
    return deliveries, losses, faults


def _renumber(message: Message, channel: int, memory: int, number: int) -> bytes:
    """Write a voice of the SY77 for another place."""
    layout, values = message.kind.layout, message.values
    assert layout is not None
    values[:, [layout.index["memory"], layout.index["number"]]] = memory, number
    records = layout.pack(values, message.names, layout.unused(message.records))
    return rewrite(replace(message, head=bytes([0x43, channel, 0x7A]), records=records))


def _parts(voices: pl.DataFrame) -> Iterator[_Part]:
    """Yield each dump in parts of a bank."""
    dumps = voices.with_row_index("row").partition_by(DUMP, maintain_order=True)
    banks = sum(-(-len(dump) // VMEM_VOICES) for dump in dumps if len(dump) > 1)
    numbers = count(1)
    for dump in dumps:
        location = format_location(dump.row(0, named=True))
        alone = len(dump) == 1
        for first in range(0, len(dump), VMEM_VOICES):
            part = dump.slice(first, VMEM_VOICES)
            what = part["name"][0] if alone else counted(len(part), "voice")
            if len(part) < VMEM_VOICES and not alone:
                what += f", {VMEM_VOICES - len(part)} INIT VOICE"
            if banks > 1 and not alone:
                what = f"bank {next(numbers)} of {banks}: {what}"
            rows = part["row"].to_numpy().astype(np.int64)
            bank = (*part.select(DUMP).row(0), first // VMEM_VOICES)
            yield _Part(f"{location}: {what}", bank, rows, alone)


def _find_replaced(deliveries: list[Delivery]) -> list[Delivery]:
    """Return deliveries with what must be saved before each: all that was sent since the last time."""
    found = []
    held: dict[str, str] = {}
    for delivery in deliveries:
        replaced = tuple(f"{place} ({what})" for place, what in held.items()) if delivery.place in held else ()
        if replaced:
            held = {}
        held[delivery.place] = delivery.what
        found.append(replace(delivery, replaced=replaced))
    return found
