"""Files that users write themselves, read within bounds: what is too large or too deep is refused, not parsed."""

import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from deepdx_core.display import printable

_MOST_BYTES_OF_TOML = 1 << 20
_DEEPEST = 16
_LONGEST_KEY = 100
_LONGEST_SHOWN = 60

# Each alternative runs to the end of the text where its own end is missing, so that none is tried twice.
_TOKEN = re.compile(
    r"""
    "{3}(?:\\.|(?!"{3})[^\\])*+(?:"{3,5}|\Z) | '{3}(?:(?!'{3}).)*+(?:'{3,5}|\Z)
    | "(?:\\.|[^"\\\n])*+"? | '[^'\n]*+'? | \#[^\n]*+
    | (?P<opens>[\[{]) | (?P<closes>[\]}]) | (?P<dot>\.) | (?P<line>\n)
    """,
    re.DOTALL | re.VERBOSE,
)


def read_text(path: Path, most_bytes: int) -> str | None:
    """The text of a user's file, in UTF-8; None where there is none.

    Raises ValueError with the reason, but without the path, where it cannot be read, is no regular file, too large, or
    no text.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            raise ValueError("it is a link to a file that is not there") from None
        return None
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise ValueError("it is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a regular file")
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if len(data) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"line {line}: not UTF-8") from error
    before, nul, _ = text.partition("\0")
    if nul:
        raise ValueError(f"line {before.count(chr(10)) + 1}: a NUL byte, which no text has")
    return text


def read_toml(path: Path) -> dict[str, Any] | None:
    """The tables of a user's TOML file; None where there is none. Raises ValueError as `read_text` does."""
    text = read_text(path, _MOST_BYTES_OF_TOML)
    return None if text is None else parse_toml(text)


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of a TOML document. Raises ValueError with the line, or the key, and the reason."""
    _require_shallow(text)
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        message = str(error)  # which may quote a key of any length, and ends with the line and column
        raise ValueError(message if len(message) < 300 else f"{message[:200]}...{message[-60:]}") from error
    _require_plain_keys(document, "")
    return document


def shown(value: object) -> str:
    """A value of a document, as a message shows it: short and printable."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of over 64 bits"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _require_shallow(text: str) -> None:
    """Nesting costs tomllib a frame each, and dotted keys the square of their parts, so both are bounded before."""
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
        if depth > _DEEPEST or dots > _DEEPEST:
            raise ValueError(f"line {line}: nested over {_DEEPEST} deep")


def _require_plain_keys(value: object, place: str) -> None:
    if isinstance(value, list):
        for item in value:
            _require_plain_keys(item, place)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not key.strip() or not key.isprintable() or len(key) > _LONGEST_KEY:
                raise ValueError(
                    f"{place}{printable(key[:_LONGEST_KEY])}: a key must have 1 to {_LONGEST_KEY} printable characters"
                )
            _require_plain_keys(item, f"{place}{key}.")
