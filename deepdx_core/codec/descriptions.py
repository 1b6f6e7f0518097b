"""Descriptions of messages without voices: those of other manufacturers, and other dumps of Yamaha.

Source: MIDI 1.0 specification, list of manufacturers; Yamaha DX7, DX7II and TX802 manuals.
"""

from deepdx_core.display import printable

_YAMAHA = 0x43
_CLASSIFICATION = slice(6, 16)  # of Yamaha's universal bulk data, after the byte count

_MANUFACTURERS = {
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

_YAMAHA_DUMPS = {
    0x01: "DX1/DX5 performance data",
    0x02: "TX7/DX5 performance data",
    0x03: "4-operator voice",
    0x04: "4-operator bank",
    0x05: "DX7II supplement of one voice",
    0x06: "DX7II supplement of 32 voices",
}
"""Contents of Yamaha's dumps by format number."""

# By the ten classification characters of DX7II and TX802 bulk data (DX7II and TX802 manuals, "bulk dump").
_YAMAHA_BULK_DATA = {
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


def describe_message(message: bytes) -> str:
    """Return a description of a message, F0 to F7, that holds no DX7 voices."""
    if message[1] != _YAMAHA or len(message) < 5:
        return _describe_manufacturer(message)
    substatus, format_number = message[2] >> 4, message[3]
    if substatus == 0 and format_number == 0x7E:
        return _describe_bulk_data(message[_CLASSIFICATION])
    if substatus == 0:
        return _YAMAHA_DUMPS.get(format_number, f"Yamaha dump of format {format_number:02X}")
    return {1: "Yamaha parameter change", 2: "Yamaha dump request"}.get(substatus, "Yamaha message")


def _describe_manufacturer(message: bytes) -> str:
    manufacturer_id = message[1]
    if manufacturer_id == 0 and len(message) > 4:  # an ID of three bytes
        return f"message of another maker (number 00 {message[2]:02X} {message[3]:02X})"
    return f"message of another maker ({_MANUFACTURERS.get(manufacturer_id, f'number {manufacturer_id:02X}')})"


def _describe_bulk_data(classification: bytes) -> str:
    text = classification.decode("ascii", "replace")
    for start, name in _YAMAHA_BULK_DATA.items():
        if text.startswith(start):
            return name
    return f"Yamaha bulk data ({printable(text.strip())})"
