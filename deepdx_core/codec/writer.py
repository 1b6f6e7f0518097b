"""Voices to bytes that a DX7 loads: banks of 32 (VMEM) and single voices (VCED), framed as system exclusive.

Source: Yamaha DX7 Operating Manual (1983), "MIDI data format".
"""

import numpy as np

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.packing import INIT_VOICE, Bytes, pack_vced, pack_vmem
from deepdx_core.voice.parameters import VMEM_VOICES


def checksum(data: bytes) -> int:
    """The two's complement of the sum of the data bytes, in seven bits."""
    return -sum(data) & 0x7F


def frame(format_number: int, data: bytes, channel: int = 0) -> bytes:
    """A DX7 bulk dump message: `F0 43 0n ff cc cc data checksum F7`.

    channel: MIDI channel, 0 to 15.
    """
    if not 0 <= channel <= 15:
        raise ValueError(f"channel {channel} is not within 0 to 15")
    count = len(data)
    return bytes([0xF0, 0x43, channel, format_number, count >> 7, count & 0x7F, *data, checksum(data), 0xF7])


def write_bank(parameters: Bytes, names: Bytes, channel: int = 0) -> bytes:
    """A 32-voice dump, 4104 bytes, of 1 to 32 voices; INIT VOICE fills what is left.

    parameters: `uint8[n, 145]`; names: `uint8[n, 10]`. Raises ValueError for illegal values or
    another number of voices.
    """
    missing = VMEM_VOICES - len(parameters)
    if not 0 <= missing < VMEM_VOICES:
        raise ValueError(f"a bank takes 1 to {VMEM_VOICES} voices, got {len(parameters)}")
    parameters = np.concatenate([parameters, np.tile(INIT_VOICE, (missing, 1))])
    names = np.concatenate([names, text_to_names(["INIT VOICE"] * missing)]) if missing else names
    return frame(9, pack_vmem(parameters, names).tobytes(), channel)


def write_single(parameters: Bytes, names: Bytes, channel: int = 0) -> bytes:
    """A single-voice dump, 163 bytes, of one voice: `uint8[1, 145]` and `uint8[1, 10]`."""
    if len(parameters) != 1:
        raise ValueError(f"a single dump takes one voice, got {len(parameters)}")
    return frame(0, pack_vced(parameters, names).tobytes(), channel)
