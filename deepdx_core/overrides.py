"""Overrides: a user's own verdicts and labels, kept in a CSV file. They win over every rule and outlive every run.

The functions serve every such file: one row per sound, with a value out of a list and a text.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from filelock import FileLock

from deepdx_core.display import printable, shown
from deepdx_core.documents import MAX_BYTES, format_csv, read_csv, write_document
from deepdx_core.errors import DeepDXError

_SOUND_ID = re.compile(r"[0-9a-f]{20}")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")  # surrogates stand for bytes that are not UTF-8
_MAX_TEXT = 10_000  # characters; csv reads fields of up to 131,072


class OverridesError(DeepDXError):
    """A file of overrides cannot be used. The message names the file, the line and the reason."""


def read_overrides(path: Path, column: str, allowed: Sequence[str], *, text: str = "why") -> pl.DataFrame:
    """Return the overrides in a file: `sound_id`, `column` (one of the allowed values), `why` and `place`.

    Sorted by sound_id. `place` names the file and the line. A missing file has no overrides. text: the name of the last
    column of the file. Raises OverridesError if the file cannot be read, its header or a field is wrong, or a sound
    occurs twice.
    """
    header = ["sound_id", column, text]
    file = printable(str(path))
    known = frozenset(allowed)
    rows: dict[str, list[str]] = {}
    try:
        for line, row in read_csv(path, header, MAX_BYTES):
            sound_id, value, _ = row
            if not _SOUND_ID.fullmatch(sound_id):
                raise ValueError(f"line {line}: {shown(sound_id)} is not a sound_id")
            if value not in known:
                raise ValueError(f"line {line}: {shown(value)} is not one of {', '.join(filter(None, allowed))}")
            if sound_id in rows:
                raise ValueError(f"line {line}: {sound_id} is already on a line above")
            rows[sound_id] = [*row, f"{file}: line {line}"]
    except ValueError as error:
        raise OverridesError(f"{file}: {error}") from error
    return pl.DataFrame(sorted(rows.values()), schema=dict.fromkeys([*header, "place"], pl.String), orient="row")


def write_override(
    path: Path, column: str, allowed: Sequence[str], sound_id: str, value: str | None, why: str, *, lock: Path
) -> None:
    """Set the override of a sound, or remove it if the value is None. See `change_override`."""
    row = None if value is None else (value, why)
    change_override(path, column, allowed, sound_id, lambda _: row, lock=lock)


def change_override(
    path: Path,
    column: str,
    allowed: Sequence[str],
    sound_id: str,
    change: Callable[[tuple[str, str] | None], tuple[str, str] | None],
    *,
    lock: Path,
    text: str = "why",
) -> tuple[str, str] | None:
    """Change the override of a sound: from what it is, value and text, to the result of `change`; None is no override.

    Return what it was. Replaces the file as a whole, or the target if `path` is a link. lock: `Home.overrides_lock`,
    held from the read to the write, so that no concurrent change is lost. Raises OverridesError like `read_overrides`,
    for a value that is not allowed, and for a text of over 10,000 characters, and leaves the file as it is.
    """
    with locked(lock):
        rows = {row[0]: row[1:3] for row in read_overrides(path, column, allowed, text=text).iter_rows()}
        before = rows.pop(sound_id, None)
        after = change(before)
        if after is not None:
            value, written = after[0], one_line(after[1])
            if value not in allowed or not _SOUND_ID.fullmatch(sound_id) or len(written) > _MAX_TEXT:
                reason = f"{shown(sound_id)}, {shown(value)}, {text} of {len(written):,} characters: not a valid row"
                raise OverridesError(f"{printable(str(path))}: {reason}; nothing was changed")
            rows[sound_id] = value, written
        write_document(path, format_csv(["sound_id", column, text], sorted((id_, *row) for id_, row in rows.items())))
    return before


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Hold `Home.overrides_lock`: nobody else changes, restores or backs up what the user decided and keeps."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        yield


def one_line(text: str) -> str:
    """Return a user's text as one line. U+FFFD replaces what is not text."""
    return " ".join(_NOT_TEXT.sub("\ufffd", text).split())
