"""The table of audio features, with the intervals and frequency bands of its columns, and the map of sounds."""

from itertools import pairwise
from typing import Any

import dataframely as dy
import polars as pl

from deepdx_core.tables.columns import description, sound_id

CONTOUR_HELD = (0.0, 0.02, 0.06, 0.12, 0.24, 0.5)
CONTOUR_AFTER = (0.0, 0.1)
"""Start of each interval of the loudness contour, in seconds after key-down (HELD) and after key-up (AFTER)."""

BAND_EDGES = (20, 177, 354, 707, 1414, 2828, 5657, 11314, 22050)
"""Edges of the frequency bands, in Hz: octaves, except for the first and the last band."""


def _measure(text: str, **options: Any) -> dy.Float32:
    return dy.Float32(metadata=description(text), **options)


def _contour() -> dict[str, dy.Column]:
    intervals = [
        f"{start:g} s after {event} to {end}"
        for starts, event, last in ((CONTOUR_HELD, "key-down", "key-up"), (CONTOUR_AFTER, "key-up", "the end"))
        for start, end in zip(starts, [*(f"{start:g} s" for start in starts[1:]), last], strict=True)
    ]
    return {f"level_{n}": _measure(f"mean power from {text}, in dB") for n, text in enumerate(intervals, 1)}


def _bands() -> dict[str, dy.Column]:
    frames = {"early": "the first 0.09 s", "late": "the last 0.09 s before key-up"}
    return {
        f"{frame}_band_{n}": _measure(f"power from {low} to {high} Hz in {when}, in dB")
        for frame, when in frames.items()
        for n, (low, high) in enumerate(pairwise(BAND_EDGES), 1)
    }


class AudioFeatures(dy.Schema):
    """A note of a valid sound, rendered and measured.

    0 dB is one carrier at full level (a sine between -1 and 1), -100 dB is the floor of all levels, and below -60 dB is
    silence. Measures that a silent clip does not have are null.
    """

    sound_id = sound_id(primary_key=True)
    note = dy.UInt8(primary_key=True, max=127, metadata=description("MIDI note, 0 to 127; 60 is middle C"))
    velocity = dy.UInt8(primary_key=True, min=1, max=127, metadata=description("MIDI velocity, 1 to 127"))
    renderer = dy.String(metadata=description("engine and version of the measures"))
    sample_rate = dy.UInt32(metadata=description("samples per second"))
    held_seconds = _measure("time from key-down to key-up, in seconds", min=0)
    after_seconds = _measure("time rendered after key-up, in seconds", min=0)
    silent = dy.Bool(metadata=description("below -60 dB in every 20 ms of the clip"))
    never_heard = dy.Bool(
        metadata=description(
            "silent in all clips of the sound, and also with the key held for 20 s at full velocity, without the "
            "amplitude modulation that breath and wheel could remove, and with all pitch modulation"
        )
    )
    peak_db = _measure("level of the highest sample, all carriers together, in dB")
    loudness_db = _measure(
        "level of the loudest 0.2 s, its amplitude divided by the number of carriers as in a DX7, in dB"
    )
    attack_seconds = _measure(
        "time from key-down until it first comes within 6 dB of its loudest 20 ms, in seconds", nullable=True, min=0
    )
    decay_seconds = _measure(
        "time from the loudest moment before key-up until 20 dB below the loudest 20 ms, in seconds; null if this is "
        "not before key-up",
        nullable=True,
        min=0,
    )
    sustain_db = _measure("level at key-up relative to the loudest 20 ms, in dB", nullable=True)
    release_seconds = _measure(
        "time from key-up until it stays 40 dB below the level at key-up, or silent, in seconds; null if this is after "
        "the clip",
        nullable=True,
        min=0,
    )
    end_db = _measure("level in the last 0.1 s of the clip, in dB")
    rest_db = _measure("level long after key-up, in dB; null except at note 60, velocity 100", nullable=True)
    sounds_at_rest = dy.Bool(
        nullable=True, metadata=description("rest_db is -60 or more: it never falls silent; null if rest_db is")
    )
    brightness_hz = _measure("spectral centroid of the power, in Hz", nullable=True, min=0)
    harshness = _measure("share of the A-weighted power above 4 kHz, 0 to 1", nullable=True, min=0, max=1)
    flatness = _measure(
        "spectral flatness from 100 Hz to 10 kHz: 0 for tones, over 0.5 for noise", nullable=True, min=0
    )
    harmonicity = _measure(
        "periodicity, 0 to 1: the highest peak of the normalized autocorrelation", nullable=True, min=0, max=1
    )
    pitch_hz = _measure("frequency of that peak, in Hz; null if harmonicity is below 0.7", nullable=True, min=0)
    locals().update(_contour())
    locals().update(_bands())

    @dy.rule()
    def silence_measures_nothing(cls) -> pl.Expr:
        measured = ("attack_seconds", "sustain_db", "brightness_hz", "harshness", "flatness", "harmonicity")
        return pl.all_horizontal(pl.col(name).is_null() == pl.col("silent") for name in measured)

    @dy.rule()
    def never_heard_is_silent(cls) -> pl.Expr:
        return ~pl.col("never_heard") | pl.col("silent")


class SoundMap(dy.Schema):
    """A place for each valid sound that was rendered, on a map where sounds that are similar by ear are close together.

    The place depends on the sound alone, so it is the same in every corpus. The axes have no meaning of their own.
    """

    sound_id = sound_id(primary_key=True)
    x = _measure("place from left to right, -1 to 1", min=-1, max=1)
    y = _measure("place from bottom to top, -1 to 1", min=-1, max=1)
