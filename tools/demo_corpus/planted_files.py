"""Planted files: damaged, oddly framed and foreign, as found on the net, each with the expected result of reading."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import pack_vmem
from deepdx_core.codec.writer import frame
from deepdx_core.voice.parameters import INDEX, PARAMETERS, VMEM_SIZE, VMEM_VOICES
from tools.demo_corpus.four_operators import make_four_operator_bank
from tools.demo_corpus.other_files import (
    make_apple_double,
    make_noise,
    make_performances,
    make_roland_message,
    make_text,
    make_web_page,
)
from tools.demo_corpus.random_draws import Draws
from tools.demo_corpus.voices import Voices

Take = Callable[[int], Voices]
"""Returns a number of voices that no other file has."""


@dataclass(frozen=True)
class PlantedFile:
    """A planted file.

    slots: number of 6-operator voice slots that a reader should find in it.
    sounds: number of slots with a legal voice other than INIT VOICE.
    """

    path: str
    content: bytes
    description: str
    slots: int
    sounds: int


def build_planted_files(take: Take, draws: Draws) -> list[PlantedFile]:
    """Return all planted files, with voices from `take`."""
    return [
        *_build_wrong_frames(take),
        *_build_damaged_banks(take),
        *_build_several_in_one(take, draws),
        *_build_singles(take),
        *_build_files_without_voices(draws),
    ]


def _build_wrong_frames(take: Take) -> list[PlantedFile]:
    whole = "the 32 voices are good"

    def net(name: str, content: bytes, description: str, voices: int = VMEM_VOICES) -> PlantedFile:
        return PlantedFile(f"From the net/{name}", content, description, voices, voices)

    def with_wrong_count(bank: bytes, last: int) -> bytes:
        return bank[:4] + b"\x10\x00" + bank[6:-2] + bytes([bank[-2] | last, 0xF7])

    wrong_sum = take(VMEM_VOICES).bank()
    return [
        net("headerless.syx", _packed(take(32)).tobytes(), "4096 bytes without a frame"),
        net("headerless_two_banks.bin", _packed(take(64)).tobytes(), "8192 bytes without a frame: two banks", 64),
        net(
            "count_10_00.syx", with_wrong_count(take(32).bank(), 0), f"byte count `10 00` in place of `20 00`; {whole}"
        ),
        net(
            "count_10_00_checksum_over_127.syx",
            with_wrong_count(take(32).bank(), 0x80),
            f"byte count `10 00`, and the checksum's top bit is set; {whole}",
        ),
        net(
            "wrong_checksum.syx",
            wrong_sum[:-2] + bytes([wrong_sum[-2] ^ 0x55, 0xF7]),
            f"the checksum does not match; {whole}",
        ),
        net(
            "channel_6.syx", take(32).bank(channel=5), "sent on channel 6 (channel nibble 5); nothing is wrong with it"
        ),
    ]


def _build_damaged_banks(take: Take) -> list[PlantedFile]:
    def net(name: str, content: bytes, description: str, slots: int, sounds: int) -> PlantedFile:
        return PlantedFile(f"From the net/{name}", content, description, slots, sounds)

    over_127 = _packed(take(32))
    for voice in (5, 14, 27):
        over_127[voice, 3:100:19] |= 0x80
    out_of_range = _packed(take(32))
    _set_parameter(out_of_range[3], "op1_output_level", 120)
    _set_parameter(out_of_range[9], "transpose", 96)
    _set_parameter(out_of_range[17], "lfo_wave", 7)
    _set_parameter(out_of_range[24], "op4_detune", 15)
    _set_parameter(out_of_range[24], "op2_eg_rate_1", 111)
    empty = _packed(take(32))
    empty[20:30] = 0
    return [
        net("bytes_over_127.syx", _dump(over_127), "three voices have data bytes over 127; 29 are whole", 32, 29),
        net(
            "truncated.syx",
            take(32).bank()[: 6 + 20 * VMEM_SIZE + 57],
            "cut off within the 21st voice; 20 are whole",
            20,
            20,
        ),
        net("out_of_range.syx", _dump(out_of_range), "four voices have parameters out of range; 28 are legal", 32, 28),
        net("empty_slots.syx", _dump(empty), "ten slots are all zero bytes; 22 hold voices", 32, 22),
        net("init_slots.syx", take(19).bank(), "19 voices, and INIT VOICE in the other 13 slots", 32, 19),
    ]


def _build_several_in_one(take: Take, draws: Draws) -> list[PlantedFile]:
    first, second, single = take(32).bank(), take(32).bank(), take(1).single(0)
    archive = _build_zip({"banks/NET1.syx": take(32).bank(), "banks/NET2.syx": take(32).bank()})
    return [
        PlantedFile(
            "From the net/several_dumps.syx",
            first + frame(2, make_performances(draws)) + second + single,
            "a bank, TX7 performances, a bank and a single voice, one after another",
            65,
            65,
        ),
        PlantedFile("From the net/two_banks.zip", archive, "an archive with two banks", 64, 64),
    ]


def _build_singles(take: Take) -> list[PlantedFile]:
    alone, together = take(8), take(5)
    files = [
        PlantedFile(f"Singles/voice_{i + 1}.syx", alone.single(i), "a single-voice dump", 1, 1)
        for i in range(len(alone))
    ]
    dumps = b"".join(together.single(i) for i in range(len(together)))
    return [*files, PlantedFile("Singles/five_voices.syx", dumps, "five single-voice dumps, one after another", 5, 5)]


def _build_files_without_voices(draws: Draws) -> list[PlantedFile]:
    draws.integers(0, 99, (32, 57))  # skipped, so that files composed from later draws keep their bytes
    contents = {
        "four_operators.syx": (
            frame(4, make_four_operator_bank()),
            "a bank of a 4-operator synthesizer (format 04): 25 voices and INIT VOICE",
        ),
        "tx7_performances.syx": (frame(2, make_performances(draws)), "TX7 performance data (format 02)"),
        "other_maker.syx": (make_roland_message(draws), "another maker's dump (`F0 41`)"),
        "voice_list.syx": (make_text(), "a text file with the wrong suffix"),
        "nothing.syx": (b"", "an empty file"),
        "dx7_banks.html": (make_web_page(), "a web page saved beside the banks"),
        "._EPIANOS1.syx": (make_apple_double(), "what a Mac leaves beside a file (AppleDouble)"),
        "noise.syx": (make_noise(draws), "noise"),
    }
    return [
        PlantedFile(f"From the net/{name}", content, description, 0, 0)
        for name, (content, description) in contents.items()
    ]


def _packed(voices: Voices) -> UInt8Array:
    return pack_vmem(voices.parameters, voices.names)


def _dump(packed: UInt8Array) -> bytes:
    return frame(9, packed.tobytes())


def _set_parameter(packed: UInt8Array, parameter: str, value: int) -> None:
    # packed: one voice, uint8[128].
    p = PARAMETERS[INDEX[parameter]]
    mask = np.uint8(((1 << p.bits) - 1) << p.shift)
    packed[p.vmem] = (packed[p.vmem] & ~mask) | np.uint8(value << p.shift)


def _build_zip(files: dict[str, bytes]) -> bytes:
    # Stored, with a fixed date, system and mode: the bytes depend on the content alone.
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1987, 6, 1, 12, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
