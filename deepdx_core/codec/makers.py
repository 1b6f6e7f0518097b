"""Names for what is not a voice: other makers' messages, Yamaha's bulk data, kinds of files."""

from deepdx_core.display import printable

# Numbers of the MIDI 1.0 specification's list of manufacturers.
_MAKERS = {
    0x01: "Sequential",
    0x04: "Moog",
    0x06: "Lexicon",
    0x07: "Kurzweil",
    0x0F: "Ensoniq",
    0x10: "Oberheim",
    0x11: "Apple",
    0x18: "E-mu",
    0x29: "PPG",
    0x2F: "Elka",
    0x33: "Clavia",
    0x3E: "Waldorf",
    0x40: "Kawai",
    0x41: "Roland",
    0x42: "Korg",
    0x43: "Yamaha",
    0x44: "Casio",
    0x47: "Akai",
    0x7D: "non-commercial",
    0x7E: "universal",
    0x7F: "universal real-time",
}

# The ten characters by which DX7II and TX802 bulk data names itself (DX7II and TX802 manuals, "bulk dump").
_YAMAHA_BULK = {
    "LM  8973PE": "DX7II performance",
    "LM  8973PM": "DX7II performances",
    "LM  8973S": "DX7II system setup",
    "LM  8952PE": "TX802 performance",
    "LM  8952PM": "TX802 performances",
    "LM  8952S": "TX802 system setup",
    "LM  8976AE": "supplement of a 4-operator voice",
    "LM  FKSYE": "DX7II fractional scaling of one voice",
    "LM  FKSYC": "DX7II fractional scaling of a cartridge",
    "LM  MCRYE": "DX7II microtuning",
    "LM  MCRYM": "DX7II microtunings",
    "LM  MCRYC": "DX7II microtunings of a cartridge",
}

# How files begin that people keep beside their banks.
_FILES = (
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


def name_maker(message: bytes) -> str:
    """What a message, from its F0, is by its maker's number."""
    maker = message[1]
    if maker == 0 and len(message) > 4:
        return f"message of another maker (number 00 {message[2]:02X} {message[3]:02X})"
    return f"message of another maker ({_MAKERS.get(maker, f'number {maker:02X}')})"


def name_yamaha_bulk(classification: bytes) -> str:
    """What Yamaha's universal bulk data is by the ten characters in its front."""
    text = classification.decode("ascii", "replace")
    for start, name in _YAMAHA_BULK.items():
        if text.startswith(start):
            return name
    return f"Yamaha bulk data ({printable(text.strip())})"


def name_file(data: bytes) -> str | None:
    """The kind of a file by its first bytes, None for one that is not known."""
    return next((name for start, name in _FILES if data.startswith(start)), None)
