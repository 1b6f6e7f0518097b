"""Block selects: messages that say which half of a DX7II's, DX7s's or TX802's voice memory the next bank belongs to.

A bank (VMEM) holds 32 of its 64 voices and does not say which; the instruments send a block select before each.
Source: Yamaha DX7s owner's manual, "parameter change, system setup"; numbers of the parameters by JSynthLib's drivers;
all banks in dumps of these instruments begin with one.
"""

import re
from dataclasses import dataclass
from itertools import islice

BLOCKS = ("voices 1 to 32", "voices 33 to 64")
"""The halves of the memory, in words."""

MAX_SELECTS = 2**16
"""Maximum number of block selects that are read from a file."""

_SYSTEM_SETUP = 0x19
_TRANSMIT_BLOCK, _RECEIVE_BLOCK = 0x4C, 0x4D

# In a MIDI file, the length of the message follows F0.
_SELECT = re.compile(rb"\xf0\x06?\x43[\x10-\x1f]\x19\x4d([\x00\x01])\xf7")


@dataclass(frozen=True)
class BlockSelect:
    """A block select at `offset` of a file. block: 0 or 1."""

    offset: int
    block: int


def select_receive_block(block: int, channel: int = 0) -> bytes:
    """Return the message after which an instrument puts banks into a block; a TX802 sends them from it, too."""
    return _select(_RECEIVE_BLOCK, block, channel)


def select_transmit_block(block: int, channel: int = 0) -> bytes:
    """Return the message after which a DX7II or DX7s sends banks from a block."""
    return _select(_TRANSMIT_BLOCK, block, channel)


def _select(parameter: int, block: int, channel: int) -> bytes:
    return bytes([0xF0, 0x43, 0x10 | channel, _SYSTEM_SETUP, parameter, block, 0xF7])


def find_block_selects(data: bytes) -> list[BlockSelect]:
    """Return the selects of a receive block in any bytes, in order, up to MAX_SELECTS."""
    return [BlockSelect(found.start(), found[1][0]) for found in islice(_SELECT.finditer(data), MAX_SELECTS)]
