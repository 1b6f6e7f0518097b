"""Hearing: a sound rendered on the server, for pages without an AudioWorklet, its spectrogram, and its dump."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from deepdx_core.codec.names import text_to_names
from deepdx_core.codec.writer import write_single
from deepdx_core.sound.audio_files import encode
from deepdx_core.sound.loudness import match_loudness
from deepdx_core.sound.phrases import LABEL_PHRASES, render_phrases, single_note
from deepdx_explorer.pictures import draw_spectrogram
from deepdx_explorer.routes import TheLibrarian
from deepdx_explorer.sheets import find_phrase_label
from deepdx_explorer.voices import playable

router = APIRouter()

_MAX_SECONDS = 10.0


@router.get("/sounds/{sound_id}/audio.wav", response_class=Response)
def audio(
    librarian: TheLibrarian,
    sound_id: str,
    note: Annotated[int | None, Query(ge=0, le=127, description="MIDI note; by default, a phrase.")] = None,
    velocity: Annotated[int, Query(ge=1, le=127)] = 100,
    seconds: Annotated[float, Query(ge=0.05, le=_MAX_SECONDS)] = 3.0,
) -> Response:
    """Return a sound as WAV: the phrase of its label, or a note. All at the same loudness."""
    voice = playable(librarian.voice(sound_id))
    phrase = LABEL_PHRASES[find_phrase_label(voice.parameters, voice.label)] if note is None else single_note(note)
    clip = match_loudness(render_phrases(voice.parameters[None], [phrase], velocity, seconds))[0]
    return Response(encode(clip, "wav"), media_type="audio/wav")


@router.get("/sounds/{sound_id}/spectrogram.png", response_class=Response)
def spectrogram(librarian: TheLibrarian, sound_id: str) -> Response:
    """Return the spectrogram of middle C, held for two of three seconds."""
    voice = playable(librarian.voice(sound_id))
    clip = render_phrases(voice.parameters[None], [single_note(60)], 100, 3.0)[0]
    return Response(draw_spectrogram(clip), media_type="image/png")


@router.get("/sounds/{sound_id}/voice.syx", response_class=Response)
def dump(librarian: TheLibrarian, sound_id: str, channel: Annotated[int, Query(ge=0, le=15)] = 0) -> Response:
    """Return a sound as a single-voice dump, 163 bytes, for the edit buffer of a DX7."""
    voice = playable(librarian.voice(sound_id))
    data = write_single(voice.parameters[None], text_to_names([voice.name]), channel)
    return Response(data, media_type="application/octet-stream")
