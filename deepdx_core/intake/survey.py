"""The survey of an inbox: a row for every path in it, and every stretch of every distinct file."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import polars as pl

from deepdx_core.codec.reader import read
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import STAGING
from deepdx_core.intake import contents
from deepdx_core.intake.archives import archive_members, can_be_read_later
from deepdx_core.intake.contents import RefusedError, archive_kind, read_file
from deepdx_core.progress import Report, silent
from deepdx_core.tables.decoding import Dumps, RawFiles

Row = dict[str, Any]
_BATCH = 2**14  # rows

READER_VERSION = 1
"""Of what is read of contents, here and in the codec; what another version found is not taken over.

To be raised with each change of it: of what is taken for voices, of the limits, of the words of a reason.
"""

SURVEYED_BY = f"reader {READER_VERSION}"


@dataclass(frozen=True)
class Survey:
    """What an inbox holds: the tables `raw_files` and `dumps`."""

    raw_files: pl.DataFrame
    dumps: pl.DataFrame


NOTHING_KNOWN = Survey(RawFiles.create_empty(), Dumps.create_empty())


def place(row: Mapping[str, object]) -> str:
    """Where a row of `raw_files`, or one with its `path` and `member`, says that something is, as people read it."""
    return str(row["path"]) if row["member"] is None else f"{row['path']}: {row['member']}"


class InboxError(DeepDXError):
    """The inbox itself cannot be listed; the message names it and the reason."""


def inbox_files(inbox: Path) -> list[Path]:
    """Every path below a folder but those of folders that can be listed, sorted. Links are listed, never followed.

    Among them are folders that cannot be listed, of which `read_file` says why, and `inbox` itself where it is such.
    Folders in which files are on their way (`files.STAGING`) are passed over; so is a folder that is not there.
    """
    found: list[str] = []
    folders = [os.fspath(inbox)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        found.append(entry.path)
                    elif not fnmatchcase(entry.name, STAGING):
                        folders.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:
            found.append(folder)
    return sorted(map(Path, found))


def survey(inbox: Path, known: Survey = NOTHING_KNOWN, report: Report = silent) -> Survey:
    """Look at every file in `inbox`. Contents that `known` holds already, by SHA-256, are not read again.

    The result depends on the inbox alone, not on what was known. A file that cannot be read gets a row that says why.
    Raises InboxError where the inbox itself cannot be listed.
    """
    files = inbox_files(inbox)
    if inbox in files:
        try:
            read_file(inbox)
        except RefusedError as error:
            raise InboxError(f"{printable(str(inbox))}: {error}") from error
        raise InboxError(f"{printable(str(inbox))}: not a folder")
    surveyor = Surveyor(known)
    for done, path in enumerate(files):
        report(f"reading {printable(path.name)}", done, len(files))
        surveyor.look_at(path, printable(path.relative_to(inbox).as_posix()))
    return surveyor.result()


class Surveyor:
    """Looks at files one by one and keeps what it finds."""

    def __init__(self, known: Survey = NOTHING_KNOWN) -> None:
        self._known_dumps = known.dumps
        self._files: list[Row] = []
        self._dumps: list[Row] = []
        self._batches: list[pl.DataFrame] = []
        self._stretches: dict[str, int] = dict(known.dumps.group_by("sha256").len().iter_rows())
        # An archive or an empty file has no dumps. Any other content without dumps is left of a survey that was
        # interrupted between its two tables, and must be read again.
        with_dumps = pl.col("sha256").is_in(known.dumps["sha256"].implode()) | (pl.col("size") == 0)
        usable = known.raw_files.filter(with_dumps | (pl.col("status") == "archive"))
        self._contents: dict[str, Row] = {
            row.pop("sha256"): row
            for row in usable.select("sha256", "status", "taken_for", "voices", "reason").iter_rows(named=True)
        }
        self._members = self._known_members(known.raw_files)

    def _known_members(self, raw_files: pl.DataFrame) -> dict[str, list[Row]]:
        """Rows of the members of each archive, by the archive's SHA-256, where all of them are known."""
        archives = raw_files.filter(pl.col("member").is_null(), pl.col("status") == "archive")
        members: dict[str, list[Row]] = {sha256: [] for sha256 in archives["sha256"]}
        archive_at: dict[str, str] = {}
        for path, sha256 in archives.select("path", "sha256").unique("sha256", keep="first").iter_rows():
            archive_at[path] = sha256
        for row in raw_files.filter(pl.col("member").is_not_null()).iter_rows(named=True):
            if archive := archive_at.get(row["path"]):
                refused = row["status"] == "refused" and not can_be_read_later(row["reason"])
                if refused or row["sha256"] in self._contents:
                    members[archive].append(row)
                else:
                    del members[archive], archive_at[row["path"]]
        return members

    def look_at(self, path: Path, shown: str) -> None:
        """Look at a file that the tables shall call `shown`."""
        try:
            data = read_file(path)
        except RefusedError as error:
            self.refuse(shown, str(error))
            return
        sha256 = self._content(shown, None, data)
        if self._contents[sha256]["status"] == "archive":
            self._look_inside(shown, sha256, data)

    def _look_inside(self, path: str, sha256: str, data: bytes) -> None:
        if sha256 not in self._members:
            first = len(self._files)
            seen: set[str] = set()
            stretches = 0
            for content in archive_members(data):
                if content.refused:
                    self.refuse(path, content.refused, content.member)
                elif stretches > contents.MAX_STRETCHES:
                    more = f"more than {contents.MAX_STRETCHES:,} stretches in the archive"
                    self.refuse(path, f"{more}: this member and the rest are not read", content.member)
                    break
                else:
                    member = self._content(path, content.member, content.data)
                    stretches += 0 if member in seen else self._stretches.get(member, 0)
                    seen.add(member)
            self._members[sha256] = self._files[first:]
        else:
            self._files += [row | {"path": path} for row in self._members[sha256]]

    def refuse(self, path: str, reason: str, member: str | None = None) -> None:
        """Keep a row of a path that is not looked at, with the reason."""
        self._files.append({"path": path, "member": member, "status": "refused", "voices": 0, "reason": reason})

    def _content(self, path: str, member: str | None, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self._contents:
            self._contents[sha256] = self._read(sha256, data)
        place = {"path": path, "member": member, "size": len(data), "sha256": sha256}
        self._files.append(place | self._contents[sha256])
        return sha256

    def _read(self, sha256: str, data: bytes) -> Row:
        if kind := archive_kind(data):
            return {"status": "archive", "taken_for": f"{kind} archive", "voices": 0, "reason": None}
        reading = read(data)
        self._stretches[sha256] = len(reading.segments)
        for segment in reading.segments:
            self._dumps.append(
                {
                    "sha256": sha256,
                    "offset": segment.offset,
                    "length": segment.length,
                    "kind": segment.kind.value,
                    "what": segment.what,
                    "note": segment.note or None,
                    "format": segment.format.value if segment.format else None,
                    "channel": segment.channel,
                    "checksum": segment.checksum.value if segment.checksum else None,
                    "voices": segment.voices,
                    "payload": segment.payload or None,
                }
            )
            if len(self._dumps) == _BATCH:
                self._keep_dumps()
        return {
            "status": "voices" if reading.voices else "no voices",
            "taken_for": reading.taken_for,
            "voices": reading.voices,
            "reason": reading.reason or None,
        }

    def _keep_dumps(self) -> None:
        """Rows as Python has them take ten times what they take in a table."""
        self._batches.append(pl.DataFrame(self._dumps, schema=NOTHING_KNOWN.dumps.schema))
        self._dumps = []

    def result(self, ordered: bool = True) -> Survey:
        """The tables of all that was looked at, sorted by their keys, or the files as they were looked at."""
        raw_files = pl.DataFrame(self._files, schema=NOTHING_KNOWN.raw_files.schema)
        self._keep_dumps()
        new = pl.concat(self._batches)
        # A content that was read again replaces what was known; a file that went away takes its dumps with it.
        known = self._known_dumps.join(new, on="sha256", how="anti")
        present = pl.concat([known, new]).join(raw_files, on="sha256", how="semi")
        return Survey(raw_files.sort("path", "member") if ordered else raw_files, present.sort("sha256", "offset"))
