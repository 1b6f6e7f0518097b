"""Archives of many kinds, and compressed files of some, by libarchive where it is installed."""

import ctypes
import importlib
import logging
import stat
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from deepdx_core.intake import limits
from deepdx_core.intake.archives.checks import (
    DamagedError,
    check_path,
    check_type,
    contents_of,
    describe_damage,
    size_error,
)
from deepdx_core.intake.contents import Content, RefusedError
from deepdx_core.intake.limits import Budget

_BLOCK = 2**16
ISO_DESCRIPTORS = 16 * 2048
"""Offset of the descriptors of an ISO 9660 disk, behind sectors for other systems."""
_INSTALL_HINT = "to read it, install deepdx[archives] and the system's libarchive"


def reader(kind: str, format_name: str) -> Callable[[bytes, Budget], Iterator[Content]]:
    """Return the function that reads the members of a kind of archive, in libarchive's format of that name."""
    return partial(_read_members, kind, format_name, "none")


def unpacker(kind: str) -> Callable[[bytes, Budget], Iterator[Content]]:
    """Return the function that reads the one file `unpacked` in a kind of compressed file, libarchive's filter."""
    return partial(_read_members, kind, "raw", kind)


def read_rar(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the members of a rar archive, by libarchive's reader for version 4 or for version 5."""
    return _read_members("rar", "rar5" if data[6] else "rar", "none", data, budget)


def read_iso_disk(data: bytes, budget: Budget) -> Iterator[Content]:
    """Yield the files of an ISO 9660 disk, or without libarchive its bytes: files are in one piece."""
    try:
        yield from _read_members("ISO 9660", "iso9660", "none", data, budget)
    except RefusedError as error:
        if is_readable_once_installed(str(error)):
            rest = data[ISO_DESCRIPTORS : ISO_DESCRIPTORS + limits.MAX_FILE]
            budget.count_member()
            budget.charge(len(rest))
            yield Content("(rest of the disk)", rest)
        raise


def is_readable_once_installed(reason: str | None) -> bool:
    """Return True if `reason` is that libarchive was not installed."""
    return reason is not None and reason.endswith(_INSTALL_HINT)


def _read_members(kind: str, format_name: str, filter_name: str, data: bytes, budget: Budget) -> Iterator[Content]:
    try:
        libarchive: Any = importlib.import_module("libarchive")
    # Without the system's library, the import itself fails at the first use of it.
    except (ImportError, OSError, AttributeError, TypeError) as error:
        raise RefusedError(f"{kind} archive: {_INSTALL_HINT}") from error
    # Its warnings quote names from archives: untrusted bytes do not belong on a terminal.
    logging.getLogger("libarchive").setLevel(logging.ERROR)
    # `ArchiveEntry` does not report encryption, and its pointer is private. `ffi`, the public module below it, declares
    # libarchive's own C functions.
    ffi = libarchive.ffi
    ffi.ffi("entry_is_encrypted", [ffi.c_archive_entry_p], ctypes.c_int)
    try:
        with (
            libarchive.read.new_archive_read(format_name, filter_name) as archive,
            libarchive.entry.new_archive_entry() as entry,
        ):
            ffi.read_open_memory(archive, data, len(data))
            while ffi.read_next_header2(archive, entry) != ffi.ARCHIVE_EOF:
                budget.count_member()
                folder = stat.S_ISDIR(ffi.entry_filetype(entry))
                name = "unpacked" if format_name == "raw" else _name(ffi, entry)
                found = list(contents_of(name, partial(_read_entry, libarchive, archive, entry, name, budget)))
                budget.charge(0)
                yield from () if folder else found
    except libarchive.ArchiveError as error:
        # With names encrypted too, there is no member to give the reason for.
        reason = "encrypted" if "encrypt" in str(error) else describe_damage(f"{kind} archive", error)
        raise RefusedError(reason) from error


def _name(ffi: Any, entry: Any) -> str:
    # The wide name is None where the name is not UTF-8, both are None where there is none.
    name: str = ffi.entry_pathname_w(entry) or (ffi.entry_pathname(entry) or b"").decode("utf-8", "surrogateescape")
    return name


def _read_entry(libarchive: Any, archive: Any, entry: Any, name: str, budget: Budget) -> bytes:
    """Return the data of the entry that was just read.

    Reads it even if it is refused: libarchive unpacks skipped data too, so it counts towards the budget.
    """
    ffi = libarchive.ffi
    pieces: list[bytes] = []
    size = 0
    damage = ""
    encrypted = ffi.entry_is_encrypted(entry)
    buffer = ctypes.create_string_buffer(_BLOCK)
    try:
        while length := ffi.read_data(archive, buffer, _BLOCK):
            piece = buffer.raw[:length]
            budget.charge(len(piece))
            size += len(piece)
            if size <= limits.MAX_FILE:
                pieces.append(piece)
            else:
                pieces.clear()
    except libarchive.ArchiveError as error:
        damage = describe_damage("in the archive", error)
    mode = ffi.entry_filetype(entry)
    check_path(name)
    hard = bool(ffi.entry_hardlink_w(entry) or ffi.entry_hardlink(entry))
    check_type(stat.S_ISLNK(mode), hard, stat.S_ISREG(mode))
    if encrypted:
        raise RefusedError("encrypted")
    if size > limits.MAX_FILE:
        raise size_error()
    if damage:
        raise DamagedError(damage, b"".join(pieces))
    return b"".join(pieces)
