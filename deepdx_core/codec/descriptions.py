"""Descriptions of messages without voices: those of other manufacturers, and other dumps of Yamaha.

Source: MIDI 1.0 specification, list of manufacturers; Yamaha's manuals. `tests/codec/test_messages.py` compares the
names with those of `deepdx_core.synths`, which is above this room.
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
    0x01: "TX7/DX5 function data",
    0x02: "TX7/DX5 performance data",
    0x03: "4-operator voice",
    0x04: "4-operator bank",
    0x05: "DX7II supplement of one voice",
    0x06: "DX7II supplement of 32 voices",
    0x0C: "FB-01 bank",
    0x4C: "XG data",
}
"""Contents of Yamaha's dumps by format number."""

_PARAMETER_CHANGES = {0x34: "SY77 parameter change", 0x4C: "XG parameter change"}
"""Changes of other synths than the DX7, by the number of the model."""

_UNIVERSAL_BULK_DATA = (0x7A, 0x7E)  # format numbers
_REFACE, _REFACE_DX = bytes([0x7F, 0x1C]), bytes([0x05])
_FB01 = 0x75

# By the ten classification characters of universal bulk data (manuals of DX7II, TX802, TX81Z and SY77, "bulk dump").
_YAMAHA_BULK_DATA = {
    "LM  8973PE": "DX7II performance",
    "LM  8973PM": "DX7II performances",
    "LM  8973S": "DX7II system setup",
    "LM  8952PE": "TX802 performance",
    "LM  8952PM": "TX802 performances",
    "LM  8952S": "TX802 system setup",
    "LM  8976AE": "TX81Z supplement of a voice",
    "LM  8976PE": "TX81Z performance",
    "LM  8976PM": "TX81Z performances",
    "LM  8976S": "TX81Z system data",
    "LM  8023AE": "DX11 supplement of a voice",
    "LM  8073AE": "V50 supplement of a voice",
    "LM  8036EF": "YS effect of a voice",
    "LM  8054DL": "DS55 delay of a voice",
    "LM  8101VC": "SY77 voice",
    "LM  8101MU": "SY77 multi",
    "LM  8104MU": "SY77 multi",
    "LM  8101PN": "SY77 pan",
    "LM  8101SY": "SY77 system data",
    "LM  8101MT": "SY77 microtuning",
    "LM  8101SS": "SY77 sequencer setup",
    "LM  8104PC": "SY77 program table",
    "LM  0040VC": "SY77 additional voice data",
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
    if message[2] == _FB01:
        return "FB-01 bank" if message[4:6] == bytes(2) else "FB-01 message"
    substatus, number = message[2] >> 4, message[3]
    if substatus == 0 and number in _UNIVERSAL_BULK_DATA:
        return _describe_bulk_data(message[_CLASSIFICATION])
    if substatus == 0 and message[3:5] == _REFACE:
        return "reface DX data" if message[7:8] == _REFACE_DX else "reface data"
    if substatus == 0:
        return _YAMAHA_DUMPS.get(number, f"Yamaha dump of format {number:02X}")
    if substatus == 1 and message[3:5] == _REFACE:
        return "reface DX parameter change" if message[5:6] == _REFACE_DX else "reface parameter change"
    if substatus == 1:
        return _PARAMETER_CHANGES.get(number, "Yamaha parameter change")
    return "Yamaha dump request" if substatus == 2 else "Yamaha message"


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
