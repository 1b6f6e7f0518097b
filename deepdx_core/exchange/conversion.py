"""Voices collected from files of any kind, selected, and made writable as dumps."""

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.decoding.findings import describe_finding
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.display import printable
from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.exchange.table_errors import TableError
from deepdx_core.exchange.table_files import PROVENANCE, read_table, table_format
from deepdx_core.intake.contents import RefusedError
from deepdx_core.intake.local_files import is_folder, read_named
from deepdx_core.intake.survey import EachContent, format_location
from deepdx_core.tables.decoding import DecodedVoices, RawFiles
from deepdx_core.voice.parameters import PARAMETER_NAMES, PARAMETERS

COLUMNS = (*PROVENANCE, "name", "findings", *PARAMETER_NAMES)
"""Columns of voices in this module. `findings` are those of `decoded_voices`, null for voices of a table."""

DUMP = ("path", "member", "offset")
"""Columns that say which dump of which file a voice is in."""

_MAX_LISTED = 4  # faults of a voice in a message
_IN_RANGE = pl.all_horizontal(pl.col(p.name) <= p.maximum for p in PARAMETERS)


@dataclass(frozen=True)
class CollectedVoices:
    """Every voice slot of some files, in order.

    files: rows of `raw_files`, none for tables.
    refused: messages about files that were refused. without_voices: reason of each file without voices, by location.
    """

    voices: pl.DataFrame
    files: pl.DataFrame
    refused: list[str]
    without_voices: dict[str, str]


@dataclass(frozen=True)
class WritableVoices:
    """Voices that can be written, with their `sound_id`.

    skipped, clamped: messages about voices that were left out, and about voices with parameters set to their maximum.
    """

    voices: pl.DataFrame
    skipped: list[str]
    clamped: list[str]


def collect_voices(paths: Iterable[Path], each: EachContent | None = None) -> CollectedVoices:
    """Collect the voices in files, folders and archives, in the order given. Arguments are those of `inspect_files`.

    A path with the suffix of a table is read as a table. Tables within folders and archives are not.
    """
    surveyed: list[pl.DataFrame] = [RawFiles.create_empty()]
    parts: list[pl.DataFrame] = []
    refused: list[str] = []
    without_voices: dict[str, str] = {}
    for is_table, run in groupby(paths, lambda path: table_format(path) is not None and not is_folder(path)):
        if is_table:
            for path in run:
                try:
                    parts.append(_read_table(path))
                except (RefusedError, TableError) as error:
                    refused.append(str(error))
        else:
            files, voices = inspect_files(run, each)
            surveyed.append(files)
            parts.append(voices.select(COLUMNS))
            for row in files.filter(pl.col("voices") == 0).iter_rows(named=True):
                location = format_location(row)
                if row["status"] == "refused":
                    refused.append(f"{location}: {row['reason']}")
                else:
                    without_voices[location] = row["reason"] or row["taken_for"]
    empty = DecodedVoices.create_empty().with_columns(pl.lit(None, PROVENANCE[c]).alias(c) for c in ("path", "member"))
    return CollectedVoices(pl.concat([empty.select(COLUMNS), *parts]), pl.concat(surveyed), refused, without_voices)


def _read_table(path: Path) -> pl.DataFrame:
    source = printable(str(path))
    format_ = table_format(path)
    assert format_ is not None
    try:
        data = read_named(path)
    except RefusedError as error:
        raise RefusedError(f"{source}: {error}") from error
    findings = pl.lit(None, DecodedVoices.create_empty().schema["findings"])
    return read_table(data, format_, source).with_columns(findings.alias("findings")).select(COLUMNS)


def select_voices(
    voices: pl.DataFrame, slots: Sequence[tuple[int, int]] | None = None, name: str | None = None
) -> pl.DataFrame:
    """Select voices by slot and by name.

    slots: ranges of slots, both ends included.
    name: pattern with `*`, `?` and `[...]`, case-insensitive.
    """
    if slots is not None:
        voices = voices.filter(pl.any_horizontal(pl.col("slot").is_between(*ends) for ends in slots))
    if name is not None:
        lowered = pl.col("name").str.to_lowercase()
        matching = fnmatch.filter(voices.select(lowered.unique()).to_series().to_list(), name.lower())
        voices = voices.filter(lowered.is_in(pl.Series(matching, dtype=pl.String).implode()))
    return voices


