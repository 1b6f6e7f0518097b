"""The kinds of messages of the other Yamahas: how each is recognized, framed and laid out.

A message is F0, a head, blocks and F7. A block is a byte count (7 + 7 bits), data, and a checksum over the data: the
two's complement of its sum, in 7 bits. Most messages have one block.
Source: Yamaha's formats as public programs know them; frames, counts and checksums checked on real dumps.
"""

from dataclasses import dataclass, replace

from deepdx_core.synths.coding import Coding
from deepdx_core.synths.dx7ii import parameters as dx7ii
from deepdx_core.synths.four_operators import fb01, reface_dx
from deepdx_core.synths.four_operators import parameters as four
from deepdx_core.synths.layouts import Layout
from deepdx_core.synths.sy77 import layouts as sy77


@dataclass(frozen=True)
class MessageKind:
    """A kind of message.

    id: a short name. synth, what: for people. head: the bytes after F0; None stands for a byte with a channel (0n).
    start: the first bytes of the data of each block. layout: of the `records` in a block after `start`; None if the
    data is only kept, and takes `size` bytes, or what the count says. blocks: number of blocks. lead: bytes of
    data in a block before these, 0 if there is none. uncounted: bytes of data that counts leave out. voices: True if
    records are voices.
    """

    id: str
    synth: str
    what: str
    head: tuple[int | None, ...]
    start: bytes = b""
    layout: Layout | None = None
    records: int = 1
    size: int = 0
    blocks: int = 1
    lead: int = 0
    uncounted: int = 0
    coding: Coding = Coding.PLAIN
    voices: bool = False

    @property
    def stored_size(self) -> int:
        """Bytes that a record takes in a block."""
        size = self.layout.size if self.layout else 0
        return size if self.coding is Coding.PLAIN else 2 * size

    @property
    def block_size(self) -> int:
        """Bytes of data per block; 0 if the count says."""
        return len(self.start) + self.records * self.stored_size if self.layout else self.size

    @property
    def title(self) -> str:
        """Synth and content in words."""
        return f"{self.synth} {self.what}"


_BULK = (0x43, None, 0x7E)
_SY = (0x43, None, 0x7A)
_REFACE = (0x43, None, 0x7F, 0x1C)
_KEPT_SY = (
    ("multi", b"LM  8101MU"),
    ("multi", b"LM  8104MU"),
    ("pan", b"LM  8101PN"),
    ("system data", b"LM  8101SY"),
    ("microtuning", b"LM  8101MT"),
    ("sequencer setup", b"LM  8101SS"),
    ("program table", b"LM  8104PC"),
    ("additional voice data", b"LM  0040VC"),
)
_KEPT_BULK = (
    ("DS55", "delay of a voice", b"LM  8054DL"),
    ("TX81Z", "performance", b"LM  8976PE"),
    ("TX81Z", "performances", b"LM  8976PM"),
    ("TX81Z", "system data", b"LM  8976S"),
    ("DX7II", "system setup", b"LM  8973S"),
    ("TX802", "performance", b"LM  8952PE"),
    ("TX802", "system setup", b"LM  8952S"),
    ("DX7II", "microtunings of a cartridge", b"LM  MCRYC"),
    ("DX7II", "fractional scaling of one voice", b"LM  FKSYE"),
)

SY77_VOICES: tuple[MessageKind, ...] = tuple(
    MessageKind(f"sy77-{n}", "SY77", f"voice ({mode.name})", _SY, sy77.CLASSIFICATION, layout, voices=True)
    for n, (mode, layout) in enumerate(zip(sy77.ELEMENT_MODES, sy77.LAYOUTS, strict=True))
)
"""Voices of the SY77, by element mode: the byte of their data at `sy77.MODE_AT`."""

FOUR_OPERATOR_BANK = MessageKind(
    "4op-bank", "4-operator", "bank", (0x43, None, 4), layout=four.VMEM, records=four.VMEM_VOICES, voices=True
)
FOUR_OPERATOR_VOICE = MessageKind(
    "4op-voice", "4-operator", "voice", (0x43, None, 3), layout=four.PARTS["vced"], voices=True
)
FOUR_OPERATOR_SUPPLEMENTS = {
    "aced": MessageKind("aced", "TX81Z", "supplement of a voice", _BULK, b"LM  8976AE", four.PARTS["aced"]),
    "aced2": MessageKind("aced2", "DX11", "supplement 2 of a voice", _BULK, b"LM  8023AE", four.PARTS["aced2"]),
    "aced3": MessageKind("aced3", "V50", "supplement 3 of a voice", _BULK, b"LM  8073AE", four.PARTS["aced3"]),
    "efeds": MessageKind("efeds", "YS", "effect of a voice", _BULK, b"LM  8036EF", four.PARTS["efeds"]),
}
"""Supplements that come before a voice, by part."""

