"""Checks of an archive's members, shared by all kinds."""

from collections.abc import Callable, Iterator

from deepdx_core.display import printable
from deepdx_core.intake import limits
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

CHUNK = 2**20
"""Bytes to unpack at a time."""


def normalize_slashes(name: str) -> str:
    """Return a member's path with forward slashes."""
    return name.replace("\\", "/")


def check_path(name: str) -> None:
    """Raise RefusedError if a member's path leads out of the archive."""
    path = normalize_slashes(name)
    if path.startswith("/") or ".." in path.split("/") or name[1:2] == ":":
        raise RefusedError("its path leads out of the archive")


def check_type(symbolic: bool, hard: bool = False, regular: bool = True) -> None:
    """Raise RefusedError for a symbolic link, a hard link, and anything else that is not a regular file."""
    if symbolic:
        raise RefusedError("symbolic link, not followed")
    if hard:
        raise RefusedError("hard link, not followed")
    if not regular:
        raise RefusedError("not a regular file")


def size_error() -> RefusedError:
    """Return the error for a member of more than MAX_FILE bytes."""
    return RefusedError(f"unpacks to more than {limits.MAX_FILE // 2**20} MiB")


class DamagedError(RefusedError):
    """A member is damaged. `data` are the bytes before the damage."""

    def __init__(self, reason: str, data: bytes) -> None:
        super().__init__(reason)
        self.data = data


def read_to_end(read: Callable[[int], bytes], budget: Budget) -> bytes:
    """Return the bytes of a member, charged to the budget.

    Raises RefusedError beyond MAX_FILE or the budget, and DamagedError after any error of a decoder.
    """
    pieces: list[bytes] = []
    size = 0
    while True:
        try:
            piece = read(CHUNK)
        except RefusedError:
            raise
        # zlib.error, lzma.LZMAError, EOFError, ...: every decoder fails in its own way.
        except Exception as error:
            raise DamagedError(describe_damage("in the archive", error), b"".join(pieces)) from error
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > limits.MAX_FILE:
            raise size_error()
        budget.charge(len(piece))
        pieces.append(piece)


def contents_of(member: str, read: Callable[[], bytes]) -> Iterator[Content]:
    """Yield the member that `read` returns, or the reason for refusing it; both if its first bytes are whole."""
    try:
        yield Content(member, read())
    except DamagedError as error:
        if error.data:
            yield Content(member, error.data)
            yield Content(f"{member} (rest)", refused=str(error))
        else:
            yield Content(member, refused=str(error))
    except RefusedError as error:
        yield Content(member, refused=str(error))


def describe_damage(what: str, error: Exception) -> str:
    """Return the reason for refusing a damaged archive or member."""
    # An error of libarchive has its message in `msg`; its text contains pointers.
    message = str(getattr(error, "msg", error) or type(error).__name__)
    return f"damaged {what}: {printable(message)}"
