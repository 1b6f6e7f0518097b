"""Types of whole files, by their first bytes or their text."""

import re

from deepdx_core.voice.parameters import PARAMETER_NAMES

# Signatures of files that people keep beside their banks.
_SIGNATURES = (
    (b"MThd", "MIDI file"),
    (b"\x89PNG", "PNG picture"),
    (b"\xff\xd8\xff", "JPEG picture"),
    (b"GIF8", "GIF picture"),
    (b"BM", "BMP picture"),
    (b"RIFF", "RIFF file, such as WAV audio"),
    (b"FORM", "IFF container"),
    (b"fLaC", "FLAC audio"),
    (b"OggS", "Ogg audio"),
    (b"ID3", "MP3 audio"),
    (b"%PDF", "PDF document"),
    (b"{\\rtf", "RTF document"),
    (b"\xd0\xcf\x11\xe0", "Microsoft Office document"),
    (b"MZ", "DOS or Windows program"),
    (b"\x7fELF", "Linux program"),
    (b"L\0\0\0\x01\x14\x02\0", "Windows shortcut"),
    (b"\0\x05\x16\x07", "AppleDouble file of a Macintosh"),
    (b"\0\0\0\x01Bud1", ".DS_Store file of a Macintosh"),
)

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")
_COLUMNS = [name.replace("_", "").encode() for name in PARAMETER_NAMES]
_SAMPLE = 2**16  # bytes at either end of a table, where its columns are named


def identify_file(data: bytes) -> str | None:
    """Return the type of a file by its first bytes, None if it is unknown."""
    return next((name for signature, name in _SIGNATURES if data.startswith(signature)), None)


def is_text(data: bytes, size: int = 4096) -> bool:
    """Return True for plain text: no control characters but white space in the first `size` bytes."""
    return _CONTROL.search(data, 0, size) is None


def is_voice_table(data: bytes) -> bool:
    """Return True for a table as `deepdx convert` writes it: CSV, JSON or Parquet with the names of all parameters."""
    if not is_text(data) and not data.startswith(b"PAR1"):
        return False
    sample = (data[:_SAMPLE] + data[-_SAMPLE:]).lower()
    if b'"parameters"' in sample and b'"sound_id"' in sample:  # output of `deepdx inspect --json`
        return True
    words = re.sub(rb"[^a-z0-9]+", b"", sample)
    return all(column in words for column in _COLUMNS)