def make_writable(
    voices: pl.DataFrame, clamp: bool = False, unique: bool = False, left_out_as: str = "not written"
) -> WritableVoices:
    """Leave out voices that no dump can hold: unreadable ones, and those with a parameter out of range.

    clamp: set parameters out of range to their maximum instead.
    unique: keep the first voice of each sound.
    left_out_as: words for messages about voices that are left out.

    Blank slots are kept.
    """
    readable = voices.filter(pl.col(PARAMETER_NAMES[0]).is_not_null())
    out_of_range = readable.filter(~_IN_RANGE)
    if clamp:
        skipped = voices.filter(pl.col(PARAMETER_NAMES[0]).is_null())
        kept = readable.with_columns(pl.col(p.name).clip(upper_bound=p.maximum) for p in PARAMETERS)
    else:
        skipped = voices.filter(pl.col(PARAMETER_NAMES[0]).is_null() | ~_IN_RANGE)
        kept = readable.filter(_IN_RANGE)
    kept = kept.with_columns(sound_id=pl.Series(sound_ids(to_parameters(kept)), dtype=pl.String))
    if unique:
        kept = kept.unique("sound_id", keep="first", maintain_order=True)
    return WritableVoices(
        kept,
        [f"{format_slot(row)}: {left_out_as}: {_describe_faults(row)}" for row in skipped.iter_rows(named=True)],
        [
            f"{format_slot(row)}: set to its maximum: {_describe_faults(row)}"
            for row in (out_of_range.iter_rows(named=True) if clamp else ())
        ],
    )


def keep_whole_dumps(voices: pl.DataFrame, clamp: bool = False) -> WritableVoices:
    """Leave out dumps with a voice that no dump can hold, like `make_writable`.

    Without that voice, those after it would load into the wrong slots of an instrument's memory.
    """
    writable = make_writable(voices, clamp, left_out_as="not written, so that its dump is not sent")
    sizes = voices.group_by(DUMP).len()
    kept = writable.voices.with_columns(pl.len().over(DUMP))
    kept = kept.join(sizes, on=[*DUMP, "len"], how="semi", nulls_equal=True, maintain_order="left")
    return replace(writable, voices=kept.drop("len"))


def to_arrays(voices: pl.DataFrame) -> tuple[UInt8Array, UInt8Array]:
    """Return the parameters, `uint8[n, 145]`, and names, `uint8[n, 10]`, of writable voices."""
    return to_parameters(voices), text_to_names(voices["name"].to_list())


def to_parameters(voices: pl.DataFrame) -> UInt8Array:
    """Return the parameters of voices, `uint8[n, 145]`, in one block of memory."""
    return np.ascontiguousarray(voices.select(PARAMETER_NAMES).to_numpy(), dtype=np.uint8)


def format_slot(row: dict[str, object]) -> str:
    """Return where a voice is, and its name, for messages."""
    return f"{format_location(row)}: slot {row['slot']} ({row['name']})"


def _describe_faults(row: dict[str, object]) -> str:
    """Describe why a voice cannot be written as it is."""
    if row[PARAMETER_NAMES[0]] is None:
        findings = row["findings"]
        assert findings is None or isinstance(findings, list)
        faults = [describe_finding(finding) for finding in findings or ()]
        faults = faults or ["its parameters could not be read"]
    else:
        values = ((p, row[p.name]) for p in PARAMETERS)
        faults = [f"{p.name} is {v}, its range is 0 to {p.maximum}" for p, v in values if int(str(v)) > p.maximum]
    more = [f"{len(faults) - _MAX_LISTED} more"] if len(faults) > _MAX_LISTED else []
    return "; ".join(faults[:_MAX_LISTED] + more)