FB01_BANK = MessageKind(
    "fb01-bank",
    "FB-01",
    "bank",
    (0x43, 0x75, None, 0, 0, None),
    layout=fb01.LAYOUT,
    blocks=fb01.BANK_VOICES,
    lead=64,
    coding=Coding.NIBBLES,
    voices=True,
)
FB01_USER_BANK = replace(FB01_BANK, id="fb01-user-bank", what="bank of user voices", head=(0x43, None, 0x0C))

REFACE_COMMON = MessageKind(
    "reface-common", "reface DX", "common data of a voice", _REFACE, b"\x05\x30\0\0", reface_dx.COMMON, voices=True
)
REFACE_OPERATORS = tuple(
    MessageKind(
        f"reface-op{n + 1}",
        "reface DX",
        f"operator {n + 1} of a voice",
        _REFACE,
        bytes([5, 0x31, n, 0]),
        reface_dx.OPERATOR,
    )
    for n in range(4)
)

ACED = MessageKind("dx7ii-aced", "DX7II", "supplement of one voice", (0x43, None, 5), layout=dx7ii.ACED)
AMEM = MessageKind("dx7ii-amem", "DX7II", "supplement of 32 voices", (0x43, None, 6), layout=dx7ii.AMEM, records=32)
PERFORMANCES = MessageKind(
    "dx7ii-performances", "DX7II", "performances", _BULK, b"LM  8973PM", dx7ii.PERFORMANCE, records=32
)
PERFORMANCE = MessageKind("dx7ii-performance", "DX7II", "performance", _BULK, b"LM  8973PE", dx7ii.PERFORMANCE)
TX802_PERFORMANCES = MessageKind(
    "tx802-performances",
    "TX802",
    "performances",
    _BULK,
    b"LM  8952PM",
    dx7ii.TX802_PERFORMANCE,
    blocks=64,
    uncounted=10,
    coding=Coding.HEXADECIMAL,
)
MICROTUNINGS = tuple(
    MessageKind(f"microtuning-{name.lower()}", "DX7II", what, _BULK, b"LM  MCRY" + name.encode(), dx7ii.MICROTUNING)
    for name, what in (("E", "microtuning"), ("M", "microtuning of the memory"))
)
FRACTIONAL_SCALINGS = MessageKind(
    "fractional-scalings",
    "DX7II",
    "fractional scaling of a cartridge",
    _BULK,
    b"LM  FKSYC ",
    dx7ii.FRACTIONAL_SCALING,
    blocks=32,
    coding=Coding.CHARACTERS,
)
FUNCTION_DATA = MessageKind(
    "function-data", "TX7/DX5", "performances", (0x43, None, 2), layout=dx7ii.FUNCTION_DATA, records=64
)
PERFORMANCE_KINDS = (PERFORMANCES, PERFORMANCE, TX802_PERFORMANCES, FUNCTION_DATA)
"""Performances of DX7II, TX802, TX7, DX1 and DX5."""

KINDS: tuple[MessageKind, ...] = (
    *SY77_VOICES,
    *(MessageKind(f"sy-{start[-6:].decode()}", "SY77", what, _SY, start) for what, start in _KEPT_SY),
    FOUR_OPERATOR_BANK,
    FOUR_OPERATOR_VOICE,
    *FOUR_OPERATOR_SUPPLEMENTS.values(),
    FB01_BANK,
    FB01_USER_BANK,
    REFACE_COMMON,
    *REFACE_OPERATORS,
    MessageKind("reface-header", "reface DX", "start of a voice", _REFACE, b"\x05\x0e"),
    MessageKind("reface-footer", "reface DX", "end of a voice", _REFACE, b"\x05\x0f"),
    ACED,
    AMEM,
    PERFORMANCES,
    PERFORMANCE,
    TX802_PERFORMANCES,
    *MICROTUNINGS,
    FRACTIONAL_SCALINGS,
    FUNCTION_DATA,
    MessageKind("function-data-single", "TX7/DX5", "function data", (0x43, None, 1), size=94),
    *(MessageKind(f"bulk-{start[4:].decode()}", synth, what, _BULK, start) for synth, what, start in _KEPT_BULK),
)
"""All kinds. The first that fits a message is its kind; of SY77 voices, that of its element mode."""
