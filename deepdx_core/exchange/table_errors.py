"""Where a fault stands in a table's file, in the words of its format; looked for only once there is one."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.exchange.column_aliases import ALIASES, alias_key


class TableError(DeepDXError):
    """A table cannot be taken; the message names the file, and line, column and reason of each fault, a line each."""


def csv_separator(data: bytes) -> str:
    """What divides the columns of a CSV: no parameter's name holds any of these, so the header decides."""
    header = data.split(b"\n", 1)[0]
    return max((",", ";", "\t"), key=lambda separator: header.count(separator.encode()))


def place(data: bytes, format_: str, row: int) -> str:
    """Where row `row` (from 0, blank lines of a CSV counted, the header not) begins."""
    match format_:
        case "csv":
            return f"line {next(islice(_records(data), row + 1, None))[0]}"
        case "jsonl":
            return f"line {next(islice(_lines(data), row, None))[0]}"
        case "json":
            return f"object {row + 1}"
        case _:
            return f"row {row + 1}"


def why_unreadable(data: bytes, format_: str, reason: str) -> str:
    """Where a table that the reader refused is broken, as far as that can be found, and why."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"byte {error.start}: not UTF-8" if format_ != "parquet" else reason
    if not text.strip():
        return "an empty file"
    match format_:
        case "csv":
            return _uneven(data) or reason
        case "jsonl":
            return next(filter(None, (_fault(line, number) for number, line in _lines(data))), reason)
        case "json":
            return _fault(text) or reason
        case _:
            return reason


def _records(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV, the header first, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""), delimiter=csv_separator(data))
    begins = 1
    for record in reader:
        yield begins, record
        begins = reader.line_num + 1


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    lines = enumerate(data.decode("utf-8-sig", "replace").split("\n"), 1)
    return ((number, line) for number, line in lines if line.strip())


def _uneven(data: bytes) -> str:
    records = _records(data)
    _, header = next(records)
    try:
        number, record = next((n, record) for n, record in records if len(record) > len(header))
    except (StopIteration, csv.Error):
        return ""
    return f"line {number}: {len(record)} fields, but the header names {len(header)}"


def _fault(text: str, line: int | None = None) -> str:
    """What is wrong with JSON text: one line of it, or all as an array; "" where nothing is found."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return f"line {line or error.lineno}: not JSON: {error.msg}"
    except (ValueError, RecursionError) as error:
        return f"line {line or 1}: not JSON: {error}"
    objects = value if line is None and isinstance(value, list) else [value]
    for number, found in enumerate(objects, 1):
        here = f"line {line}" if line else f"object {number}"
        if not isinstance(found, dict):
            return f"{here}: not an object"
        for key, item in found.items():
            if alias_key(key) in ALIASES and isinstance(item, (dict, list, bool)):
                return f"{here}, column {printable(key)}: {_kind(item)} in place of a number or text"
    return ""


def _kind(item: Any) -> str:
    return {dict: "an object", list: "an array", bool: "true or false"}[type(item)]
