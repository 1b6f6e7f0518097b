"""Timing of dumps on their way to a synthesizer, and MIDI files with that timing."""

import io
from collections.abc import Sequence

import mido  # type: ignore[import-untyped]

PAUSE_SECONDS = 0.25
"""Pause after a dump, in which a DX7 checks and stores it.

No manual of a DX7 or an SY77 gives a time. Yamaha specified 0.12 s after 512 bytes for later modules, and 0.1 s between
the dumps of an SY22.
"""

SELECT_PAUSE_SECONDS = 0.5
"""Pause after a parameter change, such as a block select, before the dump that it is about.

A DX7II needs it (found by the author of DX7II-Librarian on the instrument).
"""

_BYTES_PER_SECOND = 3125  # MIDI 1.0 specification: 31,250 baud, ten bits per byte
_TICKS_PER_SECOND = 960  # at the default tempo, 120 quarter notes per minute
_TICKS_PER_QUARTER = 480


def transmission_seconds(message: bytes) -> float:
    """Return the time that a message takes over a MIDI cable, in seconds: 1.3 for a bank."""
    return len(message) / _BYTES_PER_SECOND


def pause_seconds(message: bytes) -> float:
    """Return the pause after a message, in seconds."""
    return SELECT_PAUSE_SECONDS if message[1:2] == b"\x43" and message[2] >> 4 == 1 else PAUSE_SECONDS


def write_midi_file(messages: Sequence[bytes]) -> bytes:
    """Write system exclusive messages as a standard MIDI file (type 0), with time for each and a pause after it.

    messages: each from F0 to F7. Raises ValueError if a data byte is over 127.
    """
    track = mido.MidiTrack()
    delay = 0.0
    for message in messages:
        track.append(mido.Message.from_bytes(message, time=round(delay * _TICKS_PER_SECOND)))
        delay = transmission_seconds(message) + pause_seconds(message)
    track.append(mido.MetaMessage("end_of_track", time=round(delay * _TICKS_PER_SECOND)))
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=_TICKS_PER_QUARTER, tracks=[track]).save(file=buffer)
    return buffer.getvalue()
