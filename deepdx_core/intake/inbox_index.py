"""The index of an inbox: the status of each file when it was last read, as in git. A file of the same status is not
read again.

A file whose status does not tell whether it changed since, because it changed about when it was read, has no entry.
"""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from deepdx_core.files import read_regular, written_whole

RACY_NS = 2_000_000_000
"""A change within so many nanoseconds may leave the same time: file systems record it in steps of up to 2 s."""

_SCHEMA = {
    "path": pl.Binary,
    **dict.fromkeys(("size", "mtime_ns", "ctime_ns", "inode"), pl.UInt64),
    "sha256": pl.String,
}


class FileStatus(NamedTuple):
    """Attributes by which a change of a file is noticed. `ctime_ns` changes even if size and `mtime_ns` are reset."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def file_status(path: Path) -> FileStatus | None:
    """Return the status of a file, None if it is gone. Links are not followed."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return FileStatus(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass
class InboxIndex:
    """Status and SHA-256 of files by their path in the inbox."""

    entries: dict[bytes, tuple[FileStatus, str]] = field(default_factory=dict)

    def known_content(self, path: Path, status: FileStatus | None) -> str | None:
        """Return the SHA-256 of a file whose status is that of its entry, else None."""
        known, sha256 = self.entries.get(os.fsencode(path), (None, None))
        return sha256 if known is not None and known == status else None

    def add(self, path: Path, status: FileStatus, sha256: str, read_ns: int) -> None:
        """Add a file that had the same status before and after it was read. `read_ns`: when the reading began."""
        if max(status.mtime_ns, status.ctime_ns) < read_ns - RACY_NS:
            self.entries[os.fsencode(path)] = status, sha256

    def write(self, path: Path) -> None:
        """Write the index to a file."""
        rows = [(name, *status, sha256) for name, (status, sha256) in sorted(self.entries.items())]
        with written_whole(path, set_aside=True) as temporary:
            pl.DataFrame(rows, schema=_SCHEMA, orient="row").write_parquet(temporary, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> "InboxIndex":
        """Read an index. It is empty if there is none or it is damaged: every file is then read again."""
        try:
            rows = pl.read_parquet(io.BytesIO(read_regular(path)))
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return cls()
        if rows.schema != pl.Schema(_SCHEMA):
            return cls()
        return cls({row[0]: (FileStatus(*row[1:5]), row[5]) for row in rows.iter_rows()})
