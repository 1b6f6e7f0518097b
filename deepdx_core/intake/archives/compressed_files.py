"""Single compressed files (gzip, bzip2, xz), and tar archives in them."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator

from deepdx_core.intake.archives.checks import CHUNK, DamagedError, read_to_end
from deepdx_core.intake.archives.tar_archives import ForwardStream, is_tar, read_tar_stream
from deepdx_core.intake.contents import Content
from deepdx_core.intake.limits import Budget


def read_gzip(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the members of a gzipped tar archive, or the one file `unpacked`."""
    return _read_members(lambda: gzip.GzipFile(fileobj=io.BytesIO(data)), budget)


def read_bzip2(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the members of a tar archive in a bzip2 file, or the one file `unpacked`."""
    return _read_members(lambda: bz2.BZ2File(io.BytesIO(data)), budget)


def read_xz(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the members of a tar archive in an xz file, or the one file `unpacked`."""
    return _read_members(lambda: lzma.LZMAFile(io.BytesIO(data)), budget)


def _read_members(unpack: Callable[[], io.BufferedIOBase], budget: Budget) -> Iterator[Content]:
    with unpack() as stream:
        head = _read_head(stream)
    with unpack() as stream:
        if is_tar(head):
            tar = ForwardStream(stream, budget)
            yield from read_tar_stream(tar, budget)
            # tarfile stops before the end of the stream, where the checksum is.
            while tar.read_data(CHUNK):
                pass
        else:
            budget.count_member()
            try:
                yield Content("unpacked", read_to_end(stream.read1, budget))
            except DamagedError as error:
                if error.data:
                    yield Content("unpacked", error.data)
                raise


def _read_head(stream: io.BufferedIOBase) -> bytes:
    """Return the first bytes of a stream, or those before its damage."""
    head = b""
    try:
        while len(head) < tarfile.BLOCKSIZE and (piece := stream.read1(tarfile.BLOCKSIZE - len(head))):
            head += piece
    # As in `read_to_end`; the damage is reported once the whole stream is read.
    except Exception:
        return head
    return head
