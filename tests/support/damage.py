"""Intact banks and single voices, damaged and wrapped like files from the net, each with its ground truth.

The same seed and kind give the same bytes. The name of a kind is that of the function that makes it.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.writer import checksum, frame
from deepdx_core.voice.parameters import VMEM_SIZE, VMEM_VOICES
from tests.support.banks import BANK_SIZE, FRAMED_BANK_SIZE, HEADER_SIZE, Sampler, frame_bank
from tests.support.readings import Voices, to_records, voices_of


@dataclass(frozen=True)
class Case:
    """A damaged file with its ground truth.

    intact: whole voices at the offsets of their format; a reader must find them.
    displaced: whole voices at other offsets; a reader may find them.
    slots: the records at the offsets of the frame, damaged or not; a reader that reports them has not invented a voice.
    """

    kind: str
    data: bytes
    intact: Voices
    displaced: Voices = frozenset()
    slots: Voices = frozenset()


_Damage = Callable[[Sampler], tuple[bytes, list[bytes]] | tuple[bytes, list[bytes], list[bytes], list[bytes]]]
"""Returns a file, its intact voices and, for some kinds, its displaced voices and its slots."""

DAMAGES: dict[str, _Damage] = {}
"""Every kind of damage, by name."""


def damaged_file(kind: str, banks: UInt8Array, seed: int) -> Case:
    """Return the file of a kind of damage for a seed."""
    data, *truth = DAMAGES[kind](Sampler(banks, [seed, *kind.encode()]))
    return Case(kind, data, *map(frozenset, truth))


def _damage(make: _Damage) -> _Damage:
    DAMAGES[make.__name__.strip("_")] = make
    return make


def _slots(data: bytes, start: int = HEADER_SIZE) -> list[bytes]:
    """Return the records of `data` at the offsets of a bank's voices."""
    return voices_of(to_records(data[start : start + BANK_SIZE], VMEM_SIZE))


def _same(bank: UInt8Array, data: bytes) -> tuple[bytes, list[bytes], list[bytes], list[bytes]]:
    """Return a framed bank whose bytes changed but did not move, with its ground truth."""
    slots, whole = _slots(data), voices_of(bank)
    return data, [voice for voice, slot in zip(whole, slots, strict=True) if voice == slot], [], slots


def _moved(
    bank: UInt8Array, data: bytes, start: int, end: int, shift: int
) -> tuple[bytes, list[bytes], list[bytes], list[bytes]]:
    """Return a framed bank whose data from `start` to `end` broke and whose later data moved, with its ground truth."""
    before, after = start // VMEM_SIZE, -(-end // VMEM_SIZE)
    whole, slots = voices_of(bank), _slots(data)
    if after > before:
        # The broken voice may be read from its end as well as from its start.
        broken_end = HEADER_SIZE + after * VMEM_SIZE + shift
        slots += voices_of(to_records(data[max(broken_end - VMEM_SIZE, 0) : broken_end], VMEM_SIZE))
    return data, whole[:before], whole[after:], slots


# Damage to the frame.


@_damage
def _channel(sampler: Sampler):
    bank = sampler.bank()
    return frame_bank(bank, sampler.number(1, 15)), voices_of(bank)


@_damage
def _byte_count(sampler: Sampler):
    bank = sampler.bank()
    data = frame_bank(bank)
    count = [b"\x10\x00", bytes([sampler.number(0, 127), sampler.number(0, 127)])][sampler.number(0, 1)]
    return data[:4] + count + data[6:], voices_of(bank)


@_damage
def _header_bytes_lost(sampler: Sampler):
    bank = sampler.bank()
    return frame_bank(bank)[sampler.number(1, HEADER_SIZE) :], voices_of(bank)


@_damage
def _checksum_zero(sampler: Sampler):
    bank = sampler.bank()
    return frame_bank(bank)[:-2] + b"\x00\xf7", voices_of(bank)


@_damage
def _checksum_ones_complement(sampler: Sampler):
    bank = sampler.bank()
    return frame_bank(bank)[:-2] + bytes([~checksum(bank.tobytes()) & 0x7F, 0xF7]), voices_of(bank)


@_damage
def _checksum_unmasked(sampler: Sampler):
    bank = sampler.bank()
    return frame_bank(bank)[:-2] + bytes([checksum(bank.tobytes()) | 0x80, 0xF7]), voices_of(bank)


@_damage
def _checksum_missing(sampler: Sampler):
    bank = sampler.bank()
    return frame_bank(bank)[:-2] + b"\xf7", voices_of(bank)


