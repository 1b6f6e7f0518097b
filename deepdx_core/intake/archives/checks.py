"""Checks of an archive's members, shared by all kinds."""

from collections.abc import Callable
from pathlib import PurePosixPath

from deepdx_core.display import printable
from deepdx_core.intake import limits
from deepdx_core.intake.contents import RefusedError
from deepdx_core.intake.limits import Budget

CHUNK = 2**20
"""Bytes to unpack at a time."""


def normalize_slashes(name: str) -> str:
    """Return a member's path with forward slashes."""
    return name.replace("\\", "/")


def check_path(name: str) -> None:
    """Raise RefusedError if a member's path leads out of the archive."""
    path = PurePosixPath(normalize_slashes(name))
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
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


def read_to_end(read: Callable[[int], bytes], budget: Budget) -> bytes:
    """Return the bytes of a member, charged to the budget. Raises RefusedError beyond MAX_FILE or the budget."""
    pieces: list[bytes] = []
    size = 0
    while piece := read(CHUNK):
        size += len(piece)
        if size > limits.MAX_FILE:
            raise size_error()
        budget.charge(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def describe_damage(what: str, error: Exception) -> str:
    """Return the reason for refusing a damaged archive or member."""
    # An error of libarchive has its message in `msg`; its text contains pointers.
    message = str(getattr(error, "msg", error) or type(error).__name__)
    return f"damaged {what}: {printable(message)}"
