"""System exclusive in MIDI files: events of tracks, joined where a message is spread over several packets.

Evidence: a track chunk (`MTrk`) whose events follow one another. Reason to parse: a message may be split into an F0
event and F7 events with delta times between them, or stand in an escape (F7), so that its bytes are not in one piece.
Source: Standard MIDI Files 1.0, "Sysex events". Lengths of chunks are not trusted: a track ends where its events do.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

from deepdx_core.codec.dumps import LENGTH_BYTES
from deepdx_core.codec.framing import next_message
from deepdx_core.codec.segments import Kind, Segment, join_notes

_TRACK = b"MTrk"
_MAX_EVENTS = 2**18
"""Tracks, system exclusive events and meta events of a file that are parsed. Real files have a few thousand."""

_NUMBER = rb"[\x80-\xff]{0,3}+[\x00-\x7f]"  # of variable length, as delta times are
_DATA = {1: rb"[\x00-\x7f]", 2: rb"[\x00-\x7f]{2}"}
# Channel messages, the last status byte of all in a group; running status leaves it out.
_CHANNEL = re.compile(
    rb"(?:"
    + _NUMBER
    + rb"(?:(?=([\x80-\xef]))(?:[\x80-\xbf\xe0-\xef]"
    + _DATA[2]
    + rb"(?:"
    + _NUMBER
    + _DATA[2]
    + rb")*+"
    rb"|[\xc0-\xdf]" + _DATA[1] + rb"(?:" + _NUMBER + _DATA[1] + rb")*+)))++",
    re.DOTALL,
)
_RUNNING = {count: re.compile(rb"(?:" + _NUMBER + data + rb")++", re.DOTALL) for count, data in _DATA.items()}
_EVENT = re.compile(_NUMBER + rb"(?:([\xf0\xf7])|(\xff)([\x00-\x7f]))(" + _NUMBER + rb")", re.DOTALL)
_REAL_TIME = re.compile(_NUMBER + rb"[\xf8-\xfe]", re.DOTALL)
_END_OF_TRACK = 0x2F
_FIRST_EVENT = re.compile(_TRACK + rb".{4}(?=" + _NUMBER + rb"[\x80-\xff])", re.DOTALL)


def find(data: bytes) -> Iterator[Segment]:
    """Yield the messages in the tracks of `data`, each from its first byte to its last, packets in between included."""
    if _TRACK not in data:
        return
    joined, places = bytearray(), [(0, 0)]
    packets = []  # start of each in `joined`
    for start, body, end, is_escape in _packets(data):
        packets.append(len(joined))
        if not is_escape:
            places.append((len(joined), start))
            joined.append(0xF0)
        places.append((len(joined), body))
        joined += data[body:end]
    message, done = bytes(joined), 0
    while segments := next_message(message, done):
        for segment in segments:
            done = segment.offset + segment.length
            first, last = _place(places, segment.offset), _place(places, done - 1)
            count = bisect_right(packets, done - 1) - bisect_right(packets, segment.offset) + 1
            if count > 1:
                note = f"joined from {count} packets of a MIDI file"
            else:
                note = LENGTH_BYTES if segment.kind is Kind.VOICES else ""
            notes = join_notes(note, segment.note)
            yield replace(segment, offset=first, length=last + 1 - first, note=notes)


def _place(places: list[tuple[int, int]], offset: int) -> int:
    """Return the offset in the file of a byte of the joined packets."""
    joined, in_file = places[bisect_right(places, (offset, 2**63)) - 1]
    return in_file + offset - joined


def _packets(data: bytes) -> Iterator[tuple[int, int, int, bool]]:
    """Yield start, start of its bytes, end, and whether it is an F7 event, of each system exclusive event."""
    at, events = 0, 0
    while events < _MAX_EVENTS and (track := _FIRST_EVENT.search(data, at)):
        at, status, events = track.end(), 0, events + 1
        while events < _MAX_EVENTS:
            if channel := _CHANNEL.match(data, at):
                at, status = channel.end(), channel[1][0]
                continue
            if event := _EVENT.match(data, at):
                events += 1
                body = event.end()
                end = body + _value(event[4])
                if end > len(data) or (event[2] and event[3][0] == _END_OF_TRACK):
                    at = min(end, len(data))
                    break
                if event[1]:
                    yield event.start(1), body, end, event[1] == b"\xf7"
                at = end
            elif status and (more := _RUNNING[1 if status >> 5 == 6 else 2].match(data, at)):
                at = more.end()  # some files keep the status beyond a system exclusive event
            elif clock := _REAL_TIME.match(data, at):
                events, at = events + 1, clock.end()
            else:
                break


def _value(number: bytes) -> int:
    """Return the value of a number of variable length."""
    value = 0
    for byte in number:
        value = value << 7 | byte & 0x7F
    return value
