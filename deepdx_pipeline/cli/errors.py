"""How errors are told: what a person needs to act, in one message without a traceback."""

import errno
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from deepdx_core.display import legible, printable, shown
from deepdx_core.errors import DeepDXError
from deepdx_core.home import find_home

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

# As the operating system, polars, DuckDB and SQLite say it.
_FULL_DISK = re.compile(r"\[Errno (28|122)\]|os error (28|122)\b|No space left on device|database or disk is full")
_RAISED_TO_TELL = re.compile(r"(deepdx_\w+[\w.]*|dagster\.[\w.]+\.Failure): ")


def in_words(error: Exception) -> str | None:
    """What an error means to the user; None where it means a fault of this program."""
    if any(map(_means_full_disk, _chain(error))):
        return _full_disk()
    match error:
        case DeepDXError():
            return legible(str(error))
        case OSError():
            return _of_system(error)
        case RecursionError():
            return "what was read is nested too deep"
        case MemoryError():
            return "not enough memory"
        case UnicodeEncodeError():
            return f"{shown(error.object)}: not UTF-8"
        case _:
            return None


def cause_in_words(error: "SerializableErrorInfo") -> str:
    """The one cause to tell of what made a step of a run fail: what was raised to name it, not what that came from."""
    raised = error
    while raised.cause and raised.cls_name and raised.cls_name.startswith("Dagster"):
        raised = raised.cause
    link: SerializableErrorInfo | None = raised
    while link:
        if _FULL_DISK.search(link.message):
            return _full_disk()
        link = link.cause or link.context
    return legible(_RAISED_TO_TELL.sub("", raised.message.strip(), count=1))


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _means_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return _FULL_DISK.search(str(error)) is not None


def _full_disk() -> str:
    place = printable(str(find_home().root))
    return f"no space left on the disk that holds {place}; nothing is lost, run again once there is room"


def _of_system(error: OSError) -> str:
    reason = legible(error.strerror or str(error) or type(error).__name__)
    names = [name for name in (error.filename, error.filename2) if name is not None]
    if not names:
        return f"{reason} (home folder {printable(str(find_home().root))})"
    paths = (name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name) for name in names)
    return f"{' to '.join(map(printable, paths))}: {reason}"
