"""System exclusive messages: dumps of voices, and other messages, which are named.

Evidence: F0, and the header of a voice dump or an F7 at the end. `codec.framing` judges each message.
"""

from collections.abc import Iterator

from deepdx_core.codec.framing import next_message
from deepdx_core.codec.segments import Segment


def find(data: bytes) -> Iterator[Segment]:
    """Yield the messages in `data`."""
    done = 0
    while segments := next_message(data, done):
        yield from segments
        done = segments[-1].offset + segments[-1].length
