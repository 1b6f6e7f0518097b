"""Voice records to arrays and back, all voices at once: VMEM (packed, 128 bytes) and VCED (unpacked, 155 bytes).

Throughout, `parameters` is `uint8[n, 145]` in VCED order, and `names` is `uint8[n, 10]`, the bytes as stored.
"""

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.voice.parameters import (
    NAME_LENGTH,
    PARAMETERS,
    VCED_NAME,
    VCED_SIZE,
    VMEM_NAME,
    VMEM_SIZE,
)

_OFFSETS = np.array([p.vmem for p in PARAMETERS], dtype=np.intp)
_SHIFTS = np.array([p.shift for p in PARAMETERS], dtype=np.uint8)
# A field as wide as a data byte keeps its top bit, so that a byte over 127 shows in the parameters.
_MASKS = np.array([0xFF if p.bits == 7 else (1 << p.bits) - 1 for p in PARAMETERS], dtype=np.uint8)
_CHUNK = 4096  # voices; unpacking is three times faster within the processor's cache

MAXIMA: UInt8Array = np.array([p.maximum for p in PARAMETERS], dtype=np.uint8)
"""Highest legal value of each parameter, `uint8[145]`."""

INIT_VOICE: UInt8Array = np.array([p.default for p in PARAMETERS], dtype=np.uint8)
"""The parameters of the factory INIT VOICE, `uint8[145]`."""


def _used_bits() -> UInt8Array:
    used = np.zeros(VMEM_SIZE, dtype=np.uint8)
    for p in PARAMETERS:
        used[p.vmem] |= ((1 << p.bits) - 1) << p.shift
    used[VMEM_NAME:] = 0x7F
    return used


USED_BITS: UInt8Array = _used_bits()
"""Bits of each packed byte that hold a parameter or the name, `uint8[128]`. Real data sometimes sets the others."""


def _kept_bits() -> UInt8Array:
    kept = np.zeros(VMEM_SIZE, dtype=np.uint8)
    for p, mask in zip(PARAMETERS, _MASKS, strict=True):
        kept[p.vmem] |= mask << p.shift
    kept[VMEM_NAME:] = 0xFF
    return kept


_KEPT_BITS = _kept_bits()


def _require_records(data: UInt8Array, size: int) -> None:
    if data.ndim != 2 or data.shape[1] != size or data.dtype != np.uint8:
        raise ValueError(f"expected uint8[n, {size}], got {data.dtype}{list(data.shape)}")


def unpack_vmem(packed: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Unpack records `uint8[n, 128]` to parameters and names.

    Unused bits are dropped. Values are not checked; `deepdx_core.decoding.findings` does that.
    Raises ValueError for an array of another shape or type.
    """
    _require_records(packed, VMEM_SIZE)
    parameters = np.empty((len(packed), len(PARAMETERS)), dtype=np.uint8)
    for start in range(0, len(packed), _CHUNK):
        chunk = packed[start : start + _CHUNK].take(_OFFSETS, axis=1)
        chunk >>= _SHIFTS
        chunk &= _MASKS
        parameters[start : start + _CHUNK] = chunk
    return parameters, packed[:, VMEM_NAME:].copy()


def pack_vmem(parameters: UInt8Array, names: UInt8Array) -> UInt8Array:
    """Pack legal parameters and names to records `uint8[n, 128]`; unused bits are 0.

    Raises ValueError if a parameter is out of its range or a name byte over 127.
    """
    _require_legal(parameters, names)
    return repack_vmem(parameters, names, np.zeros((len(parameters), VMEM_SIZE), dtype=np.uint8))


def unused_bits(packed: UInt8Array) -> UInt8Array:
    """Return the bits of records `uint8[n, 128]` that `unpack_vmem` drops; all other bits are 0."""
    _require_records(packed, VMEM_SIZE)
    return packed & ~_KEPT_BITS


def repack_vmem(parameters: UInt8Array, names: UInt8Array, unused: UInt8Array) -> UInt8Array:
    """Undo `unpack_vmem` and `unused_bits` bit for bit, whether values are legal or not: records `uint8[n, 128]`."""
    packed = unused.copy()
    for i, p in enumerate(PARAMETERS):
        packed[:, p.vmem] |= parameters[:, i] << p.shift
    packed[:, VMEM_NAME:] = names
    return packed


def unpack_records(records: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Return parameters and names of records by their size: VMEM of 128 bytes, or VCED of 155 with any bytes after it.

    Like `unpack_vmem` and `unpack_vced`.
    """
    return unpack_vmem(records) if records.shape[1] == VMEM_SIZE else unpack_vced(records[:, :VCED_SIZE])


def unpack_vced(unpacked: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Split records `uint8[n, 155]` into parameters and names. Values are not checked."""
    _require_records(unpacked, VCED_SIZE)
    return unpacked[:, :VCED_NAME].copy(), unpacked[:, VCED_NAME:].copy()


def pack_vced(parameters: UInt8Array, names: UInt8Array) -> UInt8Array:
    """Join legal parameters and names to records `uint8[n, 155]`. Raises ValueError like `pack_vmem`."""
    _require_legal(parameters, names)
    return np.concatenate([parameters, names], axis=1)


def require_legal(parameters: UInt8Array) -> None:
    """Raise ValueError with the first fault unless `parameters` is `uint8[n, 145]` with all values in range."""
    _require_records(parameters, len(PARAMETERS))
    over = np.argwhere(parameters > MAXIMA)
    if len(over):
        voice, column = over[0]
        p = PARAMETERS[column]
        raise ValueError(f"voice {voice}: {p.name} is {parameters[voice, column]}, its range is 0 to {p.maximum}")


def _require_legal(parameters: UInt8Array, names: UInt8Array) -> None:
    _require_records(names, NAME_LENGTH)
    if len(parameters) != len(names):
        raise ValueError(f"{len(parameters)} voices, but {len(names)} names")
    require_legal(parameters)
    if (names > 127).any():
        raise ValueError(f"voice {int(np.argmax((names > 127).any(axis=1)))}: a name byte is over 127")
