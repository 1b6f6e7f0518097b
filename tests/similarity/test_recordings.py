"""Recordings: what is read, how a note is trimmed, and files that are refused, with the reason."""

import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepdx_core.similarity import recordings
from deepdx_core.similarity.recordings import RecordingError, read_recording
from deepdx_core.sound.rendering import SAMPLE_RATE
from tests.support.similarity import as_file


def tone(seconds=1.0, hertz=220.0, rate=SAMPLE_RATE):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 48000, 96000, 192000])
def test_any_rate_becomes_the_engine_s(rate):
    note = read_recording(as_file(tone(rate=rate), rate=rate)).samples
    assert len(note) == pytest.approx(SAMPLE_RATE, abs=200)
    spectrum = np.abs(np.fft.rfft(note[4000:36768] * np.hanning(32768)))
    assert np.argmax(spectrum) * SAMPLE_RATE / 32768 == pytest.approx(220, abs=1.4)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", None), ("MP3", None), ("OGG", None), ("AIFF", None)],
)
def test_formats(kind, subtype):
    assert len(read_recording(as_file(tone(), kind, subtype)).samples) == pytest.approx(SAMPLE_RATE, abs=3000)


def test_silence_before_the_note_is_trimmed_and_key_up_found():
    held, released = tone(0.8), tone(0.4) * np.exp(-np.arange(round(0.4 * SAMPLE_RATE)) / 2000)
    note = read_recording(as_file(np.concatenate([np.zeros(20_000), held, released])))
    assert len(note.samples) == pytest.approx(1.2 * SAMPLE_RATE, abs=256)
    assert note.key_up == pytest.approx(0.8 * SAMPLE_RATE, abs=3 * 882)


def test_a_note_that_fades_by_itself_has_no_key_up():
    fading = tone(2.0) * np.exp(-np.arange(2 * SAMPLE_RATE) / 30_000)
    note = read_recording(as_file(fading))
    assert note.key_up == len(note.samples)


def with_samples(values):
    return as_file(np.array(values, np.float32), subtype="FLOAT")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a recording"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "not a recording"),
        (os.urandom(2000), "not a recording"),
        (as_file(np.zeros(40_000)), "silent"),
        (as_file(np.zeros(0)), "silent"),
        (with_samples([0.1, np.nan] * 5000), "not a number"),
        (with_samples([0.1, np.inf] * 5000), "not a number"),
        (as_file(tone(), rate=4000), "4,000 samples a second; from 8,000 to 192,000"),
        (as_file(np.tile(tone(0.1)[:, None], 9)), "9 channels; the most are 8"),
        (as_file(np.tile(tone(), 31)), "longer than 30 s"),
        (as_file(tone(), "AU"), "AU is not WAV, FLAC, MP3, Ogg or AIFF"),
    ],
)
def test_other_files_are_refused_with_the_reason(content, reason, tmp_path):
    with pytest.raises(RecordingError, match=f"^recording: .*{reason}"):
        read_recording(content)
    path = tmp_path / "a\nb.wav"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=reason) as error:
        read_recording(path)
    assert "\n" not in str(error.value)


def test_a_length_in_the_header_is_not_believed():
    content = bytearray(as_file(tone(0.5), subtype="PCM_16"))
    place = content.index(b"data") + 4
    content[place : place + 4] = struct.pack("<I", 0x7FFFFFF0)
    try:
        assert len(read_recording(bytes(content)).samples) < SAMPLE_RATE
    except RecordingError as error:
        assert "recording" in str(error)


def test_large_files_folders_and_missing_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "MAX_BYTES", 1000)
    (tmp_path / "large.wav").write_bytes(as_file(tone()))
    for name, reason in (("large.wav", "larger than 1,000 bytes"), ("none.wav", "No such file"), ("", "a folder")):
        with pytest.raises(RecordingError, match=reason):
            read_recording(tmp_path / name)
    with pytest.raises(RecordingError, match="larger than 1,000 bytes"):
        read_recording(as_file(tone()))
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(RecordingError, match="not a regular file"):
        read_recording(tmp_path / "pipe.wav")


@given(st.data())
def test_damaged_files_give_a_note_or_an_error(data):
    content = bytearray(as_file(tone(0.2), data.draw(st.sampled_from(["WAV", "FLAC", "OGG"]))))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        note = read_recording(bytes(content))
    except RecordingError:
        return
    assert 0 < note.key_up <= len(note.samples) and np.isfinite(note.samples).all()
