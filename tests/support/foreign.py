"""Files without a DX7 voice: generated, or taken from the Python installation.

The same seed and kind give the same bytes. The name of a kind is that of the function that makes it.
"""

import io
import struct
import sysconfig
import tarfile
import wave
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.packing import pack_vced, pack_vmem
from deepdx_core.codec.writer import frame
from tools.demo_corpus.voices import compose_voices

Random = np.random.Generator

_MAX_SIZE = 64 * 1024
_MAX_INSTALLED_SIZE = 20 * 10**6

FOREIGN: dict[str, Callable[[Random], bytes]] = {}
"""Every kind of foreign file, by name."""


def foreign_file(kind: str, seed: int) -> bytes:
    """Return the file of a kind for a seed."""
    return FOREIGN[kind](np.random.default_rng([seed, *kind.encode()]))


def _foreign(make: Callable[[Random], bytes]) -> Callable[[Random], bytes]:
    FOREIGN[make.__name__.strip("_")] = make
    return make


def _size(random: Random, maximum: int = _MAX_SIZE) -> int:
    """Draw a size: small ones as often as large ones, and often one that banks could have."""
    if random.integers(3) == 0:
        sizes = (128, 155, 156, 163, 4096, 4104, 4960, 8192, 16384)
        return min(int(random.choice(sizes)) * int(random.integers(1, 9)), maximum)
    return int(2 ** random.uniform(0, np.log2(maximum)))


def _number(random: Random, low: int, high: int) -> int:
    return int(random.integers(low, high + 1))


def _bytes_below(random: Random, top: int, count: int) -> UInt8Array:
    return random.integers(0, top, count).astype(np.uint8)


def _word(random: Random, maximum: int = 12) -> bytes:
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789.-_/", dtype=np.uint8)
    return random.choice(letters, _number(random, 1, maximum)).tobytes()


# Noise and patterns.


@_foreign
def _noise(random: Random) -> bytes:
    return random.bytes(_size(random))


@_foreign
def _noise_of_seven_bits(random: Random) -> bytes:
    return _bytes_below(random, 128, _size(random)).tobytes()


@_foreign
def _noise_of_few_values(random: Random) -> bytes:
    return _bytes_below(random, _number(random, 2, 100), _size(random)).tobytes()


@_foreign
def _noise_in_a_frame(random: Random) -> bytes:
    size = _number(random, 0, 127)
    return frame(_number(random, 10, 120), _bytes_below(random, 128, size * 32).tobytes())


@_foreign
def _constant(random: Random) -> bytes:
    return bytes([_number(random, 0, 255)]) * _size(random)


