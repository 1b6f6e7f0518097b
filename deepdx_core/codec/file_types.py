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

# Archives that no library of ours unpacks. Banks that are merely stored in one are found all the same.
_UNREAD_ARCHIVES = (
    (rb"ZOO [ -~]{0,15}.{1,16}\xdc\xa7\xc4\xfd", "zoo archive"),
    (rb"\x60\xea[\x20-\xff][\x00-\x0a]", "arj archive"),
    (rb"\x1a[\x01-\x0b][!-~]{1,12}\x00", "arc archive"),
    (rb"SIT!.{6}rLau|StuffIt \(c\)1997", "StuffIt archive"),
    (rb"DMS!", "dms disk of an Amiga"),
    (rb"LZX\x00", "lzx archive"),
    (rb"PP20|XPKF", "PowerPacker file"),
    (rb".{7}\*\*ACE\*\*", "ace archive"),
)
_ARCHIVES = [(re.compile(rb"(?:" + pattern + rb")", re.DOTALL), name) for pattern, name in _UNREAD_ARCHIVES]
_MACBINARY = re.compile(rb"\0[\x01-\x3f]", re.DOTALL)
_MACBINARY_HEADER = 128

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")
_COLUMNS = [name.replace("_", "").encode() for name in PARAMETER_NAMES]
_SAMPLE = 2**16  # bytes at either end of a table, where its columns are named


def identify_file(data: bytes) -> str | None:
    """Return the type of a file by its first bytes, None if it is unknown."""
    return next((name for signature, name in _SIGNATURES if data.startswith(signature)), None)


def identify_unread_archive(data: bytes) -> str | None:
    """Return the kind of an archive that is not unpacked, also behind a MacBinary header; None for other data."""
    starts = (0, _MACBINARY_HEADER) if _MACBINARY.match(data) else (0,)
    return next((name for start in starts for mark, name in _ARCHIVES if mark.match(data, start)), None)


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
