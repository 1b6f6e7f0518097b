"""Errors as messages: one line for the user with the path and the reason, and no traceback."""

import errno
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from deepdx_core.display import printable, printable_lines, shown
from deepdx_core.errors import DeepDXError
from deepdx_core.files import OutputError
from deepdx_core.home import find_home

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

# As the operating system, polars, DuckDB and SQLite word it.
_FULL_DISK = re.compile(r"\[Errno (28|122)\]|os error (28|122)\b|No space left on device|database or disk is full")
# Dagster puts the type of an error before its message. The messages of these types are for the user.
_TYPE_PREFIX = re.compile(r"(deepdx_\w+[\w.]*|dagster\.[\w.]+\.Failure): ")


def error_message(error: Exception) -> str | None:
    """Return the message for an error, or None for a bug in this program, which needs its traceback."""
    if isinstance(error, OutputError):  # its disk need not be that of the home folder
        return printable_lines(str(error))
    if any(map(_is_full_disk, _chain(error))):
        return _full_disk_message()
    match error:
        case DeepDXError():
            return printable_lines(str(error))
        case OSError():
            return _system_error_message(error)
        case RecursionError():
            return "the input is nested too deeply"
        case MemoryError():
            return "not enough memory"
        case UnicodeEncodeError():
            return f"{shown(error.object)}: not UTF-8"
        case _:
            return None


def step_error_message(error: "SerializableErrorInfo") -> str:
    """Return the message for an error that made a step of a run fail.

    It is the message of the first error below Dagster's wrappers, not that of its causes: it was raised from them to
    name the file and the reason. A full disk anywhere in the chain comes first.
    """
    raised = error
    while raised.cause and raised.cls_name and raised.cls_name.startswith("Dagster"):
        raised = raised.cause
    link: SerializableErrorInfo | None = raised
    while link:
        if _FULL_DISK.search(link.message):
            return _full_disk_message()
        link = link.cause or link.context
    return printable_lines(_TYPE_PREFIX.sub("", raised.message.strip(), count=1))


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _is_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return _FULL_DISK.search(str(error)) is not None


def _full_disk_message() -> str:
    place = printable(str(find_home().root))
    return f"no space left on the disk that holds {place}; nothing is lost, run again once there is room"


def _system_error_message(error: OSError) -> str:
    reason = printable_lines(error.strerror or str(error) or type(error).__name__)
    names = [name for name in (error.filename, error.filename2) if name is not None]
    if not names:
        return f"{reason} (home folder {printable(str(find_home().root))})"
    paths = (name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name) for name in names)
    return f"{' to '.join(map(printable, paths))}: {reason}"
