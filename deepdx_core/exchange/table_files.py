"""Voices as tables that other programs read and write: CSV, JSON, JSON lines, Parquet.

A voice is a row: `name`, the 145 parameters under the names of `deepdx_core.voice.parameters` with the values of a dump
(`algorithm` from 0, `detune` 7 for none), and its provenance. Columns are matched by header, in any order, with the
aliases of `deepdx_core.exchange.column_aliases`. JSON may instead have an array `parameters` of all 145, as
`deepdx inspect --json` writes it. Other columns are ignored. Missing and out-of-range values are refused, not repaired.
"""

import io
import re
from enum import StrEnum
from pathlib import PurePath

import numpy as np
import polars as pl

from deepdx_core.codec.names import NO_CHARACTER
from deepdx_core.display import printable
from deepdx_core.exchange.column_aliases import match_columns
from deepdx_core.exchange.table_errors import TableError, detect_separator, explain_unreadable, locate_row
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETER_NAMES, PARAMETERS

PROVENANCE: dict[str, type[pl.DataType]] = {
    "path": pl.String,
    "member": pl.String,
    "offset": pl.UInt64,
    "slot": pl.UInt16,
    "format": pl.String,
}
"""Columns with the origin of a voice, as in `decoded_voices`."""

MAX_CELLS = 25_000_000
"""Rows times columns of a table: 160,000 voices. JSON with a new key in each row takes memory quadratic in its rows."""

_MAX_LISTED = 5  # faults in an error message
_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)


class TableFormat(StrEnum):
    """File format of a table."""

    CSV = "csv"
    JSON = "json"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


_SUFFIXES = {f".{format_}": format_ for format_ in TableFormat} | {".ndjson": TableFormat.JSON_LINES}


def table_format(path: PurePath) -> TableFormat | None:
    """Return the format of a table by the suffix of its file, None for other files."""
    return _SUFFIXES.get(path.suffix.lower())


def write_table(voices: pl.DataFrame, format_: TableFormat) -> bytes:
    """Return a table of voices as bytes: `name`, the parameters, then PROVENANCE and `sound_id` where present."""
    rows = voices.select(
        "name", *PARAMETER_NAMES, *(column for column in (*PROVENANCE, "sound_id") if column in voices.columns)
    )
    buffer = io.BytesIO()
    match format_:
        case TableFormat.CSV:
            rows.write_csv(buffer)
        case TableFormat.JSON:
            rows.write_json(buffer)
        case TableFormat.JSON_LINES:
            rows.write_ndjson(buffer)
        case TableFormat.PARQUET:
            rows.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def read_table(data: bytes, format_: TableFormat, source: str) -> pl.DataFrame:
    """Return the voices in a table, in its order: PROVENANCE, `name`, and the parameters (UInt8).

    source: name of the file, for messages and for `path` where the table has none; `slot` defaults to the row, from 1.

    Skips lines of `deepdx inspect --json` about files without voices; voices that it could not read have null
    parameters. Raises TableError with file, line, column and reason.
    """
    try:
        table, columns = _normalize_columns(_parse(data, format_))
    except TableError as error:
        raise TableError(f"{source}: {error}") from error
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else "cannot be parsed"
        raise TableError(f"{source}: {printable(explain_unreadable(data, format_, reason))}") from error
    numbers = table.select(_parse_number(table, name) for name in PARAMETER_NAMES)
    faults, count = _find_faults(table, numbers, columns)
    if faults:
        lines = [f"{source}: {locate_row(data, format_, row)}, {reason}" for row, reason in faults]
        more = [f"{source}: {count - len(lines):,} more faults"] if count > len(lines) else []
        raise TableError("\n".join(lines + more))
    return table.select(
        pl.col("path").fill_null(source),
        *(name for name in PROVENANCE if name not in ("path", "slot")),
        pl.col("slot").fill_null((pl.col("row") + 1).cast(pl.UInt16, strict=False)),
        "name",
    ).hstack(numbers.cast(pl.UInt8))


_JSON_STRING = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"(\s*+:)?+)?+', re.DOTALL)  # group 2: it is a key


def _require_bounded(rows: int, columns: int) -> None:
    if rows * columns > MAX_CELLS:
        raise TableError(f"more than {MAX_CELLS:,} values, its rows times its columns")


def _require_bounded_json(data: bytes) -> None:
    rows = data.count(b"{")
    keys: set[bytes] = set()
    for string in _JSON_STRING.finditer(data):
        if string[2] and string[1] not in keys:
            keys.add(string[1])
            _require_bounded(rows, len(keys))


def _parse(data: bytes, format_: TableFormat) -> pl.DataFrame:
    match format_:
        case TableFormat.CSV:
            _require_bounded(data.count(b"\n"), data.split(b"\n", 1)[0].count(detect_separator(data).encode()) + 1)
            rows = pl.read_csv(data, infer_schema=False, separator=detect_separator(data))
            duplicate = next((m[1] for c in rows.columns if (m := re.fullmatch(r"(.+)_duplicated_\d+", c))), None)
            if duplicate is not None and match_columns([duplicate]):
                raise TableError(f"column {printable(duplicate)} occurs twice")
            return rows
        case TableFormat.JSON:
            _require_bounded_json(data)
            return pl.read_json(data, infer_schema_length=None)
        case TableFormat.JSON_LINES:
            _require_bounded_json(data)
            return pl.read_ndjson(data, infer_schema_length=None)
        case TableFormat.PARQUET:
            found = list(pl.read_parquet_schema(io.BytesIO(data)))
            known = {column for columns in match_columns(found).values() for column in columns}
            columns = [c for c in found if c in known | PROVENANCE.keys()]
            _require_bounded(pl.scan_parquet(io.BytesIO(data)).select(pl.len()).collect().item(), len(columns))
            return pl.read_parquet(io.BytesIO(data), columns=columns)


