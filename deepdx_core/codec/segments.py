"""The codec's vocabulary: the segments of a file, and the reading that accounts for all of its bytes."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from deepdx_core.voice.parameters import VCED_SIZE, VMEM_SIZE

_MAX_LISTED = 12  # kinds of contents


class Kind(StrEnum):
    """Content of a segment."""

    VOICES = "voices"
    MESSAGE = "message"
    JUNK = "junk"


class Format(StrEnum):
    """Storage format of voices."""

    VMEM = "vmem"
    VCED = "vced"
    VOLCA_FM = "volca-fm"
    HEADERLESS_VMEM = "headerless-vmem"
    HEADERLESS_VCED = "headerless-vced"
    HEADERLESS_VCED_156 = "headerless-vced-156"
    """Unpacked, with a byte of operator switches after each voice."""


class Checksum(StrEnum):
    """State of a dump's checksum byte."""

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
"""Bytes per voice in each format."""


@dataclass(frozen=True, slots=True)
class Segment:
    """`length` bytes of a file from `offset`.

    what: description of the content. note: anything wrong or unusual about it, or "".
    For voices: `format`, and `payload`, the bytes of the whole records as found. For dumps also `channel` (0 to 15)
    and `checksum`.
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


@dataclass(frozen=True)
class Reading:
    """Contents of a file: segments in order, without gap or overlap, and the reason if none of them holds voices."""

    segments: tuple[Segment, ...]
    reason: str = ""

    @property
    def voices(self) -> int:
        """Number of voice slots."""
        return sum(segment.voices for segment in self.segments)

    @property
    def taken_for(self) -> str:
        """Short description of the file."""
        dumps = [segment.what for segment in self.segments if segment.kind is Kind.VOICES]
        return list_contents(dumps) if dumps else self.reason


def join_notes(*notes: str) -> str:
    """Return notes as one, without the empty ones."""
    return "; ".join(filter(None, notes))


def list_contents(descriptions: list[str]) -> str:
    """Return the distinct descriptions with their counts: `2 x 32-voice dump, single-voice dump`."""
    counts = list(Counter(descriptions).items())
    listed = [f"{count} x {what}" if count > 1 else what for what, count in counts[:_MAX_LISTED]]
    if len(counts) > _MAX_LISTED:
        listed.append(f"{len(counts) - _MAX_LISTED:,} kinds more")
    return ", ".join(listed)
