"""The librarian: the catalog of a home with the user's ratings, kept up to date while runs and other programs change it."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import polars as pl

from deepdx_core.arrays import UInt8Array
from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_explorer.catalog import NO_RATING, Catalog

_MAX_MADE = 4096


class UnknownVoiceError(DeepDXError):
    """No sound of the corpus, of the generated banks or made since the start has this id."""


class Voice(NamedTuple):
    """A voice: its parameters, `uint8[145]`, name, and label, if it has one."""

    parameters: UInt8Array
    name: str
    label: str | None


class Librarian:
    """The sounds of a home. Its methods may be called by several threads."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._lock = threading.Lock()
        self._read: tuple[tuple[object, ...], Catalog] | None = None
        self._made: OrderedDict[str, Voice] = OrderedDict()

    @property
    def catalog(self) -> Catalog:
        """The sounds as they are now. Raises DatabaseError without a corpus."""
        now = (_state(self.home.database), _state(self.home.banks))
        with self._lock:
            if self._read is None or self._read[0] != now:
                self._read = now, Catalog.read(self.home)
            return self._read[1]

    def rows(self) -> pl.DataFrame:
        """Return the rows of the catalog with `rating` and `taste`."""
        return self.catalog.rows.with_columns(rating=pl.lit(NO_RATING), taste=pl.lit(None, pl.Float64))

    def voice(self, sound_id: str) -> Voice:
        """Return the voice of a sound. Raises UnknownVoiceError."""
        if made := self._made.get(sound_id):
            return made
        catalog = self.catalog
        row = catalog.row_of(sound_id)
        if row is None:
            raise UnknownVoiceError(f"no sound {sound_id!r}")
        name, label = catalog.rows.select("name", "label").row(row)
        return Voice(catalog.parameters[row], name, label)

    def remember(self, voices: dict[str, Voice]) -> None:
        """Remember voices that are in no file, such as new ones, by sound id. The oldest are forgotten."""
        with self._lock:
            self._made |= voices
            while len(self._made) > _MAX_MADE:
                self._made.popitem(last=False)


def _state(path: Path) -> tuple[int, int, int] | None:
    """Return numbers that change when a file, or what is in a folder, is replaced. None if it is missing."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
