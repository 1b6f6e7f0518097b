"""What a stretch of a file is: the vocabulary in which the readers of this room say what they found."""

from dataclasses import dataclass
from enum import StrEnum

from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE


class Kind(StrEnum):
    """What a segment holds."""

    VOICES = "voices"
    MESSAGE = "message"
    JUNK = "junk"


class Format(StrEnum):
    """How voices are stored."""

    VMEM = "vmem"
    VCED = "vced"
    VOLCA_FM = "volca-fm"
    HEADERLESS_VMEM = "headerless-vmem"
    HEADERLESS_VCED = "headerless-vced"
    HEADERLESS_VCED_156 = "headerless-vced-156"
    """Unpacked, and the operator switches behind each voice."""


class Checksum(StrEnum):
    """Whether a dump's checksum byte fits its data."""

    RIGHT = "right"
    UNMASKED = "unmasked"
    """Right in its low seven bits, but stored with the top bit set."""
    WRONG = "wrong"
    MISSING = "missing"


RECORD_SIZE = {
    Format.VMEM: VMEM_SIZE,
    Format.HEADERLESS_VMEM: VMEM_SIZE,
    Format.VCED: VCED_SIZE,
    # The Volca FM adds a byte of operator switches (Korg, volca fm MIDI implementation).
    Format.VOLCA_FM: VCED_SIZE + 1,
    Format.HEADERLESS_VCED: VCED_SIZE,
    Format.HEADERLESS_VCED_156: VCED_SIZE + 1,
}
"""Bytes a voice takes in each format."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a file, from `offset`, `length` bytes long.

    what: what it is, in words. note: what is wrong or unusual about it, or "".
    For voices: `format`, and `payload`, the bytes of the whole records as found; for dumps `channel` (0 to 15) and
    `checksum`.
    """

    offset: int
    length: int
    kind: Kind
    what: str
    note: str = ""
    format: Format | None = None
    channel: int | None = None
    checksum: Checksum | None = None
    payload: bytes = b""

    @property
    def voices(self) -> int:
        """Number of whole voice records."""
        return len(self.payload) // RECORD_SIZE[self.format] if self.format else 0