@_foreign
def _repeated_pattern(random: Random) -> bytes:
    pattern = random.bytes(_number(random, 2, 300))
    return (pattern * (_MAX_SIZE // len(pattern)))[: _size(random)]


@_foreign
def _ramp(random: Random) -> bytes:
    counter = np.arange(_size(random)) // _number(random, 1, 300) + _number(random, 0, 255)
    return (counter % _number(random, 2, 256)).astype(np.uint8).tobytes()


# Files of other programs.


@_foreign
def _text(random: Random) -> bytes:
    newline = [b"\n", b"\r\n", b" "][random.integers(3)]
    return newline.join(_word(random, 60) for _ in range(_size(random, 8192) // 30))


@_foreign
def _numbers_as_text(random: Random) -> bytes:
    values = random.integers(0, 100, (_size(random, 8192) // 16 + 1, 5))
    return "\r\n".join(",".join(map(str, row)) for row in values.tolist()).encode()


@_foreign
def _png(random: Random) -> bytes:
    pixels = zlib.compress(_image(random))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)), (b"IDAT", pixels), (b"IEND", b"")]
    body = (struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@_foreign
def _jpeg(random: Random) -> bytes:
    tables = b"\xff\xdb\x00\x43\x00" + np.sort(_bytes_below(random, 100, 64)).tobytes()
    scan = random.bytes(_size(random)).replace(b"\xff", b"\xff\x00")
    start = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return start + tables + b"\xff\xda" + scan + b"\xff\xd9"


@_foreign
def _image(random: Random) -> bytes:
    side = int(_size(random) ** 0.5) + 1
    x, y = np.meshgrid(np.linspace(0, random.uniform(0, 9), side), np.linspace(0, random.uniform(0, 9), side))
    shade = (np.sin(x) * np.cos(y) + 1) * random.uniform(1, 127) + random.normal(0, random.uniform(0, 3), x.shape)
    return shade.clip(0, 255).astype(np.uint8).tobytes()


@_foreign
def _quiet_audio(random: Random) -> bytes:
    samples = _samples(random, _number(random, 2, 3000)).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(44100)
        audio.writeframes(samples.tobytes())
    return file.getvalue()


@_foreign
def _audio_of_eight_bits(random: Random) -> bytes:
    return (_samples(random, _number(random, 1, 100)) + _number(random, 0, 128)).astype(np.int8).tobytes()


def _samples(random: Random, loudness: int) -> npt.NDArray[np.float64]:
    time_ = np.arange(_size(random, _MAX_SIZE // 2))
    decay = np.exp(-time_ / random.uniform(100, 20000))
    return loudness * decay * np.sin(time_ * random.uniform(0.001, 0.5)) + random.normal(0, 1, len(time_))


@_foreign
def _executable(random: Random) -> bytes:
    code = random.choice(_bytes_below(random, 256, 40), _size(random)).tobytes()
    strings = b"\0".join(_word(random) for _ in range(_number(random, 5, 200)))
    symbols = random.integers(0, _MAX_SIZE, _number(random, 1, 300)).astype("<u8").tobytes()
    return b"\x7fELF\x02\x01\x01".ljust(64, b"\0") + code + bytes(-len(code) % 4096) + strings + bytes(64) + symbols


@_foreign
def _tar(random: Random) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for number in range(_number(random, 1, 5)):
            entry = tarfile.TarInfo(f"banks/{number}")
            content = _text(random)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


@_foreign
def _sparse(random: Random) -> bytes:
    """Zeros, with a few small numbers and strings between."""
    data = np.zeros(_size(random) + 64, dtype=np.uint8)
    for offset in random.integers(0, len(data) - 16, len(data) // _number(random, 20, 400) + 1):
        word = _word(random) if random.integers(2) else struct.pack("<I", _number(random, 0, 99))
        data[offset : offset + len(word)] = np.frombuffer(word, dtype=np.uint8)
    return data.tobytes()


@_foreign
def _records(random: Random) -> bytes:
    """Records of one width, as in a database or another synthesizer: small numbers, then a name."""
    width = int(random.choice([64, 128, 155, 156, 256, _number(random, 40, 300)]))
    count = _number(random, 1, 64)
    table = np.zeros((count, width), dtype=np.uint8)
    used = _number(random, 1, width)
    table[:, :used] = random.integers(0, random.choice([2, 10, 64, 100, 128], used), (count, used))
    name = min(width, _number(random, 8, 16))
    table[:, -name:] = np.stack([np.frombuffer(_word(random, name).ljust(name), dtype=np.uint8) for _ in range(count)])
    return table.tobytes()


@_foreign
def _sorted_table(random: Random) -> bytes:
    kind = [np.uint8, "<u2", ">u2", "<u4", "<f4"][random.integers(5)]
    return np.sort(random.integers(0, _number(random, 2, 255), _size(random, _MAX_SIZE // 4))).astype(kind).tobytes()


@_foreign
def _part_of_an_installed_file(random: Random) -> bytes:
    files = _installed_files()
    data = files[random.integers(len(files))].read_bytes()
    start = _number(random, 0, max(len(data) - 1, 0)) * _number(random, 0, 1)
    return data[start : start + _size(random)]


@cache
def _installed_files() -> list[Path]:
    """List files of many kinds from the Python installation: code, pictures, fonts, tables."""
    by_suffix: dict[str, list[Path]] = {}
    for path in sorted(Path(sysconfig.get_path("purelib")).rglob("*.*")):
        if path.is_file() and 0 < path.stat().st_size < _MAX_INSTALLED_SIZE:
            by_suffix.setdefault(path.suffix, []).append(path)
    suffixes = (".so", ".pyc", ".png", ".ttf", ".afm", ".pdf", ".npz", ".npy", ".json", ".gz", ".svg", ".h", ".whl")
    few = (by_suffix.get(suffix, []) for suffix in suffixes)
    return [path for paths in few for path in paths[:: len(paths) // 30 + 1]]


# Music, but no DX7 voices.


@_foreign
def _four_operators(random: Random) -> bytes:
    voices = np.zeros((32, 128), dtype=np.uint8)
    tops = np.array([*[32, 32, 32, 16, 16, 8, 128, 100, 64, 64] * 4, *[64, 100, 100, 100, 100, 128, 49, 13] * 2, 100])
    voices[:, :57] = random.integers(0, tops, (32, 57))
    voices[:, 57:67] = np.frombuffer(_word(random, 10).ljust(10), dtype=np.uint8)
    voices[:, 67:73] = random.integers(0, 100, 6) * random.integers(2)
    return _perhaps_framed(random, 4, voices)


@_foreign
def _performances(random: Random) -> bytes:
    blocks = np.zeros((64, 64), dtype=np.uint8)
    blocks[:, :30] = random.integers(0, 16, (64, 30))
    blocks[:, 34:] = np.frombuffer(_word(random, 30).ljust(30), dtype=np.uint8)
    return _perhaps_framed(random, 2, blocks)


def _perhaps_framed(random: Random, format_number: int, data: UInt8Array) -> bytes:
    return frame(format_number, data.tobytes()) if random.integers(2) else data.tobytes()


@_foreign
def _other_makers(random: Random) -> bytes:
    messages = []
    for _ in range(_number(random, 1, 20)):
        body = _bytes_below(random, 128, _number(random, 1, 600)).tobytes() + _word(random)
        messages.append(bytes([0xF0, int(random.choice([0x3E, 0x40, 0x41, 0x42, 0x7D, 0x7E]))]) + body + b"\xf7")
    return b"".join(messages)


@_foreign
def _midi_notes(random: Random) -> bytes:
    notes = np.empty((_size(random, _MAX_SIZE // 4), 4), dtype=np.uint8)
    notes[:] = random.integers([0, 0x90, 36, 0], [96, 0x92, 84, 100], notes.shape)
    track_ = notes.tobytes() + b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(track_)) + track_


# DX7 voices beyond recognition. Flipping only low bits would not do: the voices would still be legal.


@cache
def voice_records() -> tuple[UInt8Array, UInt8Array]:
    """Return the composed voices, packed `uint8[n, 128]` and unpacked `uint8[n, 155]`."""
    voices = compose_voices(1)
    return pack_vmem(voices.parameters, voices.names), pack_vced(voices.parameters, voices.names)


def _some_voices(random: Random) -> UInt8Array:
    records = voice_records()[random.integers(2)]
    return records[random.integers(0, len(records), _number(random, 2, 64))]


@_foreign
def _voices_xored(random: Random) -> bytes:
    return (_some_voices(random) ^ np.uint8(_number(random, 16, 255))).tobytes()


@_foreign
def _voices_with_nibbles_swapped(random: Random) -> bytes:
    voices = _some_voices(random)
    return (voices << 4 | voices >> 4).tobytes()


@_foreign
def _voices_shifted_by_bits(random: Random) -> bytes:
    bits = np.unpackbits(_some_voices(random))
    return np.packbits(bits[_number(random, 1, 7) :]).tobytes()


@_foreign
def _voices_in_columns(random: Random) -> bytes:
    return np.ascontiguousarray(_some_voices(random).T).tobytes()


@_foreign
def _voices_backwards(random: Random) -> bytes:
    return _some_voices(random).tobytes()[::-1]


@_foreign
def _voices_as_words(random: Random) -> bytes:
    return _some_voices(random).astype(["<u2", ">u2", "<u4", "<f4"][random.integers(4)]).tobytes()
