"""Messages on their way to an instrument, with the pauses it needs."""

import time
from collections.abc import Iterable
from typing import Any

import mido  # type: ignore[import-untyped]

from deepdx_core.codec.transmission import pause_seconds, transmission_seconds
from deepdx_core.ports.opening import open_output


def send(data: Iterable[bytes], port: str) -> None:
    """Send messages to a port, and pause after each as the instruments require.

    data: one or more messages each, from F0 to F7; taken one by one once the port is open, so that a generator can wait
    between them. Raises PortError if the port does not exist.
    """
    with open_output(port) as output:
        for messages in data:
            send_messages(output, messages)


def send_messages(output: Any, messages: bytes) -> None:
    """Send messages to an open port, and pause after each."""
    for message in mido.parse_all(messages):
        output.send(message)
        sent = bytes(message.bytes())
        # An interface accepts a message long before it has sent it; closing the port now would cut it off.
        time.sleep(transmission_seconds(sent) + pause_seconds(sent))
