"""Dumps received from an instrument: asked for or not, whole and checked."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from deepdx_core.codec.reader import read
from deepdx_core.codec.segments import Checksum, Format, Kind, Segment, join_notes, list_contents
from deepdx_core.ports.opening import PortError, open_input, open_output
from deepdx_core.ports.sending import send_messages
from deepdx_core.synths.dx7ii.blocks import BLOCKS, find_block_selects
from deepdx_core.synths.messages import read_messages
from deepdx_core.synths.requests import UNASKED, Request
from deepdx_core.voice.parameters import VMEM_VOICES

QUIET_SECONDS = 6.0
"""Silence after which an instrument has sent all. Its longest message, fractional scaling, takes 5.2 seconds."""
QUIET_SECONDS_ASKED = 1.0
"""The same after the dump that was asked for."""

MAX_BYTES = 2**20
"""Maximum size of dumps received; 64 voices of an SY77 take a tenth of it."""

_POLL_SECONDS = 0.005
_VOICES_IN_DUMP = {Format.VMEM: VMEM_VOICES, Format.VCED: 1}
"""Voices in a complete dump of a DX7."""


@dataclass(frozen=True)
class _Received:
    """A message, and in words what it is. kept: whether it belongs to a dump. voices: whether it holds voices."""

    data: bytes
    what: str
    kept: bool
    voices: bool = False

    def answers(self, request: Request) -> bool:
        return self.voices if request.answer is None else request.answer.match(self.data) is not None


def receive(
    port: str,
    timeout: float,
    requests: Sequence[Request] = (UNASKED,),
    on_open: Callable[[str], None] = lambda name: None,
    on_received: Callable[[str], None] = lambda what: None,
) -> bytes:
    """Return the dumps that a port receives, byte for byte, with the supplements and block selects among them.

    requests: dumps to wait for, one after another, each `timeout` seconds after the last message of a dump; the output
    port of the same name asks for them. What follows the last within QUIET_SECONDS is received, too. `on_open` is
    called with the name of the port once it is open, `on_received` with words for each message.

    Raises PortError if the port does not exist; if a dump is incomplete, its checksum wrong, or all of them too large;
    or if one does not arrive in time: the message then lists the other messages received.
    """
    received = bytearray()
    others: list[str] = []

    def next_message(seconds: float) -> _Received | None:
        """Return the next message of a dump, or None if there is none within some seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = source.poll()
            if message is None:
                time.sleep(_POLL_SECONDS)
            elif message.type == "sysex":
                found = _examine(bytes(message.bytes()))
                if found.kept:
                    received.extend(found.data)
                    if len(received) > MAX_BYTES:
                        raise PortError(f"received more than {MAX_BYTES:,} bytes")
                    on_received(found.what)
                    return found
                others.append(found.what)
        return None

    with ExitStack() as ports:
        source = ports.enter_context(open_input(port))
        asked = any(request.ask for request in requests)
        output = ports.enter_context(open_output(port)) if asked else None
        on_open(source.name)
        for request in requests:
            received.extend(request.head)
            send_messages(output, request.ask)
            found = next_message(timeout)
            while found and not found.answers(request):
                found = next_message(timeout)
            if found is None:
                raise PortError(_describe_silence(request, timeout, others))
        while next_message(QUIET_SECONDS_ASKED if asked else QUIET_SECONDS):
            pass
    return bytes(received)


def _describe_silence(request: Request, timeout: float, others: list[str]) -> str:
    silence = f"received no {request.what} within {timeout:g} seconds"
    if request.ask:
        silence += " of asking for it; an instrument that does not answer, as a DX7 of 1983, has to be told to send"
    return silence + (f"; received: {list_contents(others)}" if others else "")


def _examine(data: bytes) -> _Received:
    """Return what a message is. Raises PortError if it is a dump that is incomplete, or whose checksum is wrong."""
    if selects := find_block_selects(data):
        return _Received(data, f"select of {BLOCKS[selects[0].block]}", kept=True)
    if messages := read_messages(data):
        message = messages[0]
        # TX81Z and kin have two byte counts for the same dump.
        if faults := [finding for finding in message.findings if finding != "wrong byte count"]:
            raise PortError(_describe_incomplete(join_notes(message.kind.title, *faults), data))
        return _Received(data, message.kind.title, kept=True, voices=message.kind.voices)
    segment = read(data).segments[0]
    if _is_complete(segment, len(data)):
        return _Received(data, segment.what, kept=True, voices=True)
    what = join_notes(segment.what, segment.note, "checksum wrong" if segment.checksum is Checksum.WRONG else "")
    if segment.kind is Kind.VOICES or _is_voice_dump(data):
        raise PortError(_describe_incomplete(what, data))
    return _Received(data, what, kept=False)


def _describe_incomplete(what: str, data: bytes) -> str:
    return f"received an incomplete dump: {what}, {len(data):,} bytes"


def _is_complete(segment: Segment, size: int) -> bool:
    whole = segment.format is not None and segment.voices == _VOICES_IN_DUMP.get(segment.format)
    return whole and segment.length == size and segment.checksum is Checksum.RIGHT


def _is_voice_dump(data: bytes) -> bool:
    return data[1:2] == b"\x43" and data[2] < 0x10 and data[3:4] in (b"\x00", b"\x09")
