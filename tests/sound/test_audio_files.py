"""Audio files: every format decodes back, with the same bytes for the same audio; loops in WAV files; labels."""

import io
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from deepdx_core.sound.audio_files import FORMATS, add_sampler_chunk, encode, format_labels, write_audio
from deepdx_core.sound.rendering import SAMPLE_RATE

CLIP = (0.8 * np.sin(np.arange(2 * SAMPLE_RATE) * 0.06)).astype(np.float32)


def decode(data):
    audio, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == SAMPLE_RATE
    return audio


@pytest.mark.parametrize(("audio_format", "error"), [("wav", 1.3e-7), ("flac", 1.3e-7), ("mp3", 0.03), ("ogg", 0.03)])
def test_every_format_decodes_back(audio_format, error):
    audio = decode(encode(CLIP, audio_format))
    assert len(audio) == len(CLIP)
    assert np.abs(audio - CLIP)[5000:-5000].max() < error


@pytest.mark.parametrize("audio_format", FORMATS)
def test_the_same_audio_gives_the_same_bytes(audio_format):
    first = encode(CLIP, audio_format)
    if audio_format == "ogg":
        time.sleep(1.1)  # libsndfile seeds the serial number of an Ogg stream with the time
    assert encode(CLIP, audio_format) == first


def test_ogg_pages_have_right_checksums():
    damaged = bytearray(encode(CLIP, "ogg"))
    assert len(decode(bytes(damaged))) == len(CLIP)
    damaged[damaged.rfind(b"OggS") + 40] ^= 1
    assert len(decode(bytes(damaged))) < len(CLIP)


@pytest.mark.parametrize("audio_format", FORMATS)
@pytest.mark.parametrize("length", [1, 63])
def test_tiny_clips_are_written(audio_format, length):
    data = encode(CLIP[:length], audio_format)
    assert audio_format == "mp3" or len(decode(data)) == length


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.01, -1.01])
@pytest.mark.parametrize("audio_format", FORMATS)
def test_audio_that_would_be_clipped_is_refused(audio_format, value):
    with pytest.raises(ValueError, match="not a number, or beyond -1 and 1"):
        encode(np.array([0, value, 0], np.float32), audio_format)


def test_full_level_is_not_clipped():
    audio = decode(encode(np.array([1, -1, 1], np.float32), "wav"))
    assert np.abs(audio - [1, -1, 1]).max() < 2e-7


@pytest.mark.parametrize("audio_format", FORMATS)
def test_parts_are_written_one_after_another(audio_format, tmp_path):
    path = tmp_path / "clip"
    write_audio(path, np.split(CLIP, 4), audio_format)
    # What Vorbis leaves out depends on the lengths of parts.
    assert np.abs(decode(path.read_bytes()) - decode(encode(CLIP, audio_format))).max() <= (
        0.1 if audio_format == "ogg" else 0
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to try")
@pytest.mark.parametrize("audio_format", ["flac", "mp3"])  # the others seek, which a device does not
def test_a_full_disk_is_an_error_with_the_path(audio_format):
    with pytest.raises(OSError, match="the disk is full or fails: '/dev/full'"):
        write_audio(Path("/dev/full"), [CLIP] * 10, audio_format)


def chunks(wav):
    """Return the chunks of a RIFF file by name."""
    assert wav[:4] == b"RIFF" and struct.unpack("<I", wav[4:8])[0] == len(wav) - 8
    found, at = {}, 12
    while at < len(wav):
        size = struct.unpack("<I", wav[at + 4 : at + 8])[0]
        found[wav[at : at + 4].decode()] = wav[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(wav)
    return found


@pytest.mark.parametrize("length", [1000, 1001])
@pytest.mark.parametrize("loop", [None, (100, 899)])
def test_a_wav_file_has_a_sampler_chunk(length, loop):
    wav = add_sampler_chunk(encode(CLIP[:length], "wav"), 61, loop)
    assert len(decode(wav)) == length
    sampler = struct.unpack_from("<9I", chunks(wav)["smpl"])
    assert (sampler[2], sampler[3], sampler[7]) == (22676, 61, 0 if loop is None else 1)
    if loop is not None:
        assert struct.unpack_from("<6I", chunks(wav)["smpl"], 36) == (0, 0, *loop, 0, 0)


def test_labels_are_a_line_each():
    assert format_labels(["01 A", "02 \tB\n"], 1.5) == b"0.000000\t1.500000\t01 A\n1.500000\t3.000000\t02 \\tB\\n\n"
