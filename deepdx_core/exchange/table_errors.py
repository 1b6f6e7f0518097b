"""Locations of faults in the file of a table, in terms of its format. Used only after a table is refused."""

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
    """A table is refused. The message has a line for each fault: file, line, column and reason."""


def detect_separator(data: bytes) -> str:
    """Return the separator of a CSV file, the most frequent in its header. No parameter's name contains one."""
    header = data.split(b"\n", 1)[0]
    return max((",", ";", "\t"), key=lambda separator: header.count(separator.encode()))


def locate_row(data: bytes, format_: str, row: int) -> str:
    """Return the location of a row, such as `line 3`.

    row: counts from 0, including the blank lines of a CSV file but not its header.
    """
    match format_:
        case "csv":
            return f"line {next(islice(_records(data), row + 1, None))[0]}"
        case "jsonl":
            return f"line {next(islice(_lines(data), row, None))[0]}"
        case "json":
            return f"object {row + 1}"
        case _:
            return f"row {row + 1}"


def explain_unreadable(data: bytes, format_: str, reason: str) -> str:
    """Return where and why a table cannot be parsed, or `reason`, the parser's own, if nothing better is found."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"byte {error.start}: not UTF-8" if format_ != "parquet" else reason
    if not text.strip():
        return "an empty file"
    match format_:
        case "csv":
            return _find_uneven_record(data) or reason
        case "jsonl":
            return next(filter(None, (_find_json_fault(line, number) for number, line in _lines(data))), reason)
        case "json":
            return _find_json_fault(text) or reason
        case _:
            return reason


def _records(data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the records of a CSV file, the header first, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""), delimiter=detect_separator(data))
    line = 1
    for record in reader:
        yield line, record
        line = reader.line_num + 1


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    lines = enumerate(data.decode("utf-8-sig", "replace").split("\n"), 1)
    return ((number, line) for number, line in lines if line.strip())


def _find_uneven_record(data: bytes) -> str:
    records = _records(data)
    _, header = next(records)
    try:
        number, record = next((n, record) for n, record in records if len(record) > len(header))
    except (StopIteration, csv.Error):
        return ""
    return f"line {number}: {len(record)} fields, but the header names {len(header)}"


def _find_json_fault(text: str, line: int | None = None) -> str:
    """Return the first fault of JSON text, "" if there is none. line: its number, if the text is one line of a file."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return f"line {line or error.lineno}: not JSON: {error.msg}"
    except (ValueError, RecursionError) as error:
        return f"line {line or 1}: not JSON: {error}"
    objects = value if line is None and isinstance(value, list) else [value]
    for number, item in enumerate(objects, 1):
        location = f"line {line}" if line else f"object {number}"
        if not isinstance(item, dict):
            return f"{location}: not an object"
        for key, field in item.items():
            if alias_key(key) in ALIASES and isinstance(field, (dict, list, bool)):
                return f"{location}, column {printable(key)}: {_name_type(field)} in place of a number or text"
    return ""


def _name_type(value: Any) -> str:
    return {dict: "an object", list: "an array", bool: "true or false"}[type(value)]
