"""Files of any kind to voices that can be written: what they hold, a choice of it, and what had to be left out."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_bank, write_single
from deepdx_core.decoding.findings import describe_finding
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.display import counted, printable
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.exchange.table_errors import TableError
from deepdx_core.exchange.table_files import PROVENANCE, read_table, table_format
from deepdx_core.intake.contents import RefusedError, is_folder, read_file
from deepdx_core.intake.survey import place
from deepdx_core.tables.decoding import DecodedVoices
from deepdx_core.voice.parameters import PARAMETER_NAMES, PARAMETERS, VMEM_VOICES

COLUMNS = (*PROVENANCE, "name", "findings", *PARAMETER_NAMES)
"""Columns of the voices of this module; `findings` as in `decoded_voices`, null for voices of a table."""

_MAX_TOLD = 4  # faults of a voice that are told one by one
_IN_RANGE = pl.all_horizontal(pl.col(p.name) <= p.maximum for p in PARAMETERS)


@dataclass(frozen=True)
class CollectedVoices:
    """Every voice slot of some files, in order, and in words which files were refused and which have no voices."""

    voices: pl.DataFrame
    refused: list[str]
    without: list[str]


@dataclass(frozen=True)
class Writable:
    """Voices that can be written, with their `sound_id`, and in words what was left out and what was mended."""

    voices: pl.DataFrame
    skipped: list[str]
    mended: list[str]


def collect_voices(paths: Iterable[Path]) -> CollectedVoices:
    """The voices in files, folders and archives, in the order given.

    Files named here that end as a table does are read as one; within folders and archives, tables are not looked for.
    """
    parts: list[pl.DataFrame] = []
    refused: list[str] = []
    without: list[str] = []
    for is_table, run in groupby(paths, lambda path: table_format(path) is not None and not is_folder(path)):
        if is_table:
            for path in run:
                try:
                    parts.append(_table(path))
                except (RefusedError, TableError) as error:
                    refused.append(str(error))
        else:
            files, voices = inspect_files(run)
            parts.append(voices.select(COLUMNS))
            for row in files.filter(pl.col("voices") == 0).iter_rows(named=True):
                where = place(row)
                if row["status"] == "refused":
                    refused.append(f"{where}: {row['reason']}")
                else:
                    without.append(f"{where}: no voices: {row['reason'] or row['taken_for']}")
    empty = DecodedVoices.create_empty().with_columns(pl.lit(None, PROVENANCE[c]).alias(c) for c in ("path", "member"))
    return CollectedVoices(pl.concat([empty.select(COLUMNS), *parts]), refused, without)


def _table(path: Path) -> pl.DataFrame:
    shown = printable(str(path))
    format_ = table_format(path)
    assert format_ is not None
    try:
        data = read_file(path)
    except RefusedError as error:
        raise RefusedError(f"{shown}: {error}") from error
    findings = pl.lit(None, DecodedVoices.create_empty().schema["findings"])
    return read_table(data, format_, shown).with_columns(findings.alias("findings")).select(COLUMNS)


def select_voices(
    voices: pl.DataFrame, slots: Sequence[tuple[int, int]] | None = None, name: str | None = None
) -> pl.DataFrame:
    """The voices in some slots of their dumps, given as ranges that include both ends, and whose name fits a pattern.

    name: with `*`, `?` and `[...]`, in either case.
    """
    if slots is not None:
        voices = voices.filter(pl.any_horizontal(pl.col("slot").is_between(*ends) for ends in slots))
    if name is not None:
        lowered = pl.col("name").str.to_lowercase()
        fitting = fnmatch.filter(voices.select(lowered.unique()).to_series().to_list(), name.lower())
        voices = voices.filter(lowered.is_in(pl.Series(fitting, dtype=pl.String).implode()))
    return voices


def make_writable(voices: pl.DataFrame, clamp: bool = False, unique: bool = False) -> Writable:
    """Leave out what no dump can hold: voices that could not be read, and those with a parameter out of range.

    clamp: set parameters out of range to their maximum instead. unique: keep the first of each sound. A blank slot can
    be written, and is.
    """
    readable = voices.filter(pl.col(PARAMETER_NAMES[0]).is_not_null())
    beyond = readable.filter(~_IN_RANGE)
    if clamp:
        skipped = voices.filter(pl.col(PARAMETER_NAMES[0]).is_null())
        kept = readable.with_columns(pl.col(p.name).clip(upper_bound=p.maximum) for p in PARAMETERS)
    else:
        skipped = voices.filter(pl.col(PARAMETER_NAMES[0]).is_null() | ~_IN_RANGE)
        kept = readable.filter(_IN_RANGE)
    kept = kept.with_columns(sound_id=pl.Series(sound_ids(_parameters(kept)), dtype=pl.String))
    if unique:
        kept = kept.unique("sound_id", keep="first", maintain_order=True)
    return Writable(
        kept,
        [f"{_slot(row)}: not written: {_fault(row)}" for row in skipped.iter_rows(named=True)],
        [f"{_slot(row)}: set to its maximum: {_fault(row)}" for row in beyond.iter_rows(named=True)] if clamp else [],
    )


def dumps_to_send(
    voices: pl.DataFrame, channel: int = 0, clamp: bool = False
) -> tuple[list[tuple[str, bytes]], list[str], list[str]]:
    """A message for each dump, with what it is in words; then what was skipped and mended, as in `Writable`.

    A dump of one voice becomes a single, which a DX7 takes into its edit buffer, others become banks. A dump with a
    voice that cannot be written is left out whole: what a bank lacks would take another slot's place in the memory.
    """
    to_send: list[tuple[str, bytes]] = []
    skipped: list[str] = []
    mended: list[str] = []
    for dump in voices.partition_by("path", "member", "offset", maintain_order=True):
        writable = make_writable(dump, clamp)
        skipped += writable.skipped
        mended += writable.mended
        if writable.skipped:
            continue
        where = place(dump.row(0, named=True))
        if len(dump) == 1:
            to_send.append((f"{where}: {dump['name'][0]}", write_single(*to_arrays(writable.voices), channel)))
        for first in range(0, len(dump) if len(dump) > 1 else 0, VMEM_VOICES):
            bank = writable.voices.slice(first, VMEM_VOICES)
            filled = f", {VMEM_VOICES - len(bank)} INIT VOICE" if len(bank) < VMEM_VOICES else ""
            to_send.append((f"{where}: {counted(len(bank), 'voice')}{filled}", write_bank(*to_arrays(bank), channel)))
    return to_send, skipped, mended


def to_arrays(voices: pl.DataFrame) -> tuple[UInt8Array, UInt8Array]:
    """Parameters `uint8[n, 145]` and names `uint8[n, 10]` of writable voices."""
    return _parameters(voices), text_to_names(voices["name"].to_list())


def _parameters(voices: pl.DataFrame) -> UInt8Array:
    return np.ascontiguousarray(voices.select(PARAMETER_NAMES).to_numpy(), dtype=np.uint8)


def _slot(row: dict[str, object]) -> str:
    return f"{place(row)}: slot {row['slot']} ({row['name']})"


def _fault(row: dict[str, object]) -> str:
    """What is wrong with a voice that cannot be written as it is."""
    if row[PARAMETER_NAMES[0]] is None:
        findings = row["findings"]
        assert findings is None or isinstance(findings, list)
        faults = [describe_finding(finding) for finding in findings or ()]
        faults = faults or ["its parameters could not be read"]
    else:
        beyond = ((p, row[p.name]) for p in PARAMETERS)
        faults = [f"{p.name} is {v}, its range is 0 to {p.maximum}" for p, v in beyond if int(str(v)) > p.maximum]
    more = [f"{len(faults) - _MAX_TOLD} more"] if len(faults) > _MAX_TOLD else []
    return "; ".join(faults[:_MAX_TOLD] + more)
