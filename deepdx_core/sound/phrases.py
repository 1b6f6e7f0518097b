"""Names of notes, phrases that suit a kind of sound, and their rendering."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.sound.rendering import SAMPLE_RATE, render
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_NOTE = re.compile(r"([A-Ga-g])([#b]?)(-?[0-9]{1,2})")
HELD = 2 / 3
"""Share of a clip until the last key-up."""
_BATCH = 2**25  # samples, 128 MB


@dataclass(frozen=True)
class PhraseNote:
    """One note of a phrase. Times are shares of the clip, so that a phrase fits clips of any length.

    accent: factor of the velocity.
    """

    start: float
    note: int
    held: float
    accent: float = 1.0


Phrase = tuple[PhraseNote, ...]


def _steps(notes: Sequence[int], step: float, held: float, accents: Sequence[float] = (1.0,)) -> Phrase:
    """Return notes at regular steps. Accents repeat; the last note is held for two steps more."""
    last = len(notes) - 1
    return tuple(
        PhraseNote(i * step, note, held + 2 * step * (i == last), accents[i % len(accents)])
        for i, note in enumerate(notes)
    )


CHORD: Phrase = tuple(PhraseNote(0.0, note, 0.7) for note in (48, 55, 60, 64))
ARPEGGIO = _steps((48, 55, 60, 64, 67), 0.11, 0.1)

PHRASES: dict[str, Phrase] = {"arpeggio": ARPEGGIO, "chord": CHORD}

LABEL_PHRASES: dict[str, Phrase] = {
    "Pads": CHORD,
    # Broken chord: each key stays down, so that the decay is audible.
    "Pianos": tuple(PhraseNote(0.1 * i, note, HELD - 0.1 * i) for i, note in enumerate((48, 60, 64, 67))),
    "Plucked": ARPEGGIO,
    "Bass": _steps((36, 36, 48, 34, 31), 0.13, 0.1, (1.0, 0.75)),
    "Orchestra": _steps((60, 64, 67), 0.2, 0.2),
    "Synth": _steps((48, 60, 63, 67, 60), 0.11, 0.09),
    "Perc": _steps((60, 60, 60), 0.22, 0.1, (0.6, 0.8, 1.0)),
    "Other": (PhraseNote(0.0, 60, HELD),),
}
"""Phrases by the labels of the standard taxonomy."""

_SLOW_ATTACK = 45  # an attack with a rate 1 below this takes some tenths of a second
_SUSTAINED = 60  # a carrier with a level 3 above this is audible while the key is held
_OCTAVE_DOWN = 12  # transpose
_AUDIBLE = 50  # output level above which a carrier counts


def single_note(note: int) -> Phrase:
    """Return one note, held for two thirds of the clip."""
    return (PhraseNote(0.0, note, HELD),)


def guess_labels(parameters: UInt8Array) -> list[str]:
    """Return for each voice, `uint8[n, 145]`, the label whose phrase suits its carriers' envelopes and its transpose.

    For voices whose names give no label. Good enough to choose a phrase, too coarse for a label.
    """
    carriers = CARRIERS[parameters[:, INDEX["algorithm"]]] & (
        parameters[:, operator_columns("output_level")] > _AUDIBLE
    )
    attack = np.where(carriers, parameters[:, operator_columns("eg_rate_1")], 0).max(axis=1)
    sustain = np.where(carriers, parameters[:, operator_columns("eg_level_3")], 0).max(axis=1)
    low = parameters[:, INDEX["transpose"]] <= _OCTAVE_DOWN
    conditions = [~carriers.any(axis=1), attack < _SLOW_ATTACK, low, sustain > _SUSTAINED]
    labels: list[str] = np.select(conditions, ["Other", "Pads", "Bass", "Synth"], "Plucked").tolist()
    return labels


def parse_note(text: str) -> int:
    """Return the MIDI number of a note such as `C4`, `F#3`, `Bb2` or `60`. Middle C is C4, 60.

    Raises ValueError if it is neither, or beyond 0 to 127, which are C-1 and G9.
    """
    number = -1
    if re.fullmatch("[0-9]{1,3}", text):
        number = int(text)
    elif match := _NOTE.fullmatch(text):
        letter, accidental, octave = match.groups()
        number = 12 * (int(octave) + 1) + _SEMITONES[letter.upper()] + {"#": 1, "b": -1, "": 0}[accidental]
    if not 0 <= number <= 127:
        raise ValueError(
            f"{text!r} is neither a note from C-1 to G9, such as C4, F#3 or Bb2, nor a number from 0 to 127"
        )
    return number


def note_name(note: int) -> str:
    """Return the name of a MIDI note, with sharps: `C4` is 60."""
    return f"{_NAMES[note % 12]}{note // 12 - 1}"


def render_phrases(
    parameters: UInt8Array, phrases: Sequence[Phrase], velocity: int = 100, seconds: float = 3.0
) -> Float32Array:
    """Render voices, `uint8[n, 145]`, each with its own phrase, to `float32[n, samples]`.

    Scaled like `render`: several notes together go beyond -1 and 1. Raises ValueError like `render`.
    """
    clips = np.zeros((len(parameters), round(seconds * SAMPLE_RATE)), np.float32)
    for phrase in dict.fromkeys(phrases):
        rows = np.flatnonzero([other == phrase for other in phrases])
        clips[rows] = _render_phrase(parameters[rows], phrase, velocity, seconds)
    return clips


def render_in_batches(
    parameters: UInt8Array, phrases: Sequence[Phrase], velocity: int = 100, seconds: float = 3.0
) -> Iterator[Float32Array]:
    """Render like `render_phrases`, in batches that fit in memory."""
    rows = max(1, _BATCH // (round(seconds * SAMPLE_RATE) * max(map(len, phrases), default=1)))
    for first in range(0, len(phrases), rows):
        batch = slice(first, first + rows)
        yield render_phrases(parameters[batch], phrases[batch], velocity, seconds)


def _render_phrase(parameters: UInt8Array, phrase: Phrase, velocity: int, seconds: float) -> Float32Array:
    samples = round(seconds * SAMPLE_RATE)
    mix = np.zeros((len(parameters), samples), np.float32)
    # Notes that are held equally long are rows of one call.
    for held, group in groupby(sorted(phrase, key=lambda note: note.held), lambda note: note.held):
        notes = list(group)
        velocities = [min(max(round(velocity * note.accent), 1), 127) for note in notes]
        longest = seconds * (1 - min(note.start for note in notes))
        rendered = render(
            np.repeat(parameters, len(notes), axis=0),
            np.tile([note.note for note in notes], len(parameters)),
            np.tile(velocities, len(parameters)),
            longest,
            min(held * seconds, longest),
        ).reshape(len(parameters), len(notes), -1)
        for i, note in enumerate(notes):
            start = round(note.start * samples)
            length = min(samples - start, rendered.shape[2])
            mix[:, start : start + length] += rendered[:, i, :length]
    return mix
