"""Messages of the other Yamahas in any bytes, read with everything wrong about them, and written.

Counts, checksums, lengths and element modes may lie: what the data says is taken, and each lie is a finding. Of a
message that is cut short, the whole records are kept.
"""

import re
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.codec.writer import checksum
from deepdx_core.display import counted
from deepdx_core.synths.coding import decode_records, encode_records
from deepdx_core.synths.kinds import KINDS, SY77_VOICES, MessageKind
from deepdx_core.synths.sy77.layouts import ELEMENT_MODES, MODE_AT

MAX_MESSAGES = 2**16
"""Maximum number of messages of a file: a thousand banks of the SY77."""

_ENDS = b"\xf0\xf7"


def _pattern(kind: MessageKind) -> bytes:
    head = b"".join(rb"[\x00-\x0f]" if byte is None else re.escape(bytes([byte])) for byte in kind.head[1:])
    return b"(" + head + b"[^" + _ENDS + b"]{2}" + re.escape(kind.start) + b")"


# F0, the length that MIDI files put there, Yamaha's number, the start of a kind (its number is that of the group), the
# rest, and F7.
_MESSAGE = re.compile(
    rb"\xf0(?:[\x80-\xef]{0,3}[\x00-\x7f](?=\x43))?\x43(?:" + b"|".join(map(_pattern, KINDS)) + b")"
    rb"[^" + _ENDS + rb"]*+(\xf7?)",
    re.DOTALL,
)
_F7 = len(KINDS) + 1
_HIGH = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True)
class Message:
    """A message at `offset` of a file, `length` bytes.

    head: its bytes after F0 up to the first block. data: of each block as found, without count and checksum. lead:
    data of the block before these. records: `uint8[n, layout.size]`, empty if the kind has no layout. findings:
    everything wrong about it, in words.
    """

    offset: int
    length: int
    kind: MessageKind
    head: bytes
    data: tuple[bytes, ...]
    lead: bytes
    records: UInt8Array
    findings: tuple[str, ...] = field(default=())

    @property
    def names(self) -> UInt8Array:
        """The names of the records, `uint8[n, length]`; length 0 if they have none."""
        layout = self.kind.layout
        return layout.names(self.records) if layout else np.zeros((0, 0), dtype=np.uint8)

    @property
    def values(self) -> UInt8Array:
        """The parameters of the records, `uint8[n, fields]`."""
        return self.kind.layout.unpack(self.records) if self.kind.layout else np.zeros((0, 0), dtype=np.uint8)


def read_messages(data: bytes) -> list[Message]:
    """Return the messages of known kinds in any bytes, in order. Never fails; time is linear in the size of data.

    After MAX_MESSAGES, the rest is not read; the last message has a finding that says so.
    """
    read = (message for found in _MESSAGE.finditer(data) if (message := _read(found)))
    messages = list(islice(read, MAX_MESSAGES))
    if len(messages) == MAX_MESSAGES and next(read, None):
        more = f"more than {MAX_MESSAGES:,} messages in the file: the rest is not read"
        messages[-1] = replace(messages[-1], findings=(*messages[-1].findings, more))
    return messages


def _read(found: re.Match[bytes]) -> Message | None:
    number = next(n for n in range(1, _F7) if found[n] is not None)
    kind: MessageKind | None = KINDS[number - 1]
    assert kind is not None
    body = found.string[found.start(number) - 1 : found.start(_F7)]
    findings: list[str] = []
    if kind in SY77_VOICES:
        kind = _choose_mode(body[len(kind.head) + 2 :], findings)
    if kind is None:
        return None
    if high := len(_HIGH.findall(body)):
        findings.append(f"{counted(high, 'byte')} over 127")
    size = len(kind.head)
    lead, blocks, rest = _split_blocks(kind, body[size:], findings)
    if rest:
        findings.append(f"{counted(rest, 'byte')} after the data")
    if not found[_F7]:
        findings.append("no F7 at its end")
    records, incomplete = _decode(kind, blocks)
    if incomplete:
        findings.append(f"cut short: {len(records)} of {counted(kind.records * kind.blocks, 'whole record')}")
    return Message(
        found.start(), found.end() - found.start(), kind, body[:size], tuple(blocks), lead, records, tuple(findings)
    )


