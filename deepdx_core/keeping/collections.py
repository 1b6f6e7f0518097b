"""Collections: ordered lists of voices under a name, each a CSV file with the voices themselves.

A row is `sound_id,name,voice`: the name is the voice's in this collection, up to ten printable ASCII characters, and
the voice is its packed record (VMEM) of 128 bytes in hexadecimal. So a collection outlives the corpus, and can hold
generated voices. A row with a voice that does not belong to its sound_id is refused.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import names_to_text, text_to_names
from deepdx_core.codec.packing import pack_vmem, require_legal, unpack_vmem
from deepdx_core.codec.writer import write_banks
from deepdx_core.decoding.sound_ids import sound_ids
from deepdx_core.display import printable, shown
from deepdx_core.documents import MAX_BYTES, format_csv, parse_csv, read_text, write_document
from deepdx_core.errors import DeepDXError
from deepdx_core.files import is_reserved, remove_leftovers
from deepdx_core.home import Home
from deepdx_core.overrides import locked
from deepdx_core.tables.storage import checksum
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETERS, VMEM_NAME, VMEM_SIZE

MAX_VOICES = 100_000
"""Largest number of voices in a collection."""

_NAME = re.compile(r"[\w-](?:[\w -]{0,62}[\w-])?")
_MAX_NAME_BYTES = 200  # of UTF-8; file systems allow 255
_HEADER = ("sound_id", "name", "voice")
_VOICE = re.compile(f"[0-9a-f]{{{2 * VMEM_SIZE}}}")
_VOICE_NAME = re.compile(f"[ -~]{{0,{NAME_LENGTH}}}")


class CollectionError(DeepDXError):
    """A collection cannot be read or written. The message names it, the line and the reason."""


class TakenNameError(CollectionError):
    """There is a collection of that name already."""


class ChangedCollectionError(CollectionError):
    """Another program changed a collection after it was read."""


@dataclass(frozen=True, eq=False)  # arrays have no single truth value
class Collection:
    """An ordered list of voices.

    parameters: `uint8[n, 145]`, legal. names: a name for each voice; cut to ten characters, and `?` replaces all but
    printable ASCII. version: digest of the file that it was read from; None for a new collection. Raises ValueError
    if a parameter is out of range, or the numbers of voices and names differ.
    """

    parameters: UInt8Array
    names: tuple[str, ...]
    version: str | None = None

    def __post_init__(self) -> None:
        require_legal(self.parameters)
        if len(self.names) != len(self.parameters):
            raise ValueError(f"{len(self.parameters)} voices, but {len(self.names)} names")
        if len(self) > MAX_VOICES:
            raise ValueError(f"{len(self):,} voices; a collection takes up to {MAX_VOICES:,}")
        object.__setattr__(self, "names", tuple(names_to_text(self._encoded_names()).tolist()))

    def __len__(self) -> int:
        return len(self.parameters)

    def sound_ids(self) -> list[str]:
        """Return the sound id of each voice, by its parameters; the sound need not be in the corpus."""
        return sound_ids(self.parameters)

    def to_banks(self) -> list[bytes]:
        """Return the voices, in order, as 32-voice dumps. INIT VOICE fills the last."""
        return write_banks(self.parameters, self._encoded_names())

    def _encoded_names(self) -> UInt8Array:
        return text_to_names([name[:NAME_LENGTH] for name in self.names])


EMPTY = Collection(np.empty((0, len(PARAMETERS)), dtype=np.uint8), ())
"""A new collection without voices."""


class Listed(NamedTuple):
    """A collection in a list: its name and number of voices, or the reason why it cannot be read."""

    name: str
    voices: int | None
    problem: str = ""


def list_collections(home: Home) -> list[Listed]:
    """Return all collections of a home, sorted by name. One that cannot be read does not hide the others."""
    found = []
    for name in sorted(_names(home), key=str.casefold):
        try:
            found.append(Listed(name, len(read_collection(home, name))))
        except CollectionError as error:
            found.append(Listed(name, None, str(error)))
    return found


def read_collection(home: Home, name: str) -> Collection:
    """Return a collection. Raises CollectionError if there is none of that name, or its file is not valid."""
    path = _path(home, name)
    file = printable(str(path))
    try:
        text = read_text(path, MAX_BYTES)
        if text is None:
            raise CollectionError(f"there is no collection {name!r} in {printable(str(home.collections))}")
        rows = parse_csv(text, _HEADER)
        packed = np.empty((len(rows), VMEM_SIZE), dtype=np.uint8)
        for number, (line, (_, voice_name, voice)) in enumerate(rows):
            if not _VOICE.fullmatch(voice):
                raise ValueError(f"line {line}: {shown(voice)} is not a voice, {2 * VMEM_SIZE} hexadecimal digits")
            if not _VOICE_NAME.fullmatch(voice_name):
                raise ValueError(f"line {line}: {shown(voice_name)} is not a name of up to {NAME_LENGTH} characters")
            packed[number] = np.frombuffer(bytes.fromhex(voice), dtype=np.uint8)
        parameters, _ = unpack_vmem(packed)
        ids = sound_ids(parameters)
        for (line, (sound_id, *_)), own, voice in zip(rows, ids, parameters, strict=True):
            if sound_id != own:
                raise ValueError(f"line {line}: the voice is that of sound {own}, not of {shown(sound_id)}")
            try:
                require_legal(voice[None])
            except ValueError as error:
                raise ValueError(f"line {line}: {str(error).removeprefix('voice 0: ')}") from error
        return Collection(parameters, tuple(row[1] for _, row in rows), _version(text))
    except ValueError as error:
        raise CollectionError(f"{file}: {error}") from error


def write_collection(home: Home, name: str, collection: Collection, *, force: bool = False) -> Collection:
    """Write a collection as a whole, in its order. Return it with its new version.

    With a version, the file must still be the one that was read: raises ChangedCollectionError otherwise. Raises
    CollectionError for a new collection of a name that is not valid, and TakenNameError for one that is taken but for
    case. force: replace a collection of exactly that name.
    """
    names = collection._encoded_names()
    records = pack_vmem(collection.parameters, names)
    records[:, VMEM_NAME:] = names
    voices = (record.tobytes().hex() for record in records)
    content = format_csv(_HEADER, zip(collection.sound_ids(), collection.names, voices, strict=True))
    with _locked(home):
        path = (
            _free_path(home, name, name if force else None)
            if collection.version is None
            else _unchanged_path(home, name, collection.version)
        )
        write_document(path, content)
    return replace(collection, version=_version(content.decode()))


def rename_collection(home: Home, name: str, new_name: str) -> None:
    """Rename a collection. Raises CollectionError if there is none, or the new name is taken or not valid."""
    with _locked(home):
        _existing_path(home, name).rename(_free_path(home, new_name, may_be=name))


def delete_collection(home: Home, name: str, version: str | None = None) -> None:
    """Delete a collection, if a version is given only as it was read. Raises like `write_collection`."""
    with _locked(home):
        (_existing_path(home, name) if version is None else _unchanged_path(home, name, version)).unlink()


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    with locked(home.overrides_lock):
        remove_leftovers(home.collections)
        yield


def _names(home: Home) -> list[str]:
    """Return the names of the files in the folder that are names of collections."""
    try:
        stems = [path.stem for path in home.collections.iterdir() if path.suffix == ".csv"]
    except OSError:
        return []
    return [stem for stem in stems if _fault(stem) is None]


def _fault(name: str) -> str | None:
    """Return the reason why a text is no name of a collection."""
    if name != unicodedata.normalize("NFC", name) or not _NAME.fullmatch(name):
        return "a name has 1 to 64 letters, digits, spaces, - and _, and no space at its ends"
    if len(name.encode()) > _MAX_NAME_BYTES:
        return f"a name has up to {_MAX_NAME_BYTES} bytes of UTF-8"
    return "a name that some systems reserve" if is_reserved(name) else None


def _path(home: Home, name: str) -> Path:
    name = unicodedata.normalize("NFC", name)
    if (fault := _fault(name)) is not None:
        raise CollectionError(f"{shown(name)} is not a name of a collection: {fault}")
    return home.collections / f"{name}.csv"


def _existing_path(home: Home, name: str) -> Path:
    path = _path(home, name)
    if not os.path.lexists(path):
        raise CollectionError(f"there is no collection {name!r} in {printable(str(home.collections))}")
    return path


def _free_path(home: Home, name: str, may_be: str | None = None) -> Path:
    path = _path(home, name)
    for other in _names(home):
        if other.casefold() == path.stem.casefold() and other != may_be:
            raise TakenNameError(f"there is a collection {other!r} already")
    return path


def _unchanged_path(home: Home, name: str, version: str) -> Path:
    path = _existing_path(home, name)
    try:
        content = read_text(path, MAX_BYTES) or ""
    except ValueError as error:
        raise CollectionError(f"{printable(str(path))}: {error}") from error
    if _version(content) != version:
        raise ChangedCollectionError(f"collection {name!r} was changed by another program: read it again")
    return path


def _version(text: str) -> str:
    return checksum(text.encode())
