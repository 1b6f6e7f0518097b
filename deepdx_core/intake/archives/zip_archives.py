"""zip archives, by `zipfile`."""

import io
import re
import stat
import struct
import zipfile
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import cast

from deepdx_core.intake import limits
from deepdx_core.intake.archives.checks import (
    CHUNK,
    check_path,
    check_type,
    contents_of,
    describe_damage,
    read_to_end,
)
from deepdx_core.intake.archives.zip_local_headers import read_local_headers
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

_HEADER_SIZE = 30  # bytes before a member's name
_DIRECTORY_ENTRY = b"PK\x01\x02"
# The second byte of the flags, in a member's header and in its directory entry.
_UTF8_FLAG = re.compile(rb"(PK\x03\x04.{3}|PK\x01\x02.{5})(.)", re.DOTALL)


def read_zip(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the members of a zip archive."""
    # zipfile builds an object for each directory entry before it returns the first.
    if data.count(_DIRECTORY_ENTRY) > budget.members:
        raise RefusedError(f"more than {limits.MAX_MEMBERS:,} members, not read")
    try:
        archive = zipfile.ZipFile(_BoundedBytes(data))
    except UnicodeDecodeError:
        # One name wrongly flagged as UTF-8 would lose all members; without the flag, names are code page 437.
        archive = zipfile.ZipFile(_BoundedBytes(_UTF8_FLAG.sub(lambda m: m[1] + bytes([m[2][0] & ~8]), data)))
    except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError) as error:
        yield from read_local_headers(data, budget)
        reason = describe_damage("zip archive", error)
        raise RefusedError(f"{reason}; members were read without its directory") from error
    with archive:
        overlapping = _find_overlapping(archive.infolist())
        for info in archive.infolist():
            budget.count_member()
            if info.filename.endswith("/"):
                continue
            if info in overlapping:
                yield Content(info.filename, refused="shares its bytes with another member")
            else:
                yield from contents_of(info.filename, partial(_read_member, archive, info, budget))


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    check_path(info.filename)
    check_type(stat.S_ISLNK(info.external_attr >> 16))
    if info.flag_bits & 1:
        raise RefusedError("encrypted")
    budget.charge(0)
    try:
        stream = archive.open(info)
    except Exception as error:
        raise RefusedError(describe_damage("in the archive", error)) from error
    with stream:
        return read_to_end(cast(zipfile.ZipExtFile, stream).read1, budget)


def _find_overlapping(members: list[zipfile.ZipInfo]) -> set[zipfile.ZipInfo]:
    """Return the members that, by their directory entries, extend beyond the start of the next one."""
    in_order = sorted(members, key=lambda info: info.header_offset)
    return {
        info
        for info, following in pairwise(in_order)
        if info.header_offset + _HEADER_SIZE + info.compress_size > following.header_offset
    }


class _BoundedBytes(io.BytesIO):
    """The bytes of a zip archive. Allows reading them about twice in total, and MAX_METADATA bytes at a time.

    zipfile reads the directory in one piece. Members that share bytes would unpack them once each.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = 2 * len(data) + CHUNK

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > limits.MAX_METADATA:
            raise RefusedError(f"a directory of more than {limits.MAX_METADATA // 2**20} MiB")
        piece = super().read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise RefusedError("members that share their bytes, the rest is not read")
        return piece
