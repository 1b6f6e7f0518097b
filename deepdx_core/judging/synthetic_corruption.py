"""Synthetic corruption: kinds of damage applied to good banks, as training data for the judge of corruption."""

from collections.abc import Callable

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import MAXIMA, pack_vmem, unpack_vmem
from deepdx_core.voice.parameters import VMEM_NAME, VMEM_SIZE, VMEM_VOICES

Corruption = Callable[[UInt8Array, np.random.Generator], UInt8Array]
"""Returns a corrupted copy of banks, `uint8[b, 32, 128]` packed."""


def misaligned(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Shift all records by some bytes, as if bytes were lost or added and the dump was reframed."""
    streams = banks.reshape(len(banks), -1)
    shifts = random.integers(1, VMEM_SIZE, (len(banks), 1))
    places = (np.arange(streams.shape[1]) + shifts) % streams.shape[1]
    return np.take_along_axis(streams, places, axis=1).reshape(banks.shape)


def bit_stuck_at_0(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Clear one of the seven bits everywhere."""
    return banks & ~_one_bit(len(banks), random)


def bit_stuck_at_1(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Set one of the seven bits everywhere."""
    return banks | _one_bit(len(banks), random)


def _one_bit(count: int, random: np.random.Generator) -> UInt8Array:
    return np.left_shift(1, random.integers(0, 7, (count, 1, 1))).astype(np.uint8)


def noisy(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Flip one bit in one byte of twenty."""
    bits = np.left_shift(1, random.integers(0, 7, banks.shape)).astype(np.uint8)
    return np.where(random.random(banks.shape) < 0.05, banks ^ bits, banks)


def overwritten(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Overwrite 16 to 63 bytes of each record with bytes from elsewhere in the bank."""
    streams = banks.reshape(len(banks), -1)
    lengths = random.integers(16, 64, banks.shape[:2])
    begins = random.integers(0, VMEM_NAME - lengths)
    sources = random.integers(0, streams.shape[1], banks.shape[:2])
    within = np.arange(VMEM_SIZE) - begins[..., None]  # [b, 32, 128]
    places = ((sources[..., None] + within) % streams.shape[1]).reshape(len(banks), -1)
    elsewhere = np.take_along_axis(streams, places, axis=1).reshape(banks.shape)
    return np.where((within >= 0) & (within < lengths[..., None]), elsewhere, banks)


def bits_shifted(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Shift every byte by one bit to the left or to the right."""
    left = random.random((len(banks), 1, 1)) < 0.5
    return np.where(left, (banks << 1) & 0x7F, banks >> 1)


def nibbles_swapped(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Swap the halves of every byte."""
    return np.asarray((banks << 4 | banks >> 4) & 0x7F, dtype=np.uint8)


def bytes_swapped(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Swap neighboring bytes, as a wrong byte order does."""
    return banks.reshape(*banks.shape[:2], -1, 2)[..., ::-1].reshape(banks.shape)


def reversed_records(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Reverse the bytes of every record."""
    return banks[..., ::-1].copy()


def uniform(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Draw every parameter uniformly from its range."""
    drawn = random.integers(0, MAXIMA.astype(np.int64) + 1, (len(banks) * VMEM_VOICES, len(MAXIMA)))
    return pack_vmem(drawn.astype(np.uint8), banks.reshape(-1, VMEM_SIZE)[:, VMEM_NAME:]).reshape(banks.shape)


def independent(banks: UInt8Array, random: np.random.Generator) -> UInt8Array:
    """Draw every parameter independently from its values in real voices."""
    parameters, names = unpack_vmem(banks.reshape(-1, VMEM_SIZE))
    return pack_vmem(random.permuted(parameters, axis=0), names).reshape(banks.shape)


ALL: tuple[Corruption, ...] = (
    misaligned,
    bit_stuck_at_0,
    bit_stuck_at_1,
    noisy,
    overwritten,
    bits_shifted,
    nibbles_swapped,
    bytes_swapped,
    reversed_records,
    uniform,
    independent,
)