def _normalize_columns(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return the rows that are voices, under standard column names, and the source column of each.

    The standard columns are `name`, the parameters with their values as given, PROVENANCE, and three more:

    row: number of the row in the file, from 0.
    unreadable: true if the table itself states that the parameters could not be read.
    length: number of parameters in the row.
    """
    matches = match_columns(rows.columns)
    arrays = "parameters" in rows.columns and matches.keys().isdisjoint(PARAMETER_NAMES)
    required = ("name",) if arrays else ("name", *PARAMETER_NAMES)
    if missing := [name for name in required if name not in matches]:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise TableError(f"no column for {', '.join(missing[:3])}{more}")
    for name in required:
        if len(matches[name]) > 1:
            raise TableError(f"columns {printable(' and '.join(matches[name]))} both mean {name}")
    columns = {name: matches[name][0] for name in required}
    if rows.schema[columns["name"]].is_nested():
        raise TableError(f"column {printable(columns['name'])} is not text")
    voices = rows.with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")).filter(_is_voice(rows, arrays))
    if arrays:
        parameters = _parameter_lists(rows)
        columns |= dict.fromkeys(PARAMETER_NAMES, "parameters")
        values = [parameters.list.get(i, null_on_oob=True).alias(name) for i, name in enumerate(PARAMETER_NAMES)]
        unreadable = parameters.is_null() & (
            ~pl.col("valid") if rows.schema.get("valid") == pl.Boolean else pl.lit(False)
        )
        length = parameters.list.len().fill_null(0)
    else:
        values = [pl.col(columns[name]).alias(name) for name in PARAMETER_NAMES]
        unreadable, length = pl.lit(False), pl.lit(len(PARAMETERS))
    text = (
        pl.col(columns["name"])
        .cast(pl.String, strict=False)
        .fill_null("")
        .str.strip_chars_end(" ")
        .str.head(NAME_LENGTH + 1)
    )
    return (
        voices.select(
            "row",
            *(_provenance(rows, column).alias(column) for column in PROVENANCE),
            # As in the codec: characters that a DX7 cannot show must not reach a terminal either.
            text.str.replace_all(NO_CHARACTER, "\ufffd").alias("name"),
            *values,
            unreadable=unreadable,
            length=length,
        ),
        columns,
    )


def _is_voice(rows: pl.DataFrame, arrays: bool) -> pl.Expr:
    """True for a voice; false for a blank line, and for a file without voices in output of `deepdx inspect --json`."""
    blank = pl.all_horizontal(pl.all().exclude("row").is_null())
    if arrays and rows.schema.get("voices", pl.Null()).is_numeric():
        return ~blank & ~(_parameter_lists(rows).is_null() & (pl.col("voices") == 0).fill_null(False))
    return ~blank


def _parameter_lists(rows: pl.DataFrame) -> pl.Expr:
    is_list = isinstance(rows.schema["parameters"], pl.List)
    return pl.col("parameters") if is_list else pl.lit(None, pl.List(pl.Int64))


def _provenance(rows: pl.DataFrame, column: str) -> pl.Expr:
    source = "file" if column == "path" and column not in rows.columns else column
    if source not in rows.columns or rows.schema[source].is_nested():
        return pl.lit(None, PROVENANCE[column])
    value = pl.col(source).cast(PROVENANCE[column], strict=False)
    return value.str.replace_all(r"\p{C}", "\ufffd") if PROVENANCE[column] == pl.String else value


def _parse_number(table: pl.DataFrame, name: str) -> pl.Expr:
    dtype = table.schema[name]
    if dtype == pl.String:
        return pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)
    return pl.col(name).cast(pl.Float64) if dtype.is_numeric() else pl.lit(None, pl.Float64).alias(name)


def _find_faults(
    table: pl.DataFrame, numbers: pl.DataFrame, columns: dict[str, str]
) -> tuple[list[tuple[int, str]], int]:
    """Return the first faults (row in the file; column and reason), and the number of all faults."""
    values = numbers.to_numpy()
    maxima = np.array([p.maximum for p in PARAMETERS])
    in_range = (values >= 0) & (values <= maxima) & (values == np.floor(values))
    unreadable = table["unreadable"].to_numpy()
    short = (table["length"] != len(PARAMETERS)).to_numpy() & ~unreadable
    long = (table["name"].str.len_chars() > NAME_LENGTH).to_numpy()
    wrong = ~in_range & ~(short | unreadable)[:, None]
    found: list[tuple[int, str]] = []
    for i in np.flatnonzero(short)[:_MAX_LISTED].tolist():
        found.append((i, f"column parameters: {table['length'][i]} values in place of {len(PARAMETERS)}"))
    for i in np.flatnonzero(long)[:_MAX_LISTED].tolist():
        found.append((i, f"column {printable(columns['name'])}: longer than {NAME_LENGTH} characters"))
    for i, j in np.argwhere(wrong)[:_MAX_LISTED].tolist():
        p = PARAMETERS[j]
        column = f"parameters, {p.name}" if columns[p.name] == "parameters" else columns[p.name]
        value = _format_value(table[p.name][i])
        found.append((i, f"column {printable(column)}: {value}; it takes a whole number from 0 to {p.maximum}"))
    first = sorted(found, key=lambda fault: fault[0])[:_MAX_LISTED]
    return [(table["row"][i], reason) for i, reason in first], int(short.sum() + long.sum() + wrong.sum())


def _format_value(value: object) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        return "empty"
    return repr(value)[:40] if isinstance(value, str | int | float) else "neither number nor text"
