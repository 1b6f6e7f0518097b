"""MIDI ports: which there are, and dumps sent to and received from a synthesizer.

Needs the extra `midi` (python-rtmidi, through mido's interface to it).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mido  # type: ignore[import-untyped]

from deepdx_core.codec.reader import read
from deepdx_core.codec.segments import Checksum, Format, Kind, Segment
from deepdx_core.codec.transmission import PAUSE, seconds_on_the_wire
from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.voice.parameters import VMEM_VOICES

_POLL = 0.005  # seconds between looks at a port
_WHOLE = {Format.VMEM: VMEM_VOICES, Format.VCED: 1}
"""Voices in a whole dump of a DX7."""


class PortError(DeepDXError):
    """A MIDI port cannot be used, or what came through it is no whole dump."""


def port_names() -> tuple[list[str], list[str]]:
    """Names of the ports that can be received from, and of those that can be sent to."""
    with _backend():
        return mido.get_input_names(), mido.get_output_names()


def send(messages: Sequence[bytes], port: str, sent: Callable[[int], None] = lambda index: None) -> None:
    """Send messages to a port, each from F0 to F7, and wait after each for as long as a DX7 needs.

    `sent` is told the index of each message once it is through. Raises PortError if the port is not there.
    """
    with _opened(port, mido.get_output_names, mido.open_output) as output:
        for index, message in enumerate(messages):
            output.send(mido.Message.from_bytes(message))
            # An interface takes a message at once and has hardly begun to send it; to close it now would cut it off.
            time.sleep(seconds_on_the_wire(message) + PAUSE)
            sent(index)


def receive(port: str, timeout: float, listening: Callable[[], None] = lambda: None) -> bytes:
    """The first voice dump that comes through a port within `timeout` seconds, whole and byte for byte as it came.

    `listening` is called once the port is open. Raises PortError if the port is not there, if a dump comes that is not
    whole or whose checksum is wrong, and if none comes in time; the message says what did come.
    """
    others: list[str] = []
    with _opened(port, mido.get_input_names, mido.open_input) as source:
        listening()
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = source.poll()
            if message is None:
                time.sleep(_POLL)
            elif message.type == "sysex":
                data = bytes(message.bytes())
                segment = read(data).segments[0]
                if _is_whole(segment, len(data)):
                    return data
                if segment.kind is Kind.VOICES or _is_dump_of_voices(data):
                    raise PortError(f"a dump came, but not whole: {_about(segment)}, {len(data):,} bytes")
                others.append(_about(segment))
    came = f"; what came: {', '.join(others)}" if others else ""
    raise PortError(f"no voice dump came within {timeout:g} seconds{came}")


def _is_whole(segment: Segment, size: int) -> bool:
    whole = segment.format is not None and segment.voices == _WHOLE.get(segment.format)
    return whole and segment.length == size and segment.checksum is Checksum.RIGHT


def _is_dump_of_voices(data: bytes) -> bool:
    return data[1:2] == b"\x43" and data[2] < 0x10 and data[3:4] in (b"\x00", b"\x09")


def _about(segment: Segment) -> str:
    wrong = "checksum wrong" if segment.checksum is Checksum.WRONG else ""
    return ", ".join(filter(None, (segment.what, segment.note, wrong)))


@contextmanager
def _backend() -> Iterator[None]:
    """Turns what a MIDI library may fail with into a PortError that says what to do."""
    try:
        yield
    except ImportError as error:
        raise PortError("MIDI ports need python-rtmidi: install deepdx[midi]") from error
    except DeepDXError:
        raise
    # Each backend has errors of its own that share no base.
    except Exception as error:
        raise PortError(f"MIDI ports cannot be used here: {printable(str(error))}") from error


@contextmanager
def _opened(port: str, names: Callable[[], list[str]], open_port: Callable[[str], Any]) -> Iterator[Any]:
    with _backend():
        there = names()
        if port not in there:
            raise PortError(f"there is no MIDI port {port!r}; there are: {printable(', '.join(there)) or 'none'}")
        opened = open_port(port)
    with opened:
        yield opened
