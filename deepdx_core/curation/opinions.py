"""What the user says of a voice, kept in a CSV file of theirs: it counts over every rule and outlives every run."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import written_whole

_SOUND_ID = re.compile(r"[0-9a-f]{20}")


class OpinionsError(DeepDXError):
    """The file cannot be taken; the message names the file, the line and the reason."""


def read_opinions(path: Path, column: str, allowed: Sequence[str]) -> pl.DataFrame:
    """What stands in a file of opinions: `sound_id`, the column (one of the values allowed) and `why`, by sound_id.

    No file is no opinions. Raises OpinionsError for a file of another kind, for a sound named twice and other slips.
    """
    header = ["sound_id", column, "why"]
    rows: dict[str, list[str]] = {}
    if path.is_file():
        try:
            reader = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig")), strict=True)
            found = next(reader, [])
            if found != header:
                raise OpinionsError(f"{path}: the first line must be {','.join(header)}")
            for row in reader:
                if row:
                    _take(row, rows, allowed, f"{path}: line {reader.line_num}")
        except (csv.Error, UnicodeDecodeError) as error:
            raise OpinionsError(f"{path}: {error}") from error
    return pl.DataFrame(sorted(rows.values()), schema=dict.fromkeys(header, pl.String), orient="row")


def _take(row: list[str], rows: dict[str, list[str]], allowed: Sequence[str], place: str) -> None:
    if len(row) != 3:
        raise OpinionsError(f"{place}: {len(row)} fields in place of 3")
    sound_id, value, _ = row
    if not _SOUND_ID.fullmatch(sound_id):
        raise OpinionsError(f"{place}: {printable(sound_id)!r} is no sound_id")
    if value not in allowed:
        raise OpinionsError(f"{place}: {printable(value)!r} is none of {', '.join(allowed)}")
    if sound_id in rows:
        raise OpinionsError(f"{place}: {sound_id} is there already")
    rows[sound_id] = row


def write_opinion(path: Path, column: str, allowed: Sequence[str], sound_id: str, value: str | None, why: str) -> None:
    """Put an opinion of a sound in place of any that was there; None takes it back. The file is written whole."""
    others = read_opinions(path, column, allowed).filter(pl.col("sound_id") != sound_id).rows()
    rows = others if value is None else [*others, (sound_id, value, " ".join(why.split()))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sound_id", column, "why"])
    writer.writerows(sorted(rows))
    with written_whole(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
