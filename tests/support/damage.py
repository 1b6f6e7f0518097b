"""Intact banks and single voices, damaged and wrapped as they come from the net, each with the truth about its voices.

A voice is told by 155 bytes: its 145 parameters and the 10 bytes of its name. The same seed gives the same bytes.
"""

import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import MAXIMA, USED_BITS, pack_vced, unpack_vced, unpack_vmem
from deepdx_core.codec.segments import RECORD_SIZE, Kind, Reading
from deepdx_core.codec.writer import checksum, frame
from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE, VMEM_VOICES

_HEADER = 6
_FRAMED_BANK = _HEADER + VMEM_VOICES * VMEM_SIZE + 2

Voices = frozenset[bytes]


@dataclass(frozen=True)
class Case:
    """A damaged file, and what is true of it.

    intact: the voices that stand in it whole and where its format has them; a reader must find them.
    displaced: those that stand in it whole, but away from their place; finding them is good.
    slots: what stands where the frame has a voice, damaged or not; naming it a slot is no invention.
    """

    kind: str
    data: bytes
    intact: Voices
    displaced: Voices = frozenset()
    slots: Voices = frozenset()


def voices_of(records: UInt8Array) -> list[bytes]:
    """The voices in records `uint8[n, 128]`, `[n, 155]` or `[n, 156]`, 155 bytes each."""
    packed = records.shape[1] == VMEM_SIZE
    parameters, names = unpack_vmem(records) if packed else unpack_vced(records[:, :VCED_SIZE])
    return [voice.tobytes() for voice in np.concatenate([parameters, names], axis=1)]


def voices_in(reading: Reading) -> Voices:
    """The voices that our reader found."""
    found: set[bytes] = set()
    for segment in reading.segments:
        if segment.kind is Kind.VOICES:
            found.update(voices_of(_records(segment.payload, RECORD_SIZE[segment.format])))
    return frozenset(found)


def framed_banks(files: Iterator[bytes]) -> UInt8Array:
    """The distinct banks among files that are whole: framed, every voice legal and named, `uint8[n, 32, 128]`."""
    banks = {
        data[_HEADER:-2]
        for data in files
        if len(data) == _FRAMED_BANK and data.startswith(b"\xf0\x43") and data[3] == 9 and data[-1] == 0xF7
    }
    whole = [bank for bank in sorted(banks) if _legal(_records(bank, VMEM_SIZE))]
    return np.stack([_records(bank, VMEM_SIZE) for bank in whole])


