"""Checked readings of files, and the voices in them. A voice is 155 bytes: its 145 parameters and its name."""

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import unpack_vced, unpack_vmem
from deepdx_core.codec.reader import read
from deepdx_core.codec.segments import RECORD_SIZE, Kind, Reading
from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE

Voices = frozenset[bytes]


def read_checked(data: bytes) -> Reading:
    """Read a file. Raises AssertionError if its segments do not cover it, or it has neither voices nor a reason."""
    reading = read(data)
    end = 0
    for segment in reading.segments:
        if segment.offset != end or segment.length <= 0:
            raise AssertionError(f"a gap or an overlap at {segment.offset}, after {end}")
        end += segment.length
    if end != len(data):
        raise AssertionError(f"{len(data)} bytes, but segments for {end}")
    if bool(reading.reason) == bool(reading.voices):
        raise AssertionError(f"{reading.voices} voices, and the reason {reading.reason!r}")
    return reading


def to_records(data: bytes, size: int) -> UInt8Array:
    """Return the whole records in `data`, `uint8[n, size]`."""
    return np.frombuffer(data, dtype=np.uint8, count=len(data) // size * size).reshape(-1, size)


def voices_of(records: UInt8Array) -> list[bytes]:
    """Return the voices of records `uint8[n, 128]`, `[n, 155]` or `[n, 156]`."""
    packed = records.shape[1] == VMEM_SIZE
    parameters, names = unpack_vmem(records) if packed else unpack_vced(records[:, :VCED_SIZE])
    return [voice.tobytes() for voice in np.concatenate([parameters, names], axis=1)]


def voices_in(reading: Reading) -> Voices:
    """Return the distinct voices of a reading."""
    found: set[bytes] = set()
    for segment in reading.segments:
        if segment.kind is Kind.VOICES:
            found.update(voices_of(to_records(segment.payload, RECORD_SIZE[segment.format])))
    return frozenset(found)
