"""Parameter tables of any synthesizer, and the one codec for all of them: records of bytes to values and back.

`values` is `uint8[n, fields]`, raw as stored. Bits that no field uses are `unused`: together they are the record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.voice.parameters import NAME_LENGTH


@dataclass(frozen=True)
class Field:
    """A parameter in a record. Legal raw values are `minimum` to `maximum`.

    byte: offset in the record. shift, bits: place in that byte. wide: the value takes two bytes, with its top bit in
    bit 0 of the first. signed: the highest bit is a sign, and the others are a magnitude.
    """

    name: str
    maximum: int
    byte: int
    description: str
    shift: int = 0
    bits: int = 7
    minimum: int = 0
    signed: bool = False
    wide: bool = False


class Layout:
    """The fields of a record of `size` bytes, and the offset of its name, `name_length` bytes, if it has one."""

    def __init__(
        self, size: int, fields: Iterable[Field], name: int | None = None, name_length: int = NAME_LENGTH
    ) -> None:
        self.size = size
        self.fields = tuple(fields)
        self.name = name
        self.name_length = name_length
        self.index = {field.name: i for i, field in enumerate(self.fields)}
        self._bytes = np.array([f.byte + f.wide for f in self.fields], dtype=np.intp)
        self._shifts = np.array([f.shift for f in self.fields], dtype=np.uint8)
        self._masks = np.array([(1 << f.bits) - 1 for f in self.fields], dtype=np.uint8)
        self._wide = np.array([f.wide for f in self.fields], dtype=bool)
        self._limits = np.array([[f.minimum, f.maximum] for f in self.fields], dtype=np.uint8).reshape(-1, 2)

    @cached_property
    def used(self) -> UInt8Array:
        """Bits of each byte that hold a field or the name, `uint8[size]`."""
        used = np.zeros(self.size, dtype=np.uint8)
        np.bitwise_or.at(used, self._bytes, self._masks << self._shifts)
        used[self._bytes[self._wide] - 1] |= 1
        if self.name is not None:
            used[self.name : self.name + self.name_length] = 0xFF
        return used

    def unpack(self, records: UInt8Array) -> UInt8Array:
        """Return the values of records `uint8[n, size]`. They are not checked."""
        self._require(records)
        values = (records[:, self._bytes] >> self._shifts) & self._masks
        values[:, self._wide] |= (records[:, self._bytes[self._wide] - 1] & 1) << 7
        return values

    def unused(self, records: UInt8Array) -> UInt8Array:
        """Return the bits of records that no field uses; all others are 0."""
        self._require(records)
        return records & ~self.used

    def names(self, records: UInt8Array) -> UInt8Array:
        """Return the bytes of the names, `uint8[n, name_length]`."""
        if self.name is None:
            return np.zeros((len(records), 0), dtype=np.uint8)
        return records[:, self.name : self.name + self.name_length].copy()

    def pack(self, values: UInt8Array, names: UInt8Array | None = None, unused: UInt8Array | None = None) -> UInt8Array:
        """Undo `unpack`, `names` and `unused` bit for bit: records `uint8[n, size]`. Without names, they are zeros.

        Raises ValueError if a value does not fit the bits of its field.
        """
        narrow = np.where(self._wide, values & 0x7F, values)
        if np.any(narrow & ~self._masks):
            raise ValueError("a value does not fit its field")
        records = np.zeros((len(values), self.size), dtype=np.uint8) if unused is None else unused.copy()
        for column, (byte, shift) in enumerate(zip(self._bytes, self._shifts, strict=True)):
            records[:, byte] |= narrow[:, column] << shift
        records[:, self._bytes[self._wide] - 1] |= values[:, self._wide] >> 7
        if self.name is not None and names is not None:
            records[:, self.name : self.name + self.name_length] = names
        return records

    def out_of_range(self, values: UInt8Array) -> BoolArray:
        """Return which values are out of range, `bool[n, fields]`."""
        return np.asarray((values < self._limits[:, 0]) | (values > self._limits[:, 1]))

    def columns(self, pattern: str, parts: Iterable[int]) -> list[int]:
        """Return the columns of a field in several parts: `columns("op{}_level", (1, 2))`."""
        return [self.index[pattern.format(part)] for part in parts]

    def _require(self, records: UInt8Array) -> None:
        if records.ndim != 2 or records.shape[1] != self.size or records.dtype != np.uint8:
            raise ValueError(f"expected uint8[n, {self.size}], got {records.dtype}{list(records.shape)}")


def repeat(fields: Iterable[Field], prefix: str, text: str, byte: int) -> list[Field]:
    """Return fields of a part, such as an operator, whose first byte is `byte`."""
    return [
        replace(f, name=f"{prefix}{f.name}", description=f"{text}{f.description}", byte=byte + f.byte) for f in fields
    ]


def in_row(byte: int, rows: Sequence[tuple[str, int, str]]) -> list[Field]:
    """Return fields of a byte each, one after another: name, maximum, description."""
    return [Field(name, maximum, byte + i, text) for i, (name, maximum, text) in enumerate(rows)]


def signed(name: str, magnitude: int, byte: int, text: str) -> Field:
    """Return a field with a sign and a magnitude up to `magnitude`, one less than a power of two."""
    return Field(name, 2 * magnitude + 1, byte, text, bits=magnitude.bit_length() + 1, signed=True)