def files_below(folder: Path) -> Iterator[bytes]:
    """The bytes of every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes()


def files_in(archive: Path) -> Iterator[bytes]:
    """The bytes of every file in a zip archive."""
    with zipfile.ZipFile(archive) as members:
        for name in sorted(members.namelist()):
            yield members.read(name)


def _legal(records: UInt8Array) -> bool:
    parameters, names = unpack_vmem(records)
    printable = (names >= 32) & (names < 127)
    # A slot of one value throughout is blank; where nothing frames it, nobody can tell it from a fill.
    written = (records != records[:, :1]).any(axis=1)
    return bool((parameters <= MAXIMA).all() and printable.all() and written.all() and not (records & ~USED_BITS).any())


def _records(data: bytes, size: int) -> UInt8Array:
    return np.frombuffer(data, dtype=np.uint8, count=len(data) // size * size).reshape(-1, size)


class Stock:
    """Draws intact material from banks `uint8[n, 32, 128]`, and junk, by a seed."""

    def __init__(self, banks: UInt8Array, seed: list[int]) -> None:
        self._banks = banks
        self._random = np.random.default_rng(seed)

    def number(self, low: int, high: int) -> int:
        """A number from low to high, both included."""
        return int(self._random.integers(low, high + 1))

    def places(self, count: int, below: int) -> list[int]:
        """So many distinct places below a number."""
        return [int(place) for place in self._random.choice(below, count, replace=False)]

    def bank(self) -> UInt8Array:
        """32 packed voices, `uint8[32, 128]`."""
        return self._banks[self.number(0, len(self._banks) - 1)].copy()

    def unpacked(self, count: int) -> UInt8Array:
        """Unpacked voices, `uint8[count, 155]`."""
        banks = np.concatenate([self.bank() for _ in range(-(-count // VMEM_VOICES))])
        parameters, names = unpack_vmem(banks[self._random.permutation(len(banks))[:count]])
        return pack_vced(parameters, names)

    def junk(self, most: int, top: int = 256) -> bytes:
        """1 to `most` random bytes."""
        return self._random.integers(0, top, self.number(1, most)).astype(np.uint8).tobytes()

    def dump(self) -> tuple[bytes, list[bytes]]:
        """A bank or a single voice, framed, and its voices."""
        if self.number(0, 1):
            bank = self.bank()
            return _framed(bank), voices_of(bank)
        voice = self.unpacked(1)
        return frame(0, voice.tobytes()), voices_of(voice)

    def message(self) -> bytes:
        """A message that holds no DX7 voices."""
        data = self.junk(500, 128)
        return [
            bytes([0xF0, 0x41, 0x10]) + data + b"\xf7",
            bytes([0xF0, 0x7E, 0x7F, 0x06, 0x01, 0xF7]),
            bytes([0xF0, 0x43, 0x10, 0x00, self.number(0, 127), self.number(0, 99), 0xF7]),
            frame(2, self._random.integers(0, 100, 4096).astype(np.uint8).tobytes()),
            frame(6, self._random.integers(0, 100, 1120).astype(np.uint8).tobytes()),
            frame(0x7E, b"LM  8973PM" + data),
        ][self.number(0, 5)]


_Damage = Callable[[Stock], tuple[bytes, list[bytes]] | tuple[bytes, list[bytes], list[bytes], list[bytes]]]
"""Gives a file, its intact voices, and, where there can be any, its displaced ones and its slots."""

DAMAGES: dict[str, _Damage] = {}
"""Every kind of damage, by name."""


def damaged(kind: str, banks: UInt8Array, seed: int) -> Case:
    """The file that a seed gives for a kind of damage."""
    data, *truth = DAMAGES[kind](Stock(banks, [seed, *kind.encode()]))
    return Case(kind, data, *map(frozenset, truth))


def _damage(make: _Damage) -> _Damage:
    DAMAGES[make.__name__.strip("_")] = make
    return make


def _framed(bank: UInt8Array, channel: int = 0) -> bytes:
    return frame(9, bank.tobytes(), channel)


def _slots(data: bytes, start: int = _HEADER) -> list[bytes]:
    """What stands in `data` where a bank's frame has its voices."""
    return voices_of(_records(data[start : start + VMEM_VOICES * VMEM_SIZE], VMEM_SIZE))


def _same(bank: UInt8Array, data: bytes) -> tuple[bytes, list[bytes], list[bytes], list[bytes]]:
    """The truth about a framed bank whose bytes changed but did not move."""
    slots, whole = _slots(data), voices_of(bank)
    return data, [voice for voice, slot in zip(whole, slots, strict=True) if voice == slot], [], slots


def _moved(
    bank: UInt8Array, data: bytes, start: int, end: int, shift: int
) -> tuple[bytes, list[bytes], list[bytes], list[bytes]]:
    """The truth about a framed bank of which the data from `start` to `end` broke, and what follows moved."""
    before, after = start // VMEM_SIZE, -(-end // VMEM_SIZE)
    whole, slots = voices_of(bank), _slots(data)
    if after > before:
        # The broken voice may be read from its end as well as from its start.
        broken_end = _HEADER + after * VMEM_SIZE + shift
        slots += voices_of(_records(data[max(broken_end - VMEM_SIZE, 0) : broken_end], VMEM_SIZE))
    return data, whole[:before], whole[after:], slots


# What is wrong with a frame.


@_damage
def _channel(stock: Stock):
    bank = stock.bank()
    return _framed(bank, stock.number(1, 15)), voices_of(bank)


@_damage
def _byte_count(stock: Stock):
    bank = stock.bank()
    data = _framed(bank)
    count = [b"\x10\x00", bytes([stock.number(0, 127), stock.number(0, 127)])][stock.number(0, 1)]
    return data[:4] + count + data[6:], voices_of(bank)


@_damage
def _header_bytes_lost(stock: Stock):
    bank = stock.bank()
    return _framed(bank)[stock.number(1, _HEADER) :], voices_of(bank)


@_damage
def _checksum_zero(stock: Stock):
    bank = stock.bank()
    return _framed(bank)[:-2] + b"\x00\xf7", voices_of(bank)


@_damage
def _checksum_ones_complement(stock: Stock):
    bank = stock.bank()
    return _framed(bank)[:-2] + bytes([~checksum(bank.tobytes()) & 0x7F, 0xF7]), voices_of(bank)