def _choose_mode(data: bytes, findings: list[str]) -> MessageKind | None:
    """Return the kind of an SY77 voice by its element mode; by its size, if that is right for another mode."""
    size = len(data) - 1
    mode = data[MODE_AT] if size > MODE_AT else len(ELEMENT_MODES)
    by_size = next((kind for kind in SY77_VOICES if kind.block_size == size), None)
    by_mode = SY77_VOICES[mode] if mode < len(SY77_VOICES) else None
    if by_mode and (by_size is None or by_mode.block_size == size):
        return by_mode
    findings.append(f"element mode {mode}, but the size of another" if by_size else f"element mode {mode} is unknown")
    return by_size


def _split_blocks(kind: MessageKind, body: bytes, findings: list[str]) -> tuple[bytes, list[bytes], int]:
    """Return the data of the first block of another size, of all others, and the number of bytes left."""
    sizes = ([kind.lead] if kind.lead else []) + [kind.block_size] * kind.blocks
    done, wrong_counts, wrong_checksums, found = 0, 0, 0, []
    for size in sizes:
        if len(body) - done < 3:
            break
        count = (body[done] << 7 | body[done + 1]) + kind.uncounted
        size = size or min(count, len(body) - done - 3)
        wrong_counts += count != size
        data = body[done + 2 : done + 2 + size]
        stored = body[done + 2 + size : done + 3 + size]
        wrong_checksums += len(data) == size and (not stored or checksum(data) != stored[0])
        found.append(data)
        done += 2 + len(data) + len(stored)
    for wrong, what in ((wrong_counts, "byte count"), (wrong_checksums, "checksum")):
        if wrong:
            findings.append(f"wrong {what}" if len(sizes) == 1 else f"wrong {what} in {counted(wrong, 'block')}")
    lead = found.pop(0) if kind.lead and found else b""
    return lead, found, len(body) - done


def _decode(kind: MessageKind, blocks: list[bytes]) -> tuple[UInt8Array, bool]:
    """Return the whole records in blocks, and whether some are missing."""
    if kind.layout is None:
        return np.zeros((0, 0), dtype=np.uint8), False
    size, start = kind.stored_size, len(kind.start)
    stored = b"".join(block[start : start + (len(block) - start) // size * size] for block in blocks)
    rows = np.frombuffer(stored, dtype=np.uint8).reshape(-1, size)
    return decode_records(rows, kind.coding), len(rows) < kind.records * kind.blocks


def write_messages(kind: MessageKind, records: UInt8Array, head: bytes = b"", lead: bytes = b"") -> list[bytes]:
    """Write records `uint8[n, layout.size]` as messages with right counts and checksums.

    head: the bytes between F0 and the first block; channel 1 if empty. lead: the block before these, zeros if empty.
    Raises ValueError if the records do not fill whole messages, or a byte is over 127 where it must not be.
    """
    per_message = kind.records * kind.blocks
    if kind.layout is None or len(records) % per_message:
        raise ValueError(f"{len(records)} records do not fill messages of {per_message}")
    stored = encode_records(records, kind.coding)
    if np.any(stored > 127):
        raise ValueError("a byte is over 127")
    head = head or bytes(byte or 0 for byte in kind.head)
    first = [frame_block(lead or bytes(kind.lead))] if kind.lead else []
    blocks = [
        frame_block(kind.start + rows.tobytes(), kind.uncounted)
        for rows in stored.reshape(-1, kind.records, stored.shape[1])
    ]
    return [
        b"\xf0" + head + b"".join([*first, *blocks[i : i + kind.blocks]]) + b"\xf7"
        for i in range(0, len(blocks), kind.blocks)
    ]


def frame_block(data: bytes, uncounted: int = 0) -> bytes:
    """Return data with its byte count before it and its checksum after it."""
    return bytes(divmod(len(data) - uncounted, 128)) + data + bytes([checksum(data)])


def rewrite(message: Message) -> bytes:
    """Write a message with right counts and checksums: its records where its kind has a layout, else its data.

    Raises ValueError for a message that is cut short, or has bytes over 127.
    """
    if message.kind.layout is None:
        blocks = [frame_block(block, message.kind.uncounted) for block in message.data]
        return b"\xf0" + message.head + b"".join(blocks) + b"\xf7"
    layout = message.kind.layout
    if len(message.records) != message.kind.records * message.kind.blocks:
        raise ValueError("the message is cut short")
    records = layout.pack(message.values, message.names, layout.unused(message.records))
    (written,) = write_messages(message.kind, records, message.head, message.lead)
    return written
