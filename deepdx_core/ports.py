"""MIDI ports: list them, send dumps to a synthesizer, receive dumps from it.

Needs the extra `midi`: python-rtmidi, which mido uses as its backend.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mido  # type: ignore[import-untyped]

from deepdx_core.codec.reader import read
from deepdx_core.codec.segments import Checksum, Format, Kind, Segment
from deepdx_core.codec.transmission import PAUSE_SECONDS, transmission_seconds
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.voice.parameters import VMEM_VOICES

_POLL_SECONDS = 0.005
_VOICES_IN_DUMP = {Format.VMEM: VMEM_VOICES, Format.VCED: 1}
"""Voices in a complete dump of a DX7."""


class PortError(DeepDXError):
    """A MIDI port cannot be used, or no complete dump was received."""


def list_ports() -> tuple[list[str], list[str]]:
    """Return the names of the input ports and of the output ports. Raises PortError if there is no MIDI backend."""
    with _translated_errors():
        return mido.get_input_names(), mido.get_output_names()


def send(messages: Sequence[bytes], port: str, on_sent: Callable[[int], None] = lambda index: None) -> None:
    """Send messages to a port, each from F0 to F7, and pause after each as a DX7 requires.

    `on_sent` is called with the index of each message once it is sent. Raises PortError if the port does not exist.
    """
    with _opened(port, mido.get_output_names, mido.open_output) as output:
        for index, message in enumerate(messages):
            output.send(mido.Message.from_bytes(message))
            # An interface accepts a message long before it has sent it; closing the port now would cut it off.
            time.sleep(transmission_seconds(message) + PAUSE_SECONDS)
            on_sent(index)


def receive(port: str, timeout: float, on_open: Callable[[], None] = lambda: None) -> bytes:
    """Return the first voice dump that a port receives within `timeout` seconds, byte for byte.

    `on_open` is called once the port is open. Raises PortError if the port does not exist, if a dump is incomplete or
    its checksum wrong, or if none arrives in time; the message then lists the other messages received.
    """
    others: list[str] = []
    with _opened(port, mido.get_input_names, mido.open_input) as source:
        on_open()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = source.poll()
            if message is None:
                time.sleep(_POLL_SECONDS)
            elif message.type == "sysex":
                data = bytes(message.bytes())
                segment = read(data).segments[0]
                if _is_complete(segment, len(data)):
                    return data
                if segment.kind is Kind.VOICES or _is_voice_dump(data):
                    raise PortError(f"received an incomplete dump: {_describe(segment)}, {len(data):,} bytes")
                others.append(_describe(segment))
    received = f"; received: {', '.join(others)}" if others else ""
    raise PortError(f"received no voice dump within {timeout:g} seconds{received}")


def _is_complete(segment: Segment, size: int) -> bool:
    whole = segment.format is not None and segment.voices == _VOICES_IN_DUMP.get(segment.format)
    return whole and segment.length == size and segment.checksum is Checksum.RIGHT


def _is_voice_dump(data: bytes) -> bool:
    return data[1:2] == b"\x43" and data[2] < 0x10 and data[3:4] in (b"\x00", b"\x09")


def _describe(segment: Segment) -> str:
    wrong = "checksum wrong" if segment.checksum is Checksum.WRONG else ""
    return ", ".join(filter(None, (segment.what, segment.note, wrong)))


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise any error of a MIDI backend as a PortError with advice."""
    try:
        yield
    except ImportError as error:
        raise PortError("MIDI ports need python-rtmidi: install deepdx[midi]") from error
    except DeepDXError:
        raise
    # Each backend has errors of its own, without a common base.
    except Exception as error:
        raise PortError(f"MIDI ports cannot be used here: {printable(str(error))}") from error


@contextmanager
def _opened(port: str, list_names: Callable[[], list[str]], open_port: Callable[[str], Any]) -> Iterator[Any]:
    with _translated_errors():
        opened = open_port(_choose(port, list_names()))
    with opened:
        yield opened


def _choose(port: str, available: list[str]) -> str:
    """Return the available port of this name; else of this name in another case; else that with this part in its name.

    Raises PortError if there is none, or if there are several.
    """
    wanted = port.casefold()
    choices = [name for name in available if name == port]
    choices = choices or [name for name in available if name.casefold() == wanted]
    choices = list(dict.fromkeys(choices or [name for name in available if wanted in name.casefold()]))
    if len(choices) == 1:
        return choices[0]
    names = printable(", ".join(choices or available)) or "none"
    if choices:
        raise PortError(f"{port!r} may be any of these MIDI ports: {names}")
    raise PortError(f"there is no MIDI port {port!r}; available: {names}")
