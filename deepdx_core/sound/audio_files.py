"""Clips as audio files: WAV, FLAC, MP3 and Ogg Vorbis through libsndfile, a WAV's loop, and labels of its parts."""

import errno
import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from deepdx_core.arrays import Float32Array
from deepdx_core.display import printable
from deepdx_core.sound.rendering import SAMPLE_RATE

FORMATS = {"wav": "PCM_24", "flac": "PCM_24", "mp3": "MPEG_LAYER_III", "ogg": "VORBIS"}
"""libsndfile's subtype by extension. 24 bits: at 16, the gain of a quiet voice would make rounding audible."""

_BLOCK = 2**16  # samples written at once; libsndfile's Vorbis encoder overflows the stack on very long blocks
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def encode(audio: Float32Array, audio_format: str) -> bytes:
    """Return a mono clip, `float32[samples]`, as a file. Raises ValueError like `write_audio`."""
    file = io.BytesIO()
    _write(file, [audio], audio_format)
    data = file.getvalue()
    return _with_serial_number_0(data) if audio_format == "ogg" else data


def write_audio(path: Path, parts: Iterable[Float32Array], audio_format: str) -> None:
    """Write parts, each `float32[samples]`, one after another to a file.

    The same audio gives the same bytes. Raises ValueError for NaN, and for samples beyond -1 and 1: they would clip.
    Raises OSError if the disk is full or fails.
    """
    try:
        # By path: libsndfile ignores errors and Ctrl-C in the methods of a file object.
        _write(path, parts, audio_format)
    except soundfile.LibsndfileError as error:  # without the system's reason
        raise OSError(errno.EIO, "the disk is full or fails", str(path)) from error
    if audio_format == "ogg":
        path.write_bytes(_with_serial_number_0(path.read_bytes()))


def _write(file: Path | BinaryIO, parts: Iterable[Float32Array], audio_format: str) -> None:
    with soundfile.SoundFile(
        file, "w", SAMPLE_RATE, channels=1, format=audio_format.upper(), subtype=FORMATS[audio_format]
    ) as sound:
        for part in parts:
            if not (np.abs(part) <= 1).all():
                raise ValueError("audio has samples that are not a number, or beyond -1 and 1")
            for start in range(0, len(part), _BLOCK):
                sound.write(part[start : start + _BLOCK])


def _with_serial_number_0(data: bytes) -> bytes:
    """Replace the random serial number in every page of an Ogg file, and the page's checksum.

    In a page's header, RFC 3533, section 6: serial number at 14, checksum at 22, number of segments at 26, then the
    length of each.
    """
    pages = bytearray(data)
    start = 0
    while start < len(pages):
        segments = pages[start + 26]
        end = start + 27 + segments + sum(pages[start + 27 : start + 27 + segments])
        pages[start + 14 : start + 18] = pages[start + 22 : start + 26] = bytes(4)
        # Ogg's CRC takes the highest bit first and starts from 0; zlib's takes the lowest first and inverts.
        mirrored = zlib.crc32(pages[start:end].translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
        pages[start + 22 : start + 26] = mirrored.to_bytes(4, "big").translate(_REVERSED_BITS)
        start = end
    return bytes(pages)


def add_sampler_chunk(wav: bytes, root: int, loop: tuple[int, int] | None) -> bytes:
    """Add the `smpl` chunk to a WAV file: the MIDI note at which it was rendered, and its loop for samplers.

    loop: first and last sample, both played. Source: "Multimedia Data Standards Update", Microsoft 1994.
    """
    period = round(1e9 / SAMPLE_RATE)
    # Manufacturer, product, nanoseconds a sample, note, its fraction, SMPTE format and offset, loops, data after them;
    # for a loop: name, kind (0: forward), first, last, fraction, repetitions (0: endless).
    content = struct.pack("<9I", 0, 0, period, root, 0, 0, 0, 0 if loop is None else 1, 0)
    if loop is not None:
        content += struct.pack("<6I", 0, 0, *loop, 0, 0)
    padded = wav + bytes(len(wav) % 2) + b"smpl" + struct.pack("<I", len(content)) + content
    return padded[:4] + struct.pack("<I", len(padded) - 8) + padded[8:]


def format_labels(names: Sequence[str], seconds: float) -> bytes:
    """Return a label track, in Audacity's format, of clips that follow one another and are equally long."""
    lines = (f"{i * seconds:.6f}\t{(i + 1) * seconds:.6f}\t{printable(name)}\n" for i, name in enumerate(names))
    return "".join(lines).encode()
