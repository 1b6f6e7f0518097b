"""tar archives, by `tarfile`."""

import io
import re
import tarfile
from collections.abc import Iterator
from functools import partial

from deepdx_core.intake import limits
from deepdx_core.intake.archives.checks import CHUNK, DamagedError, check_path, check_type, contents_of, size_error
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

_MAX_GLOBAL_HEADERS = 1000  # tarfile copies them for every member
# tarfile's search in such headers takes quadratic time in a row of digits.
_MANY_DIGITS = re.compile(rb"\d{64}")


def is_tar(head: bytes) -> bool:
    """Return True for the first block of a tar archive, by the checksum of its header.

    The magic "ustar" would not do: it is at byte 257, where a bank has the last letters of its second voice's name, and
    older archives lack it.
    """
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def read_tar(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the members of a tar archive."""
    return read_tar_stream(ForwardStream(io.BytesIO(data), budget), budget)


class ForwardStream(io.RawIOBase):
    """A stream that is read forward only. Charges every byte to the budget.

    Keeps hostile headers from sending tarfile backwards forever, and from making it hold gigabytes of headers.
    """

    def __init__(self, stream: io.BufferedIOBase, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._position = 0
        self._metadata = limits.MAX_METADATA
        self._damage: Exception | None = None
        self.last = b""
        """The bytes that were read last."""

    def read(self, size: int = -1) -> bytes:
        """Return bytes of headers and their extensions: tarfile reads nothing else."""
        if size > tarfile.BLOCKSIZE:
            self._metadata -= size
        if size > CHUNK or self._metadata < 0:
            raise tarfile.ReadError("headers of too many bytes")
        data = self.read_data(size)
        if size > tarfile.BLOCKSIZE and _MANY_DIGITS.search(data):
            raise tarfile.ReadError("a header of digits")
        return data

    def read_data(self, size: int) -> bytes:
        """Return the next bytes, MAX_FILE at most; fewer where the stream ends or is damaged."""
        if not 0 <= size <= limits.MAX_FILE:
            raise size_error()
        pieces: list[bytes] = []
        left = size
        while left:
            try:
                if self._damage:
                    raise self._damage
                piece = self._stream.read1(left)
            # Every decoder fails in its own way. The bytes before the damage come first, then the error.
            except Exception as error:
                self._damage = error
                if not pieces:
                    raise
                break
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        self.last = b"".join(pieces)
        self._budget.charge(len(self.last))
        self._position += len(self.last)
        return self.last

    def tell(self) -> int:
        """Return the number of bytes read so far."""
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """Read up to a position. Raises tarfile.ReadError if it is already past."""
        if position < self._position:
            raise tarfile.ReadError("a header points backwards")
        while (ahead := position - self._position) and self.read_data(min(ahead, CHUNK)):
            pass
        return self._position


def read_tar_stream(stream: ForwardStream, budget: Budget) -> Iterator[Content]:
    """Yield the members of a tar archive at the start of a stream."""
    with tarfile.TarFile(fileobj=stream, errors="surrogateescape") as archive:
        while info := archive.next():
            budget.count_member()
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep all of them, with their headers
            if len(archive.pax_headers) > _MAX_GLOBAL_HEADERS:
                raise tarfile.ReadError("too many global headers")
            if info.isdir():
                continue
            yield from contents_of(info.name, partial(_read_member, stream, info))
    if stream.last != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("broken off, or a bad header")


def _read_member(stream: ForwardStream, info: tarfile.TarInfo) -> bytes:
    check_path(info.name)
    check_type(info.issym(), info.islnk(), info.isreg())
    if info.issparse():
        raise RefusedError("sparse file, not read")
    data = stream.read_data(info.size)
    if len(data) < info.size:
        raise DamagedError("damaged in the archive: broken off", data)
    return data
