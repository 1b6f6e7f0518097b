"""Intact banks from folders and archives, and random draws from them."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import MAXIMA, USED_BITS, pack_vced, unpack_vmem
from deepdx_core.codec.writer import frame
from deepdx_core.voice.parameters import VMEM_SIZE, VMEM_VOICES
from tests.support.readings import to_records, voices_of

HEADER_SIZE = 6
BANK_SIZE = VMEM_VOICES * VMEM_SIZE
FRAMED_BANK_SIZE = HEADER_SIZE + BANK_SIZE + 2


def files_below(folder: Path) -> Iterator[bytes]:
    """Yield the bytes of every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes()


def files_in(archive: Path) -> Iterator[bytes]:
    """Yield the bytes of every file in a zip archive."""
    with zipfile.ZipFile(archive) as members:
        for name in sorted(members.namelist()):
            yield members.read(name)


def framed_banks(files: Iterator[bytes]) -> UInt8Array:
    """Return the distinct banks among files, `uint8[n, 32, 128]`: framed, every voice legal and named."""
    banks = {
        data[HEADER_SIZE:-2]
        for data in files
        if len(data) == FRAMED_BANK_SIZE and data.startswith(b"\xf0\x43") and data[3] == 9 and data[-1] == 0xF7
    }
    intact = [bank for bank in sorted(banks) if _is_intact(to_records(bank, VMEM_SIZE))]
    return np.stack([to_records(bank, VMEM_SIZE) for bank in intact])


def _is_intact(records: UInt8Array) -> bool:
    parameters, names = unpack_vmem(records)
    printable = (names >= 32) & (names < 127)
    # A slot of one value throughout is blank; without a frame, nothing distinguishes it from fill bytes.
    written = (records != records[:, :1]).any(axis=1)
    return bool((parameters <= MAXIMA).all() and printable.all() and written.all() and not (records & ~USED_BITS).any())


def frame_bank(bank: UInt8Array, channel: int = 0) -> bytes:
    """Frame packed voices `uint8[32, 128]` as a 32-voice dump."""
    return frame(9, bank.tobytes(), channel)


class Sampler:
    """Draws intact banks and voices from `uint8[n, 32, 128]`, and junk. The same seed gives the same draws."""

    def __init__(self, banks: UInt8Array, seed: list[int]) -> None:
        self._banks = banks
        self._random = np.random.default_rng(seed)

    def number(self, low: int, high: int) -> int:
        """Draw a number from low to high, both included."""
        return int(self._random.integers(low, high + 1))

    def offsets(self, count: int, below: int) -> list[int]:
        """Draw `count` distinct offsets below a number."""
        return [int(offset) for offset in self._random.choice(below, count, replace=False)]

    def bank(self) -> UInt8Array:
        """Draw 32 packed voices, `uint8[32, 128]`."""
        return self._banks[self.number(0, len(self._banks) - 1)].copy()

    def unpacked(self, count: int) -> UInt8Array:
        """Draw unpacked voices, `uint8[count, 155]`."""
        banks = np.concatenate([self.bank() for _ in range(-(-count // VMEM_VOICES))])
        parameters, names = unpack_vmem(banks[self._random.permutation(len(banks))[:count]])
        return pack_vced(parameters, names)

    def junk(self, most: int, top: int = 256) -> bytes:
        """Draw 1 to `most` random bytes below `top`."""
        return self._random.integers(0, top, self.number(1, most)).astype(np.uint8).tobytes()

    def dump(self) -> tuple[bytes, list[bytes]]:
        """Draw a framed bank or single voice, and its voices."""
        if self.number(0, 1):
            bank = self.bank()
            return frame_bank(bank), voices_of(bank)
        voice = self.unpacked(1)
        return frame(0, voice.tobytes()), voices_of(voice)

    def message(self) -> bytes:
        """Draw a message without DX7 voices."""
        data = self.junk(500, 128)
        return [
            bytes([0xF0, 0x41, 0x10]) + data + b"\xf7",
            bytes([0xF0, 0x7E, 0x7F, 0x06, 0x01, 0xF7]),
            bytes([0xF0, 0x43, 0x10, 0x00, self.number(0, 127), self.number(0, 99), 0xF7]),
            frame(2, self._random.integers(0, 100, 4096).astype(np.uint8).tobytes()),
            frame(6, self._random.integers(0, 100, 1120).astype(np.uint8).tobytes()),
            frame(0x7E, b"LM  8973PM" + data),
        ][self.number(0, 5)]