# Damage to the data.


@_damage
def _truncated(sampler: Sampler):
    bank = sampler.bank()
    data = frame_bank(bank)[: sampler.number(1, FRAMED_BANK_SIZE - 1)]
    return data, voices_of(bank)[: max(len(data) - HEADER_SIZE, 0) // VMEM_SIZE]


@_damage
def _truncated_then_whole(sampler: Sampler):
    bank = sampler.bank()
    cut = sampler.number(1, FRAMED_BANK_SIZE - 1)
    following, voices = sampler.dump()
    return frame_bank(bank)[:cut] + following, voices_of(bank)[: max(cut - HEADER_SIZE, 0) // VMEM_SIZE] + voices


@_damage
def _lost(sampler: Sampler):
    bank = sampler.bank()
    offset, count = sampler.number(0, BANK_SIZE - 65), sampler.number(1, 64)
    data = frame_bank(bank)
    data = data[: HEADER_SIZE + offset] + data[HEADER_SIZE + offset + count :]
    return _moved(bank, data, offset, offset + count, -count)


@_damage
def _lost_and_framed_anew(sampler: Sampler):
    bank = sampler.bank()
    offset, count = sampler.number(0, BANK_SIZE - 65), sampler.number(1, 64)
    body = bank.tobytes()
    data = frame(9, body[:offset] + body[offset + count :] + bytes(count))
    return _moved(bank, data, offset, offset + count, -count)


@_damage
def _inserted(sampler: Sampler):
    bank = sampler.bank()
    offset, junk = sampler.number(0, BANK_SIZE), sampler.junk(64, [128, 256][sampler.number(0, 1)])
    data = frame_bank(bank)
    data = data[: HEADER_SIZE + offset] + junk + data[HEADER_SIZE + offset :]
    return _moved(bank, data, offset, offset, len(junk))


@_damage
def _bits_flipped(sampler: Sampler):
    bank = sampler.bank()
    data = bytearray(frame_bank(bank))
    for offset in sampler.offsets(sampler.number(1, 60), BANK_SIZE):
        data[HEADER_SIZE + offset] ^= 1 << sampler.number(0, 6)
    return _same(bank, bytes(data))


@_damage
def _bytes_over_127(sampler: Sampler):
    bank = sampler.bank()
    data = bytearray(frame_bank(bank))
    for offset in sampler.offsets(sampler.number(1, 60), BANK_SIZE):
        data[HEADER_SIZE + offset] = sampler.number(128, 255)
    return _same(bank, bytes(data))


# Other bytes around intact dumps.


@_damage
def _several_dumps(sampler: Sampler):
    dumps = [sampler.dump() for _ in range(sampler.number(2, 8))]
    return b"".join(data for data, _ in dumps), [voice for _, voices in dumps for voice in voices]


@_damage
def _other_messages_between(sampler: Sampler):
    dumps = [sampler.dump() for _ in range(sampler.number(1, 5))]
    data = b"".join(sampler.message() + data for data, _ in dumps) + sampler.message()
    return data, [voice for _, voices in dumps for voice in voices]


@_damage
def _preamble(sampler: Sampler):
    data, voices = sampler.dump()
    return sampler.junk(300) + data, voices


@_damage
def _trailing(sampler: Sampler):
    data, voices = sampler.dump()
    return data + sampler.junk(300), voices


@_damage
def _preamble_of_seven_bits(sampler: Sampler):
    data, voices = sampler.dump()
    return sampler.junk(300, 128) + data + sampler.junk(300, 128), voices


@_damage
def _macbinary(sampler: Sampler):
    data, voices = sampler.dump()
    name = b"DX7 Bank"
    header = struct.pack(">xB63s4s4sxxxxxxxxxxIIxx", len(name), name, b"BANK", b"DXLB", len(data), 0)
    return header.ljust(128, b"\0") + data + bytes(-len(data) % 128), voices


@_damage
def _iff_form(sampler: Sampler):
    bank = sampler.bank()
    body = frame_bank(bank) if sampler.number(0, 1) else bank.tobytes()
    chunks = [(b"NAME", b"Strings & pads"), (b"BODY", body)]
    content = b"BANK" + b"".join(name + struct.pack(">I", len(data)) + data for name, data in chunks)
    return b"FORM" + struct.pack(">I", len(content)) + content, voices_of(bank)


# Voices without a frame.


@_damage
def _headerless(sampler: Sampler):
    banks = [sampler.bank() for _ in range([1, 1, 2, 8][sampler.number(0, 3)])]
    return b"".join(bank.tobytes() for bank in banks), voices_of(np.concatenate(banks))


@_damage
def _headerless_between_junk(sampler: Sampler):
    voices = sampler.bank()[: sampler.number(4, VMEM_VOICES)]
    return sampler.junk(300) + voices.tobytes() + sampler.junk(300), voices_of(voices)


@_damage
def _headerless_macbinary(sampler: Sampler):
    bank = sampler.bank()
    return struct.pack(">xB63s", 4, b"BANK").ljust(128, b"\0") + bank.tobytes(), voices_of(bank)


@_damage
def _headerless_few(sampler: Sampler):
    voices = sampler.bank()[: sampler.number(1, 40)]
    return voices.tobytes(), voices_of(voices)


@_damage
def _headerless_truncated(sampler: Sampler):
    bank = sampler.bank()
    data = bank.tobytes()[: sampler.number(VMEM_SIZE, BANK_SIZE)]
    return data, voices_of(bank)[: len(data) // VMEM_SIZE]


@_damage
def _headerless_bits_flipped(sampler: Sampler):
    bank = sampler.bank()
    data = bytearray(bank.tobytes())
    for offset in sampler.offsets(sampler.number(1, 20), len(data)):
        data[offset] ^= 1 << sampler.number(0, 6)
    slots, whole = _slots(bytes(data), 0), voices_of(bank)
    return bytes(data), [voice for voice, slot in zip(whole, slots, strict=True) if voice == slot], [], slots


@_damage
def _headerless_unpacked(sampler: Sampler):
    voices = sampler.unpacked(VMEM_VOICES)
    return voices.tobytes(), voices_of(voices)


@_damage
def _headerless_unpacked_between_junk(sampler: Sampler):
    voices = sampler.unpacked(sampler.number(4, 64))
    return sampler.junk(300) + voices.tobytes() + sampler.junk(300), voices_of(voices)


@_damage
def _headerless_156(sampler: Sampler):
    voices = sampler.unpacked(sampler.number(2, 64))
    # The last byte holds the operators' switches.
    records = np.concatenate([voices, np.full((len(voices), 1), 0x3F, dtype=np.uint8)], axis=1)
    return records.tobytes(), voices_of(voices)


# The same bytes in another notation or container.


@_damage
def _hex_spaced(sampler: Sampler):
    data, voices = sampler.dump()
    lines = [data[start : start + 16].hex(" ").upper() for start in range(0, len(data), 16)]
    return "\r\n".join(lines).encode() + b"\r\n", voices


@_damage
def _hex_unbroken(sampler: Sampler):
    data, voices = sampler.dump()
    text = data.hex() if sampler.number(0, 1) else data.hex().upper()
    return text.encode() + b"\n", voices


@_damage
def _hex_in_source(sampler: Sampler):
    data, voices = sampler.dump()
    lines = (", ".join(f"0x{byte:02X}" for byte in data[start : start + 12]) for start in range(0, len(data), 12))
    rows = ",\n  ".join(lines)
    return f"const unsigned char bank[{len(data)}] = {{\n  {rows}\n}};\n".encode(), voices


@_damage
def _hex_with_words(sampler: Sampler):
    data, voices = sampler.dump()
    return b"Here is my bank, enjoy:\n\n" + data.hex(" ").encode() + b"\n\nRegards, M.\n", voices


@_damage
def _midi_file(sampler: Sampler):
    dumps = [sampler.dump() for _ in range(sampler.number(1, 3))]
    messages = [bytes([0xF0, 0x43, 0x10, 0x00, 0x01, 0x20, 0xF7]), *(data for data, _ in dumps)]
    # A delta time, F0, the length of what follows, and the rest of the message.
    events = b"".join(b"\x00\xf0" + _variable_length(len(data) - 1) + data[1:] for data in messages)
    track = b"\x00\xff\x03\x05Track" + events + b"\x00\x90\x3c\x40\x60\x80\x3c\x00\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96)
    return header + b"MTrk" + struct.pack(">I", len(track)) + track, [voice for _, voices in dumps for voice in voices]


@_damage
def _midi_length_after_f0(sampler: Sampler):
    data, voices = sampler.dump()
    return b"\xf0" + _variable_length(len(data) - 1) + data[1:], voices


def _variable_length(number: int) -> bytes:
    return bytes([0x80 | number >> 7, number & 0x7F]) if number > 127 else bytes([number])
