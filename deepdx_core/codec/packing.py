"""VMEM (packed, 128 bytes a voice) and VCED (unpacked, 155 bytes) to arrays and back, all voices at once.

Throughout: `parameters` is `uint8[n, 145]` in VCED order, `names` is `uint8[n, 10]`, the bytes as stored.
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

_PLACES = np.array([p.vmem for p in PARAMETERS], dtype=np.intp)
_SHIFTS = np.array([p.shift for p in PARAMETERS], dtype=np.uint8)
# A field as wide as a data byte keeps its top bit, so that a byte over 127 stays visible in the parameters.
_MASKS = np.array([0xFF if p.bits == 7 else (1 << p.bits) - 1 for p in PARAMETERS], dtype=np.uint8)
_CHUNK = 4096  # voices; what fits in the processor's cache is unpacked three times faster

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
"""The bits of each packed byte that mean something, `uint8[128]`. Wild data sometimes sets the others."""


def _kept_bits() -> UInt8Array:
    kept = np.zeros(VMEM_SIZE, dtype=np.uint8)
    for p, mask in zip(PARAMETERS, _MASKS, strict=True):
        kept[p.vmem] |= mask << p.shift
    kept[VMEM_NAME:] = 0xFF
    return kept


_KEPT_BITS = _kept_bits()


def _records(data: UInt8Array, size: int) -> UInt8Array:
    if data.ndim != 2 or data.shape[1] != size or data.dtype != np.uint8:
        raise ValueError(f"expected uint8[n, {size}], got {data.dtype}{list(data.shape)}")
    return data


def unpack_vmem(packed: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Parameters and names of packed voices, `uint8[n, 128]`.

    Unused bits are dropped. Values are not checked: see `deepdx_core.decoding.findings`.
    """
    _records(packed, VMEM_SIZE)
    parameters = np.empty((len(packed), len(PARAMETERS)), dtype=np.uint8)
    for start in range(0, len(packed), _CHUNK):
        chunk = packed[start : start + _CHUNK].take(_PLACES, axis=1)
        chunk >>= _SHIFTS
        chunk &= _MASKS
        parameters[start : start + _CHUNK] = chunk
    return parameters, packed[:, VMEM_NAME:].copy()


def pack_vmem(parameters: UInt8Array, names: UInt8Array) -> UInt8Array:
    """Packed voices, `uint8[n, 128]`, of legal parameters and names; unused bits are 0.

    Raises ValueError where a parameter is out of its range or a name byte over 127.
    """
    _require_legal(parameters, names)
    return repack_vmem(parameters, names, np.zeros((len(parameters), VMEM_SIZE), dtype=np.uint8))


def unused_bits(packed: UInt8Array) -> UInt8Array:
    """What `unpack_vmem` drops of packed voices, `uint8[n, 128]`: the bits that no parameter uses, the others 0."""
    return _records(packed, VMEM_SIZE) & ~_KEPT_BITS


def repack_vmem(parameters: UInt8Array, names: UInt8Array, unused: UInt8Array) -> UInt8Array:
    """The bytes that `unpack_vmem` and `unused_bits` were given, bit for bit, legal or not, `uint8[n, 128]`."""
    packed = unused.copy()
    for i, p in enumerate(PARAMETERS):
        packed[:, p.vmem] |= parameters[:, i] << p.shift
    packed[:, VMEM_NAME:] = names
    return packed


def unpack_vced(unpacked: UInt8Array) -> tuple[UInt8Array, UInt8Array]:
    """Parameters and names of unpacked voices, `uint8[n, 155]`. Values are not checked."""
    _records(unpacked, VCED_SIZE)
    return unpacked[:, :VCED_NAME].copy(), unpacked[:, VCED_NAME:].copy()


def pack_vced(parameters: UInt8Array, names: UInt8Array) -> UInt8Array:
    """Unpacked voices, `uint8[n, 155]`, of legal parameters and names. Raises as `pack_vmem` does."""
    _require_legal(parameters, names)
    return np.concatenate([parameters, names], axis=1)


def require_legal(parameters: UInt8Array) -> None:
    """Raises ValueError naming the first fault unless `parameters` is `uint8[n, 145]`, every value in its range."""
    _records(parameters, len(PARAMETERS))
    over = np.argwhere(parameters > MAXIMA)
    if len(over):
        voice, column = over[0]
        p = PARAMETERS[column]
        raise ValueError(f"voice {voice}: {p.name} is {parameters[voice, column]}, its range is 0 to {p.maximum}")


def _require_legal(parameters: UInt8Array, names: UInt8Array) -> None:
    _records(names, NAME_LENGTH)
    if len(parameters) != len(names):
        raise ValueError(f"{len(parameters)} voices, but {len(names)} names")
    require_legal(parameters)
    if (names > 127).any():
        raise ValueError(f"voice {int(np.argmax((names > 127).any(axis=1)))}: a name byte is over 127")