@_damage
def _checksum_unmasked(stock: Stock):
    bank = stock.bank()
    return _framed(bank)[:-2] + bytes([checksum(bank.tobytes()) | 0x80, 0xF7]), voices_of(bank)


@_damage
def _checksum_missing(stock: Stock):
    bank = stock.bank()
    return _framed(bank)[:-2] + b"\xf7", voices_of(bank)


# What is wrong with the data.


@_damage
def _truncated(stock: Stock):
    bank = stock.bank()
    data = _framed(bank)[: stock.number(1, _FRAMED_BANK - 1)]
    return data, voices_of(bank)[: max(len(data) - _HEADER, 0) // VMEM_SIZE]


@_damage
def _truncated_then_whole(stock: Stock):
    bank = stock.bank()
    cut = stock.number(1, _FRAMED_BANK - 1)
    following, voices = stock.dump()
    return _framed(bank)[:cut] + following, voices_of(bank)[: max(cut - _HEADER, 0) // VMEM_SIZE] + voices


@_damage
def _lost(stock: Stock):
    bank = stock.bank()
    place, count = stock.number(0, VMEM_VOICES * VMEM_SIZE - 65), stock.number(1, 64)
    data = _framed(bank)
    data = data[: _HEADER + place] + data[_HEADER + place + count :]
    return _moved(bank, data, place, place + count, -count)


@_damage
def _lost_and_framed_anew(stock: Stock):
    bank = stock.bank()
    place, count = stock.number(0, VMEM_VOICES * VMEM_SIZE - 65), stock.number(1, 64)
    body = bank.tobytes()
    data = frame(9, body[:place] + body[place + count :] + bytes(count))
    return _moved(bank, data, place, place + count, -count)


@_damage
def _inserted(stock: Stock):
    bank = stock.bank()
    place, junk = stock.number(0, VMEM_VOICES * VMEM_SIZE), stock.junk(64, [128, 256][stock.number(0, 1)])
    data = _framed(bank)
    data = data[: _HEADER + place] + junk + data[_HEADER + place :]
    return _moved(bank, data, place, place, len(junk))


@_damage
def _bits_flipped(stock: Stock):
    bank = stock.bank()
    data = bytearray(_framed(bank))
    for place in stock.places(stock.number(1, 60), VMEM_VOICES * VMEM_SIZE):
        data[_HEADER + place] ^= 1 << stock.number(0, 6)
    return _same(bank, bytes(data))


@_damage
def _bytes_over_127(stock: Stock):
    bank = stock.bank()
    data = bytearray(_framed(bank))
    for place in stock.places(stock.number(1, 60), VMEM_VOICES * VMEM_SIZE):
        data[_HEADER + place] = stock.number(128, 255)
    return _same(bank, bytes(data))


# What stands around it.


@_damage
def _several_dumps(stock: Stock):
    dumps = [stock.dump() for _ in range(stock.number(2, 8))]
    return b"".join(data for data, _ in dumps), [voice for _, voices in dumps for voice in voices]


@_damage
def _other_messages_between(stock: Stock):
    dumps = [stock.dump() for _ in range(stock.number(1, 5))]
    data = b"".join(stock.message() + data for data, _ in dumps) + stock.message()
    return data, [voice for _, voices in dumps for voice in voices]


@_damage
def _preamble(stock: Stock):
    data, voices = stock.dump()
    return stock.junk(300) + data, voices


@_damage
def _trailing(stock: Stock):
    data, voices = stock.dump()
    return data + stock.junk(300), voices


@_damage
def _preamble_of_seven_bits(stock: Stock):
    data, voices = stock.dump()
    return stock.junk(300, 128) + data + stock.junk(300, 128), voices


@_damage
def _macbinary(stock: Stock):
    data, voices = stock.dump()
    name = b"DX7 Bank"
    header = struct.pack(">xB63s4s4sxxxxxxxxxxIIxx", len(name), name, b"BANK", b"DXLB", len(data), 0)
    return header.ljust(128, b"\0") + data + bytes(-len(data) % 128), voices


@_damage
def _iff_form(stock: Stock):
    bank = stock.bank()
    body = _framed(bank) if stock.number(0, 1) else bank.tobytes()
    chunks = [(b"NAME", b"Strings & pads"), (b"BODY", body)]
    content = b"BANK" + b"".join(name + struct.pack(">I", len(data)) + data for name, data in chunks)
    return b"FORM" + struct.pack(">I", len(content)) + content, voices_of(bank)


# No frame at all.


@_damage
def _headerless(stock: Stock):
    banks = [stock.bank() for _ in range([1, 1, 2, 8][stock.number(0, 3)])]
    return b"".join(bank.tobytes() for bank in banks), voices_of(np.concatenate(banks))


@_damage
def _headerless_between_junk(stock: Stock):
    voices = stock.bank()[: stock.number(4, VMEM_VOICES)]
    return stock.junk(300) + voices.tobytes() + stock.junk(300), voices_of(voices)


@_damage
def _headerless_macbinary(stock: Stock):
    bank = stock.bank()
    return struct.pack(">xB63s", 4, b"BANK").ljust(128, b"\0") + bank.tobytes(), voices_of(bank)


@_damage
def _headerless_few(stock: Stock):
    voices = stock.bank()[: stock.number(1, 40)]
    return voices.tobytes(), voices_of(voices)


@_damage
def _headerless_truncated(stock: Stock):
    bank = stock.bank()
    data = bank.tobytes()[: stock.number(VMEM_SIZE, VMEM_VOICES * VMEM_SIZE)]
    return data, voices_of(bank)[: len(data) // VMEM_SIZE]


@_damage
def _headerless_bits_flipped(stock: Stock):
    bank = stock.bank()
    data = bytearray(bank.tobytes())
    for place in stock.places(stock.number(1, 20), len(data)):
        data[place] ^= 1 << stock.number(0, 6)
    slots, whole = _slots(bytes(data), 0), voices_of(bank)
    return bytes(data), [voice for voice, slot in zip(whole, slots, strict=True) if voice == slot], [], slots


@_damage
def _headerless_unpacked(stock: Stock):
    voices = stock.unpacked(VMEM_VOICES)
    return voices.tobytes(), voices_of(voices)


@_damage
def _headerless_unpacked_between_junk(stock: Stock):
    voices = stock.unpacked(stock.number(4, 64))
    return stock.junk(300) + voices.tobytes() + stock.junk(300), voices_of(voices)


@_damage
def _headerless_156(stock: Stock):
    voices = stock.unpacked(stock.number(2, 64))
    # The last byte holds the operators' switches.
    records = np.concatenate([voices, np.full((len(voices), 1), 0x3F, dtype=np.uint8)], axis=1)
    return records.tobytes(), voices_of(voices)


# Other ways to write the same bytes.


@_damage
def _hex_spaced(stock: Stock):
    data, voices = stock.dump()
    lines = [data[start : start + 16].hex(" ").upper() for start in range(0, len(data), 16)]
    return "\r\n".join(lines).encode() + b"\r\n", voices


@_damage
def _hex_unbroken(stock: Stock):
    data, voices = stock.dump()
    text = data.hex() if stock.number(0, 1) else data.hex().upper()
    return text.encode() + b"\n", voices


@_damage
def _hex_in_source(stock: Stock):
    data, voices = stock.dump()
    lines = (", ".join(f"0x{byte:02X}" for byte in data[start : start + 12]) for start in range(0, len(data), 12))
    rows = ",\n  ".join(lines)
    return f"const unsigned char bank[{len(data)}] = {{\n  {rows}\n}};\n".encode(), voices


@_damage
def _hex_with_words(stock: Stock):
    data, voices = stock.dump()
    return b"Here is my bank, enjoy:\n\n" + data.hex(" ").encode() + b"\n\nRegards, M.\n", voices


@_damage
def _midi_file(stock: Stock):
    dumps = [stock.dump() for _ in range(stock.number(1, 3))]
    messages = [bytes([0xF0, 0x43, 0x10, 0x00, 0x01, 0x20, 0xF7]), *(data for data, _ in dumps)]
    # A delta time, F0, the length of what follows, and the rest of the message.
    events = b"".join(b"\x00\xf0" + _variable_length(len(data) - 1) + data[1:] for data in messages)
    track = b"\x00\xff\x03\x05Track" + events + b"\x00\x90\x3c\x40\x60\x80\x3c\x00\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96)
    return header + b"MTrk" + struct.pack(">I", len(track)) + track, [voice for _, voices in dumps for voice in voices]


@_damage
def _midi_length_after_f0(stock: Stock):
    data, voices = stock.dump()
    return b"\xf0" + _variable_length(len(data) - 1) + data[1:], voices


def _variable_length(number: int) -> bytes:
    return bytes([0x80 | number >> 7, number & 0x7F]) if number > 127 else bytes([number])
