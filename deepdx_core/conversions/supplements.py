"""What the files of DX7II voices have beside them, and which of it belongs to which voice."""

from collections import defaultdict

import numpy as np
import polars as pl

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.conversions.collection import Source
from deepdx_core.conversions.losses import Losses, collect_losses
from deepdx_core.synths.dx7ii.parameters import ACED, FRACTIONAL_SCALING
from deepdx_core.synths.dx7ii.writer import plain_supplements
from deepdx_core.synths.kinds import ACED as ACED_KIND
from deepdx_core.synths.kinds import AMEM, FRACTIONAL_SCALINGS, MessageKind
from deepdx_core.synths.messages import Message

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


def find_supplements(voices: pl.DataFrame, parameters: UInt8Array, sources: list[Source]) -> UInt8Array:
    """Return the supplement of each voice, values of `dx7ii.parameters.ACED`; a plain one where there is none.

    voices: their `path`, `member`, `offset` and `slot`. parameters: of the same voices, `uint8[n, 145]`. A supplement
    belongs to the next dump of voices after it.
    """
    supplements = plain_supplements(parameters)
    for rows, message, records in assign_messages(voices, sources, (ACED_KIND, AMEM)):
        supplements[rows] = message.values[records]
    return supplements


def find_fractional_scalings(voices: pl.DataFrame, sources: list[Source]) -> tuple[UInt8Array, BoolArray]:
    """Return the fractional level scaling of each voice, `uint8[n, 246]`, and which voices have one, `bool[n]`."""
    scalings = np.full((len(voices), FRACTIONAL_SCALING.size), 0xFF, np.uint8)
    known = np.zeros(len(voices), bool)
    for rows, message, records in assign_messages(voices, sources, (FRACTIONAL_SCALINGS,)):
        scalings[rows] = message.records[records]
        known[rows] = True
    return scalings, known


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
    voices: pl.DataFrame, sources: list[Source], kinds: tuple[MessageKind, ...]
) -> list[tuple[np.ndarray, Message, np.ndarray]]:
    """Return the rows of voices, the message that belongs to their dump, and the numbers of their records in it."""
    messages = {
        (source.path, source.member): [m for m in source.messages if m.kind in kinds and len(m.records)]
        for source in sources
    }
    rows = voices.select("path", "member", "offset", "slot").with_row_index("row")
    offsets: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for path, member, offset in rows.select("path", "member", "offset").unique(maintain_order=True).iter_rows():
        offsets[path, member].append(offset)
    assigned = []
    for (path, member, offset), part in rows.partition_by("path", "member", "offset", as_dict=True).items():
        found = _before(offset, offsets[path, member], messages.get((path, member), []))
        if found is not None:
            records = part["slot"].to_numpy().astype(np.intp) - 1
            inside = records < len(found.records)
            assigned.append((part["row"].to_numpy()[inside], found, records[inside]))
    return assigned


def _before(offset: int, dumps: list[int], messages: list[Message]) -> Message | None:
    """Return the last message before a dump that is after all earlier dumps."""
    earlier = max((dump for dump in dumps if dump < offset), default=-1)
    return max((m for m in messages if earlier < m.offset < offset), key=lambda m: m.offset, default=None)
