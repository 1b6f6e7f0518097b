"""Files that users write by hand: read within bounds, checked against a model, refused with place and reason."""

import csv
import io
import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from deepdx_core.display import printable, shown
from deepdx_core.files import open_regular, written_whole

MAX_BYTES = 64 << 20
"""Bytes of the largest file that is read: half a million sounds, each with a reason."""

_MAX_TOML_BYTES = 1 << 20
_MAX_DEPTH = 16
_MAX_KEY_LENGTH = 100

# Each alternative runs to the end of the text if its own end is missing, so no position is tried twice.
_TOKEN = re.compile(
    r"""
    "{3}(?:\\.|(?!"{3})[^\\])*+(?:"{3,5}|\Z) | '{3}(?:(?!'{3}).)*+(?:'{3,5}|\Z)
    | "(?:\\.|[^"\\\n])*+"? | '[^'\n]*+'? | \#[^\n]*+
    | (?P<opens>[\[{]) | (?P<closes>[\]}]) | (?P<dot>\.) | (?P<line>\n)
    """,
    re.DOTALL | re.VERBOSE,
)

_EXPECTED = {
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
"""Wording of pydantic's errors, by type; see `first_error` for all others."""


class StrictModel(BaseModel):
    """Base for a table of a document: frozen, types are not converted, unknown keys are errors."""

    model_config = ConfigDict(strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _require_known_keys(cls, table: Any) -> Any:
        """Forbid unknown keys like `extra="forbid"`, but list the known ones in the error."""
        for key in table if isinstance(table, dict) else ():
            if key not in cls.model_fields:
                known = {"known": ", ".join(cls.model_fields)}
                reason = PydanticCustomError("unknown_key", "unknown key; known keys are {known}", known)
                raise ValidationError.from_exception_data(
                    cls.__name__, [{"type": reason, "loc": (key,), "input": table[key]}]
                )
        return table


def first_error(error: ValueError) -> str:
    """Return the first error of a pydantic validation as one printable line, `key.path: reason`.

    Items of a list count from 1: `phrase 2.category: is missing`. For any other ValueError, return its message.
    """
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    message = re.sub("^[A-Z][a-z]+ should", "must", first["msg"]).replace(" after validation", "")
    match first["type"]:
        case "missing":
            reason = "is missing"
        case "unknown_key" | "too_short" | "too_long":
            reason = message
        case "extra_forbidden":
            reason = "unknown key"
        case "value_error":
            reason = str(first["ctx"]["error"])
        case kind if kind in _EXPECTED:
            reason = f"{_EXPECTED[kind].format(**first.get('ctx', {}))}, not {shown(first['input'])}"
        case _:
            reason = f"{message}, not {shown(first['input'])}"
    path = "".join(f" {part + 1}" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return f"{printable(path[1:])}: {reason}" if path else reason


def read_text(path: Path, max_bytes: int) -> str | None:
    """Return the text of a user's file in UTF-8, None if there is no file.

    Raises ValueError with the reason, but without the path, if it cannot be read, is not a regular file, is a link to a
    missing file, is larger than `max_bytes` bytes, or is not text.
    """
    try:
        with open_regular(path) as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        if path.is_symlink():
            raise ValueError("a link to a missing file") from None
        return None
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if len(data) > max_bytes:
        raise ValueError(f"larger than {max_bytes:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line}: not UTF-8") from error
    before, nul, _ = text.partition("\0")
    if nul:
        raise ValueError(f"line {before.count(chr(10)) + 1}: a NUL byte, which text cannot have")
    return text


def read_csv(path: Path, header: Sequence[str], max_bytes: int) -> list[tuple[int, list[str]]]:
    """Return the rows of a user's CSV file below its header, each with its line. A missing file has no rows.

    Blank lines are skipped. Raises ValueError like `read_text`, also for another header or number of fields.
    """
    text = read_text(path, max_bytes)
    return [] if text is None else parse_csv(text, header)


def parse_csv(text: str, header: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Return the rows of a CSV document, like `read_csv`."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = []
    try:
        if next(reader, []) != list(header):
            raise ValueError(f"the first line must be {','.join(header)}")
        for row in reader:
            if row and len(row) != len(header):
                raise ValueError(f"line {reader.line_num}: {len(row)} fields, expected {len(header)}")
            if row:
                rows.append((reader.line_num, row))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    return rows


def format_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV document that `read_csv` reads, in UTF-8."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def write_document(path: Path, content: bytes) -> None:
    """Replace a user's file as a whole, or the target if `path` is a link."""
    with written_whole(Path(os.path.realpath(path))) as temporary:
        temporary.write_bytes(content)


def read_toml(path: Path) -> dict[str, Any] | None:
    """Return the content of a user's TOML file, None if there is no file. Raises ValueError like `read_text`."""
    text = read_text(path, _MAX_TOML_BYTES)
    return None if text is None else parse_toml(text)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the content of a TOML document. Raises ValueError with the line or key, and the reason."""
    _require_shallow(text)
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        message = str(error)  # may quote a key of any length; ends with the line and column
        raise ValueError(message if len(message) < 300 else f"{message[:200]}...{message[-60:]}") from error
    _require_plain_keys(document, "")
    return document


def _require_shallow(text: str) -> None:
    """Bound nesting before parsing: tomllib recurses into each level, and its cost is quadratic for dotted keys."""
    line, depth, dots = 1, 0, 0
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "opens":
                depth += 1
            case "closes":
                depth -= 1
            case "dot":
                dots += 1
            case "line":
                line, dots = line + 1, 0
            case _:
                line += token[0].count("\n")
        if depth > _MAX_DEPTH or dots > _MAX_DEPTH:
            raise ValueError(f"line {line}: nested over {_MAX_DEPTH} deep")


def _require_plain_keys(value: object, place: str) -> None:
    if isinstance(value, list):
        for item in value:
            _require_plain_keys(item, place)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not key.strip() or not key.isprintable() or len(key) > _MAX_KEY_LENGTH:
                raise ValueError(
                    f"{place}{printable(key[:_MAX_KEY_LENGTH])}: "
                    f"a key must have 1 to {_MAX_KEY_LENGTH} printable characters"
                )
            _require_plain_keys(item, f"{place}{key}.")
