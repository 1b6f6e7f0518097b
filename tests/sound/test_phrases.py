"""Names of notes, and phrases rendered: pitches, places in time, and batches."""

import numpy as np
import pytest

from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.sound.phrases import (
    LABEL_PHRASES,
    PHRASES,
    PhraseNote,
    guess_labels,
    note_name,
    parse_note,
    render_in_batches,
    render_phrases,
    single_note,
)
from deepdx_core.sound.rendering import SAMPLE_RATE, render
from deepdx_core.voice.columns import operator_columns
from tests.support.voices import init_voice, random_voices


def loudest_hertz(audio):
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return spectrum.argmax() * SAMPLE_RATE / len(audio)


@pytest.mark.parametrize(
    ("text", "note"),
    [("C4", 60), ("c4", 60), ("F#3", 54), ("Bb2", 46), ("B#3", 60), ("Cb4", 59), ("C-1", 0), ("G9", 127), ("60", 60)],
)
def test_notes_are_names_or_numbers(text, note):
    assert parse_note(text) == note


@pytest.mark.parametrize(
    "text", ["", "C", "H2", "C##4", "G#9", "Cb-1", "C-2", "128", "-1", "C4 ", "C99", "\u0663", "6\u0660"]
)
def test_other_notes_are_refused(text):
    with pytest.raises(ValueError, match="is neither a note from C-1 to G9"):
        parse_note(text)


def test_names_of_notes_are_parsed_back():
    assert [parse_note(note_name(note)) for note in range(128)] == list(range(128))
    assert (note_name(60), note_name(61), note_name(0)) == ("C4", "C#4", "C-1")


@pytest.mark.parametrize(("name", "hertz"), [("A2", 110), ("A4", 440), ("C4", 261.63), ("F#6", 1479.98)])
def test_a_note_has_its_pitch(name, hertz):
    (clip,) = render_phrases(INIT_VOICE[None], [single_note(parse_note(name))], 100, 2.0)
    assert loudest_hertz(clip[:SAMPLE_RATE]) == pytest.approx(hertz, abs=0.6)


def test_notes_of_a_phrase_sound_at_their_time():
    phrase = (PhraseNote(0.0, 69, 0.2), PhraseNote(0.5, 57, 0.2))
    (clip,) = render_phrases(INIT_VOICE[None], [phrase], 100, 4.0)
    parts = clip.reshape(8, -1)  # half seconds
    assert [bool(np.abs(part[-1000:]).max() > 0.1) for part in parts] == [True] + [False] * 3 + [True] + [False] * 3
    assert loudest_hertz(parts[0]) == pytest.approx(440, abs=2)
    assert loudest_hertz(parts[4]) == pytest.approx(220, abs=2)


def test_a_chord_is_the_sum_of_its_notes():
    voices, _ = random_voices(3)
    (chord, alone) = (tuple(PhraseNote(0.0, note, 2 / 3) for note in notes) for notes in ((48, 64), (48,)))
    both = render_phrases(voices, [chord] * 3, 90, 1.0)
    assert (both == render(voices, 48, 90, 1.0) + render(voices, 64, 90, 1.0)).all()
    assert (render_phrases(voices, [alone] * 3, 90, 1.0) == render(voices, 48, 90, 1.0)).all()


def test_accents_are_velocities():
    voice = init_voice(op1_velocity_sensitivity=7)[None]
    accented = render_phrases(voice, [(PhraseNote(0.0, 60, 2 / 3, 0.5),)], 100, 0.5)
    assert (accented == render(voice, 60, 50, 0.5)).all()
    loudest = render_phrases(voice, [(PhraseNote(0.0, 60, 2 / 3, 9.0),)], 100, 0.5)
    assert (loudest == render(voice, 60, 127, 0.5)).all()


@pytest.mark.parametrize("seconds", [0.1, 0.37, 3.0])
def test_every_phrase_fits_a_clip_of_any_length(seconds):
    phrases = [*PHRASES.values(), *LABEL_PHRASES.values()]
    clips = render_phrases(np.tile(INIT_VOICE, (len(phrases), 1)), phrases, 100, seconds)
    assert clips.shape == (len(phrases), round(seconds * SAMPLE_RATE))
    assert (np.abs(clips).max(axis=1) > 0.1).all()


def test_batches_give_what_one_call_gives():
    voices, _ = random_voices(5)
    phrases = [LABEL_PHRASES["Bass"], LABEL_PHRASES["Pads"], PHRASES["arpeggio"]] * 5
    voices = voices.repeat(3, axis=0)
    batches = list(render_in_batches(voices, phrases, 100, 60.0 / 4))
    assert [len(clips) for clips in batches] == [10, 5]
    assert (np.concatenate(batches) == render_phrases(voices, phrases, 100, 60.0 / 4)).all()


def test_labels_are_guessed_from_envelopes_and_transpose():
    voices = np.stack(
        [
            init_voice(op1_eg_rate_1=20),
            init_voice(op1_eg_level_3=0, op1_eg_rate_3=30),
            init_voice(transpose=12),
            init_voice(),
            init_voice(op1_output_level=0),
        ]
    )
    assert guess_labels(voices) == ["Pads", "Plucked", "Bass", "Synth", "Other"]
    # Modulators do not count.
    voices[:, operator_columns("eg_rate_1")[1:]] = 0
    assert guess_labels(voices) == ["Pads", "Plucked", "Bass", "Synth", "Other"]
