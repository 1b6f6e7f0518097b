"""The survey of an inbox: a row for every path, and for every segment and message of every distinct file."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import polars as pl

from deepdx_core.codec.reader import read
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.intake import limits
from deepdx_core.intake.archives.kinds import read_archive, recognize_archive
from deepdx_core.intake.archives.libarchive_formats import is_readable_once_installed
from deepdx_core.intake.contents import RefusedError
from deepdx_core.intake.inbox_index import InboxIndex, file_status
from deepdx_core.intake.local_files import find_files, read_file, read_named
from deepdx_core.progress import Report, silent
from deepdx_core.synths.messages import Message, read_messages
from deepdx_core.tables.decoding import Dumps, RawFiles
from deepdx_core.tables.synths import SynthMessages
from deepdx_core.versions import READER_VERSION

Row = dict[str, Any]
EachContent = Callable[[str, str | None, str, bytes, list[Message]], None]
_BATCH = 2**14  # rows

SURVEYED_BY = f"reader {READER_VERSION}"


@dataclass(frozen=True)
class Survey:
    """Contents of an inbox: the tables `raw_files`, `dumps` and `synth_messages`, and the index of the files read."""

    raw_files: pl.DataFrame
    dumps: pl.DataFrame
    messages: pl.DataFrame = field(default_factory=SynthMessages.create_empty)
    index: InboxIndex = field(default_factory=InboxIndex)


EMPTY_SURVEY = Survey(RawFiles.create_empty(), Dumps.create_empty())


def format_location(row: Mapping[str, object]) -> str:
    """Return the path and member of a row of `raw_files`, or of any row with these columns, for messages."""
    return str(row["path"]) if row["member"] is None else f"{row['path']}: {row['member']}"


class InboxError(DeepDXError):
    """The inbox itself cannot be listed. The message names it and the reason."""


def survey(inbox: Path, previous: Survey = EMPTY_SURVEY, report: Report = silent) -> Survey:
    """Read the files in `inbox`, except those that are unchanged by the index of `previous`.

    Contents in `previous`, by SHA-256, are not recognized again. The tables depend on the inbox alone, not on
    `previous`. A file that cannot be read gets a row with the reason.
    Raises InboxError if the inbox itself cannot be listed.
    """
    files = find_files(inbox)
    if inbox in files:
        try:
            read_file(inbox)
        except RefusedError as error:
            raise InboxError(f"{printable(str(inbox))}: {error}") from error
        raise InboxError(f"{printable(str(inbox))}: not a folder")
    surveyor, index = Surveyor(previous), InboxIndex()
    for done, path in enumerate(files):
        report(f"reading {printable(path.name)}", done, len(files))
        relative = path.relative_to(inbox)
        shown, began, status = printable(relative.as_posix()), time.time_ns(), file_status(path)
        sha256 = previous.index.known_content(relative, status)
        if status is None or sha256 is None or not surveyor.add_known(shown, sha256, status.size):
            sha256 = surveyor.add_file(path, shown)
        if status is not None and surveyor.is_settled(sha256) and status == file_status(path):
            index.add(relative, status, sha256, began)
    return surveyor.result(index=index)


def is_unchanged(inbox: Path, index: InboxIndex) -> bool:
    """Return True if an inbox has the files of an index, of the same status, and no others."""
    files = find_files(inbox)
    return len(files) == len(index.entries) and all(
        index.known_content(path.relative_to(inbox), file_status(path)) for path in files
    )


class Surveyor:
    """Reads files one by one and collects their rows.

    each: called with the path, member, SHA-256, bytes and messages of every content that is read, except archives.
    """

    def __init__(self, previous: Survey = EMPTY_SURVEY, each: EachContent | None = None) -> None:
        self._previous_dumps = previous.dumps
        self._each = each
        self._files: list[Row] = []
        self._dumps = _Rows(previous.dumps)
        self._messages = _Rows(previous.messages)
        parts = pl.concat([previous.dumps.select("sha256"), previous.messages.select("sha256")])
        self._part_counts: dict[str, int] = dict(parts.group_by("sha256").len().iter_rows())
        # Archives and empty files have no dumps. Any other content without dumps comes from a survey that was
        # interrupted between writing its two tables, and must be read again.
        with_dumps = pl.col("sha256").is_in(previous.dumps["sha256"].implode()) | (pl.col("size") == 0)
        usable = previous.raw_files.filter(with_dumps | (pl.col("status") == "archive"))
        self._contents: dict[str, Row] = {
            row.pop("sha256"): row
            for row in usable.select("sha256", "status", "taken_for", "voices", "reason").iter_rows(named=True)
        }
        self._members = self._find_known_members(previous.raw_files)

    def _find_known_members(self, raw_files: pl.DataFrame) -> dict[str, list[Row]]:
        """Return the members' rows of each archive whose members are all known, by the archive's SHA-256."""
        archives = raw_files.filter(pl.col("member").is_null(), pl.col("status") == "archive")
        members: dict[str, list[Row]] = {sha256: [] for sha256 in archives["sha256"]}
        archive_at: dict[str, str] = {}
        for path, sha256 in archives.select("path", "sha256").unique("sha256", keep="first").iter_rows():
            archive_at[path] = sha256
        for row in raw_files.filter(pl.col("member").is_not_null()).iter_rows(named=True):
            if archive := archive_at.get(row["path"]):
                refused = row["status"] == "refused" and not is_readable_once_installed(row["reason"])
                if refused or row["sha256"] in self._contents:
                    members[archive].append(row)
                else:
                    del members[archive], archive_at[row["path"]]
        return members

    def is_settled(self, sha256: str | None) -> TypeGuard[str]:
        """Return True if a content was read, and more cannot be read of it once a library is installed."""
        return sha256 is not None and not any(
            is_readable_once_installed(row.get("reason")) for row in self._members.get(sha256, ())
        )

    def add_known(self, display_path: str, sha256: str, size: int) -> bool:
        """Add a file by its content, with the members of an archive. Return False if the content has to be read."""
        content = self._contents.get(sha256)
        if content is None or (content["status"] == "archive" and sha256 not in self._members):
            return False
        self._files.append({"path": display_path, "member": None, "size": size, "sha256": sha256} | content)
        self._files += [row | {"path": display_path} for row in self._members.get(sha256, [])]
        return True

    def add_file(self, path: Path, display_path: str, *, named: bool = False) -> str | None:
        """Read a file, and the members of an archive. Return its SHA-256, None if it is refused.

        display_path: goes into the tables. named: by a user, see `read_named`.
        """
        try:
            data = read_named(path) if named else read_file(path)
        except RefusedError as error:
            self.add_refused(display_path, str(error))
            return None
        sha256 = self._add_content(display_path, None, data)
        if self._contents[sha256]["status"] == "archive":
            self._add_members(display_path, sha256, data)
        return sha256

    def _add_members(self, path: str, sha256: str, data: bytes) -> None:
        if sha256 not in self._members:
            first = len(self._files)
            seen: set[str] = set()
            parts = 0
            for content in read_archive(data):
                if content.refused:
                    self.add_refused(path, content.refused, content.member)
                elif parts > limits.MAX_ARCHIVE_SEGMENTS:
                    more = f"more than {limits.MAX_ARCHIVE_SEGMENTS:,} stretches in the archive"
                    self.add_refused(path, f"{more}: this member and the rest are not read", content.member)
                    break
                else:
                    member = self._add_content(path, content.member, content.data)
                    parts += 0 if member in seen else self._part_counts.get(member, 0)
                    seen.add(member)
            self._members[sha256] = self._files[first:]
        else:
            self._files += [row | {"path": path} for row in self._members[sha256]]

    def add_refused(self, path: str, reason: str, member: str | None = None) -> None:
        """Add a row for a path that is not read, with the reason."""
        self._files.append({"path": path, "member": member, "status": "refused", "voices": 0, "reason": reason})

    def _add_content(self, path: str, member: str | None, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in self._contents:
            self._contents[sha256] = self._read_content(path, member, sha256, data)
        location = {"path": path, "member": member, "size": len(data), "sha256": sha256}
        self._files.append(location | self._contents[sha256])
        return sha256

    def _read_content(self, path: str, member: str | None, sha256: str, data: bytes) -> Row:
        if kind := recognize_archive(data):
            return {"status": "archive", "taken_for": f"{kind.name} archive", "voices": 0, "reason": None}
        reading, messages = read(data), read_messages(data)
        self._part_counts[sha256] = len(reading.segments) + len(messages)
        if self._each is not None:
            self._each(path, member, sha256, data, messages)
        for message in messages:
            self._messages.append(
                {
                    "sha256": sha256,
                    "offset": message.offset,
                    "length": message.length,
                    "kind": message.kind.id,
                    "synth": message.kind.synth,
                    "what": message.kind.what,
                    "findings": list(message.findings),
                    "voices": len(message.records) if message.kind.voices else 0,
                    "payload": data[message.offset : message.offset + message.length],
                }
            )
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
        return {
            "status": "voices" if reading.voices else "no voices",
            "taken_for": reading.taken_for,
            "voices": reading.voices,
            "reason": reading.reason or None,
        }

    def result(self, ordered: bool = True, index: InboxIndex | None = None) -> Survey:
        """Return the tables of all files added.

        ordered: sort `raw_files` by its key; otherwise keep the order in which files were added.
        """
        raw_files = pl.DataFrame(self._files, schema=EMPTY_SURVEY.raw_files.schema)
        ordered_files = raw_files.sort("path", "member") if ordered else raw_files
        return Survey(
            ordered_files, self._dumps.of_files(raw_files), self._messages.of_files(raw_files), index or InboxIndex()
        )


class _Rows:
    """Rows about stretches of distinct contents, collected beside those of the previous survey."""

    def __init__(self, previous: pl.DataFrame) -> None:
        self._previous = previous
        self._rows: list[Row] = []
        self._batches: list[pl.DataFrame] = []

    def append(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        """Move the collected rows to a data frame, which takes a tenth of the memory of Python objects."""
        self._batches.append(pl.DataFrame(self._rows, schema=self._previous.schema))
        self._rows = []

    def of_files(self, raw_files: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of all contents in `raw_files`; new ones of a content replace previous ones."""
        self._flush()
        new = pl.concat(self._batches)
        known = self._previous.join(new, on="sha256", how="anti")
        return pl.concat([known, new]).join(raw_files, on="sha256", how="semi").sort("sha256", "offset")
