"""zip archives whose directory is missing or damaged: members are found by their own headers.

zipfile needs the directory, and no other library reads members of any damaged archive. Source: PKWARE's APPNOTE, 4.3.7.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import partial

from deepdx_core.intake import limits
from deepdx_core.intake.archives.checks import CHUNK, DamagedError, check_path, contents_of, size_error
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

_HEADER = struct.Struct("<4xHHHHHIIIHH")
_MEMBER, _SIGNATURES = b"PK\x03\x04", (b"PK\x03\x04", b"PK\x07\x08", b"PK\x01\x02", b"PK\x05\x06")
_ENCRYPTED, _SIZE_AFTER, _UTF8 = 1, 8, 0x800  # flags
_STORED, _DEFLATED = 0, 8


def read_local_headers(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the members of a zip archive without the help of its directory."""
    archive = _Archive(data, budget)
    at = data.find(_MEMBER)
    while at >= 0 and at + _HEADER.size <= len(data):
        budget.count_member()
        archive.end = at + len(_MEMBER)
        name, read = archive.open(at)
        if not name.endswith("/"):
            yield from contents_of(name, read)
        at = data.find(_MEMBER, archive.end)


class _Archive:
    """The bytes of an archive. `end` is the end of the member that was read last."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        self._data = data
        self._budget = budget
        # A member that is damaged may lead past the next one. All of them together read the archive about twice.
        self._left = 2 * len(data) + CHUNK
        self.end = 0

    def open(self, at: int) -> tuple[str, "partial[bytes]"]:
        """Return the name of the member whose header is at an offset, and a function that reads it."""
        _, flags, method, _, _, checksum, size, _, name_size, extra_size = _HEADER.unpack_from(self._data, at)
        start = at + _HEADER.size
        name = self._data[start : start + name_size].decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        start += name_size + extra_size
        size_known = size > 0 or not flags & _SIZE_AFTER
        return name, partial(self._read, name, start, size if size_known else None, flags, method, checksum)

    def _read(self, name: str, start: int, size: int | None, flags: int, method: int, checksum: int) -> bytes:
        check_path(name)
        if flags & _ENCRYPTED:
            raise RefusedError("encrypted")
        if method == _STORED:
            content = self._read_stored(start, size)
        elif method == _DEFLATED:
            content = self._inflate(start)
        else:
            raise RefusedError(f"compressed by method {method}, which needs the directory")
        if not flags & _SIZE_AFTER and zlib.crc32(content) != checksum:
            raise DamagedError("damaged in the archive: its checksum is wrong", content)
        return content

    def _read_stored(self, start: int, size: int | None) -> bytes:
        if size is None:
            marks = [found for mark in _SIGNATURES if (found := self._data.find(mark, start)) >= 0]
            # One more than there is, as a sign that the member was cut.
            size = min(marks, default=len(self._data) + 1) - start
            self._charge_input(size)
        if size > limits.MAX_FILE:
            raise size_error()
        content = self._data[start : start + size]
        self._budget.charge(len(content))
        self.end = start + len(content)
        if len(content) < size:
            raise DamagedError("damaged in the archive: broken off", content)
        return content

    def _inflate(self, start: int) -> bytes:
        unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        pieces: list[bytes] = []
        unpacked, read = 0, start
        waiting = b""
        while not unpacker.eof:
            if not waiting:
                waiting = self._data[read : read + CHUNK // 16]
                read += len(waiting)
                self._charge_input(len(waiting))
            if not waiting:
                raise DamagedError("damaged in the archive: broken off", b"".join(pieces))
            try:
                piece = unpacker.decompress(waiting, CHUNK)
            except zlib.error as error:
                raise DamagedError(f"damaged in the archive: {error}", b"".join(pieces)) from error
            waiting = unpacker.unconsumed_tail
            unpacked += len(piece)
            if unpacked > limits.MAX_FILE:
                raise size_error()
            self._budget.charge(len(piece))
            pieces.append(piece)
        self.end = read - len(unpacker.unused_data) - len(waiting)
        return b"".join(pieces)

    def _charge_input(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise RefusedError("the archive is damaged in too many places")
