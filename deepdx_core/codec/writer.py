"""Write voices as dumps that synthesizers load: banks of 32, single voices, and singles for the Volca FM.

All functions take `parameters` `uint8[n, 145]` and `names` `uint8[n, 10]` and return legal dumps. They raise ValueError
if a parameter is out of its range, a name byte is over 127, or the channel is not within 0 to 15.
Source: Yamaha DX7 Operating Manual (1983), "MIDI data format".
"""

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.packing import INIT_VOICE, pack_vced, pack_vmem
from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE, VMEM_VOICES

ALL_OPERATORS_ON = 0x3F


def checksum(data: bytes) -> int:
    """Return the checksum of a dump: the two's complement of the sum of its data bytes, in seven bits."""
    return int(_checksums(np.frombuffer(data, dtype=np.uint8)[None])[0])


def frame(format_number: int, data: bytes, channel: int = 0) -> bytes:
    """Frame data as a DX7 bulk dump message: `F0 43 0n ff cc cc data checksum F7`.

    channel: MIDI channel, 0 to 15.
    """
    return _frames(format_number, np.frombuffer(data, dtype=np.uint8)[None], channel).tobytes()


def write_banks(parameters: UInt8Array, names: UInt8Array, channel: int = 0) -> list[bytes]:
    """Write any number of voices as 32-voice dumps, 4104 bytes each; INIT VOICE fills the last."""
    parameters, names = fill_up(parameters, names, VMEM_VOICES)
    return _messages(_frames(9, pack_vmem(parameters, names).reshape(-1, VMEM_VOICES * VMEM_SIZE), channel))


def fill_up(parameters: UInt8Array, names: UInt8Array, size: int) -> tuple[UInt8Array, UInt8Array]:
    """Return voices with INIT VOICE after them, up to the next multiple of `size` voices."""
    missing = -len(parameters) % size
    if not missing:
        return parameters, names
    blank = text_to_names(["INIT VOICE"] * missing)
    return np.concatenate([parameters, np.tile(INIT_VOICE, (missing, 1))]), np.concatenate([names, blank])


def write_bank(parameters: UInt8Array, names: UInt8Array, channel: int = 0) -> bytes:
    """Write 1 to 32 voices as a 32-voice dump, 4104 bytes; INIT VOICE fills the rest.

    Raises ValueError for any other number of voices.
    """
    if not 0 < len(parameters) <= VMEM_VOICES:
        raise ValueError(f"a bank takes 1 to {VMEM_VOICES} voices, got {len(parameters)}")
    (bank,) = write_banks(parameters, names, channel)
    return bank


def write_singles(parameters: UInt8Array, names: UInt8Array, channel: int = 0) -> list[bytes]:
    """Write each voice as a single-voice dump, 163 bytes."""
    return _messages(_frames(0, pack_vced(parameters, names), channel))


def write_single(parameters: UInt8Array, names: UInt8Array, channel: int = 0) -> bytes:
    """Write one voice as a single-voice dump, 163 bytes. Raises ValueError for any other number of voices."""
    if len(parameters) != 1:
        raise ValueError(f"a single dump takes one voice, got {len(parameters)}")
    return write_singles(parameters, names, channel)[0]


def write_volca_singles(
    parameters: UInt8Array, names: UInt8Array, channel: int = 0, switches: int = ALL_OPERATORS_ON
) -> list[bytes]:
    """Write each voice as a Volca FM dump, 164 bytes: VCED, a byte of operator switches, and a checksum over both.

    switches: 7 bits; the low six switch operators 1 (bit 5) to 6 (bit 0) on, like the DX7's parameter 155. The byte
    count is that of VCED. Source: measured on dumps of Volca FM instruments, which are reproduced byte for byte.
    """
    if not 0 <= switches <= 127:
        raise ValueError(f"operator switches {switches} are not within 0 to 127")
    data = np.pad(pack_vced(parameters, names), ((0, 0), (0, 1)), constant_values=switches)
    return _messages(_frames(0, data, channel, count=VCED_SIZE))


def _frames(format_number: int, data: UInt8Array, channel: int, count: int | None = None) -> UInt8Array:
    """Frame data `uint8[n, size]` as messages `uint8[n, size + 8]`; `count` is the byte count if it is not `size`."""
    if not 0 <= channel <= 15:
        raise ValueError(f"channel {channel} is not within 0 to 15")
    count = data.shape[1] if count is None else count
    messages = np.empty((len(data), data.shape[1] + 8), dtype=np.uint8)
    messages[:, :6] = [0xF0, 0x43, channel, format_number, count >> 7, count & 0x7F]
    messages[:, 6:-2] = data
    messages[:, -2] = _checksums(data)
    messages[:, -1] = 0xF7
    return messages


def _checksums(data: UInt8Array) -> UInt8Array:
    """Return the checksum of each row of data, `uint8[n]`."""
    sums: UInt8Array = (-data.sum(axis=1, dtype=np.int64) & 0x7F).astype(np.uint8)
    return sums


def _messages(frames: UInt8Array) -> list[bytes]:
    return [message.tobytes() for message in frames]
