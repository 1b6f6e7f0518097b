"""Choosing: the taste that the ratings show, which sound to rate next, and the best sounds for a bank."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from deepdx_core.taste.picking import pick_sounds, to_collection
from deepdx_explorer.routes import TheLibrarian
from deepdx_explorer.voices import describe_voices

router = APIRouter()

_MAX_PICKED = 1024


@router.get("/taste")
def taste(librarian: TheLibrarian, count: Annotated[int, Query(ge=1, le=32)] = 1) -> dict[str, Any]:
    """Return the number of ratings, how well they agree with their own prediction, and the sounds to rate next.

    agreement: rank correlation, -1 to 1; null with fewer than 8 ratings. The next sounds tell most about all others.
    """
    found = librarian.taste()
    voices = [librarian.voice(sound_id) for sound_id in found.next_to_rate(count)]
    sounds = [describe_voices(librarian, voice.parameters[None], [voice.name])[0] for voice in voices]
    return {"ratings": found.ratings, "agreement": found.agreement, "next": sounds}


@router.get("/pick")
def pick(
    librarian: TheLibrarian,
    count: Annotated[int, Query(ge=1, le=_MAX_PICKED)] = 32,
    label: Annotated[list[str] | None, Query(description="Only sounds of these labels.")] = None,
    without: Annotated[list[str] | None, Query(description="Sounds that are not to be chosen.")] = None,
    seed: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Choose sounds by rating and taste, no two of a family, in the order of a bank, each with the reason."""
    features = librarian.taste().features
    picked = pick_sounds(librarian.home, count, labels=label or (), without=without or (), seed=seed, features=features)
    voices = to_collection(librarian.home, picked)
    reasons = picked.select("taste", "sure", "why").to_dicts()
    described = describe_voices(librarian, voices.parameters, voices.names)
    return {"voices": [voice | reason for voice, reason in zip(described, reasons, strict=True)]}
