"""Overrides: a user's own verdicts and labels, kept in a CSV file. They win over every rule and outlive every run."""

import csv
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from filelock import FileLock

from deepdx_core.display import printable, shown
from deepdx_core.documents import read_text
from deepdx_core.errors import DeepDXError
from deepdx_core.files import written_whole

_SOUND_ID = re.compile(r"[0-9a-f]{20}")
_MAX_BYTES = 64 << 20  # half a million sounds, each with a reason


class OverridesError(DeepDXError):
    """A file of overrides cannot be used. The message names the file, the line and the reason."""


def read_overrides(path: Path, column: str, allowed: Sequence[str]) -> pl.DataFrame:
    """Return the overrides in a file: `sound_id`, `column` (one of the allowed values), `why` and `place`.

    Sorted by sound_id. `place` names the file and the line. A missing file has no overrides. Raises OverridesError if
    the file cannot be read, its header or a field is wrong, or a sound occurs twice.
    """
    header = ["sound_id", column, "why"]
    file = printable(str(path))
    try:
        text = read_text(path, _MAX_BYTES)
    except ValueError as error:
        raise OverridesError(f"{file}: {error}") from error
    rows: dict[str, list[str]] = {}
    if text is not None:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            if next(reader, []) != header:
                raise OverridesError(f"{file}: the first line must be {','.join(header)}")
            known = frozenset(allowed)
            for row in reader:
                place = f"{file}: line {reader.line_num}"
                if not row:
                    continue
                if len(row) != len(header):
                    raise OverridesError(f"{place}: {len(row)} fields, expected {len(header)}")
                sound_id, value, _ = row
                if not _SOUND_ID.fullmatch(sound_id):
                    raise OverridesError(f"{place}: {shown(sound_id)} is not a sound_id")
                if value not in known:
                    raise OverridesError(f"{place}: {shown(value)} is not one of {', '.join(allowed)}")
                if sound_id in rows:
                    raise OverridesError(f"{place}: {sound_id} is already on a line above")
                rows[sound_id] = [*row, place]
        except csv.Error as error:
            raise OverridesError(f"{file}: line {reader.line_num}: {error}") from error
    return pl.DataFrame(sorted(rows.values()), schema=dict.fromkeys([*header, "place"], pl.String), orient="row")


def write_override(
    path: Path, column: str, allowed: Sequence[str], sound_id: str, value: str | None, why: str, *, lock: Path
) -> None:
    """Set the override of a sound, or remove it if the value is None.

    Replaces the file as a whole, or the target if `path` is a link. lock: `Home.overrides_lock`, held from the read to
    the write, so that no concurrent change is lost. Raises OverridesError like `read_overrides`, and leaves the file as
    it is.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        kept = read_overrides(path, column, allowed).filter(pl.col("sound_id") != sound_id).drop("place").rows()
        rows = kept if value is None else [*kept, (sound_id, value, _one_line(why))]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["sound_id", column, "why"])
        writer.writerows(sorted(rows))
        with written_whole(Path(os.path.realpath(path))) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8")


def _one_line(why: str) -> str:
    """Return a reason from the command line as one line. Surrogates, for bytes that are not UTF-8, become U+FFFD."""
    return " ".join(why.encode("utf-8", "surrogateescape").decode("utf-8", "replace").split())
