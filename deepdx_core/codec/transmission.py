"""Dumps on their way to a synthesizer: the time they take over MIDI, and the MIDI file that keeps to it."""

import io
from collections.abc import Sequence

import mido  # type: ignore[import-untyped]

PAUSE = 0.25
"""Seconds between a dump's last byte and the next dump, in which a DX7 checks and stores it.

No manual of a DX7 gives this time; for later modules Yamaha asked for 0.12 s after 512 bytes.
"""

_BYTES_A_SECOND = 3125  # MIDI 1.0 specification: 31,250 baud, ten bits a byte
_TICKS_A_SECOND = 960  # at the default tempo, 120 quarter notes a minute
_TICKS_A_QUARTER = 480


def seconds_on_the_wire(message: bytes) -> float:
    """How long a message takes over a MIDI cable: 1.3 s for a bank."""
    return len(message) / _BYTES_A_SECOND


def midi_file(messages: Sequence[bytes]) -> bytes:
    """A standard MIDI file (type 0) of system exclusive messages, each with the time it takes and a pause after it.

    messages: each from F0 to F7, data bytes up to 127; ValueError otherwise.
    """
    track = mido.MidiTrack()
    wait = 0.0
    for message in messages:
        track.append(mido.Message.from_bytes(message, time=round(wait * _TICKS_A_SECOND)))
        wait = seconds_on_the_wire(message) + PAUSE
    track.append(mido.MetaMessage("end_of_track", time=round(wait * _TICKS_A_SECOND)))
    buffer = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=_TICKS_A_QUARTER, tracks=[track]).save(file=buffer)
    return buffer.getvalue()
