"""Making: new voices by the champion of the home, near a voice, between two, or bred from several."""

import threading
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from deepdx_core.errors import DeepDXError
from deepdx_core.voice.parts import PARTS
from deepdx_explorer.librarian import Librarian, UnknownVoiceError, Voice
from deepdx_explorer.routes import TheLibrarian
from deepdx_explorer.voices import describe_voices, playable

router = APIRouter()

_MAX_COUNT = 128
_ONE_AT_A_TIME = threading.Lock()  # each uses all that the machine has

SoundId = Annotated[str, Field(pattern="^[0-9a-f]{20}$")]


class Wish(BaseModel):
    """An order of new voices, as of `deepdx generate`. Voices are named by their sound ids: also those made before."""

    model_config = ConfigDict(extra="forbid")

    label: str | None = Field(default=None, description="One of the labels; by default any, as in the corpus.")
    algorithm: int | None = Field(default=None, ge=1, le=32)
    set: dict[str, int] = Field(default_factory=dict, description="Values of parameters by name, in every voice.")
    count: int = Field(default=8, ge=1, le=_MAX_COUNT)
    seed: int = Field(default=0, ge=0)
    temperature: float = Field(default=1.0, ge=0.05, le=5)
    novelty: float | None = Field(default=None, gt=0)
    like: SoundId | None = Field(default=None, description="Make variations of this voice.")
    between: list[SoundId] = Field(default_factory=list, max_length=2, description="Two voices: steps between them.")
    parents: list[SoundId] = Field(default_factory=list, max_length=8, description="Two to eight voices to breed.")
    keep: list[str] = Field(default_factory=list, description="Parts that stay as they are: " + ", ".join(PARTS) + ".")
    to_taste: bool = Field(default=False, description="Prefer voices that the user would like, by the ratings.")
    strength: float | None = Field(default=None, gt=0, le=1, description="Share of the parameters that change.")


@router.post("/voices")
def make(librarian: TheLibrarian, wish: Wish) -> dict[str, Any]:
    """Make new voices. Each has the critic's log-odds that it is real, the nearest training voice, and a taste.

    The same wish with the same model makes the same voices. `rejected` counts rejected candidates by reason.
    """
    from deepdx_core.generation.fulfillment import generate_voices  # loads torch
    from deepdx_core.generation.preferences import prefer_taste
    from deepdx_core.generation.request import SamplingRequest

    if len(wish.between) == 1:
        raise DeepDXError("between needs two voices")
    given = [*([wish.like] if wish.like else []), *wish.between, *wish.parents]
    voices = [playable(librarian.voice(sound_id)) for sound_id in given]
    parameters = np.array([voice.parameters for voice in voices])
    changes: dict[str, Any] = {
        **({"preferences": (prefer_taste(librarian.taste()),)} if wish.to_taste else {}),
        **({} if wish.novelty is None else {"novelty": wish.novelty}),
        **({} if wish.strength is None else {"strength": wish.strength}),
        **({"like": parameters[0]} if wish.like else {}),
        **({"between": (parameters[0], parameters[-1])} if wish.between else {}),
        **({"parents": parameters} if wish.parents else {}),
    }
    values = wish.set if wish.algorithm is None else {**wish.set, "algorithm": wish.algorithm - 1}
    try:
        request = SamplingRequest(wish.label, values, wish.temperature, keep=tuple(wish.keep), **changes)
    except ValueError as error:
        raise DeepDXError(str(error)) from error
    with _ONE_AT_A_TIME:
        made = generate_voices(
            librarian.home,
            request,
            wish.count,
            wish.seed,
            names=[voice.name for voice in voices],
            model=librarian.model(writer=bool(request.of_writers)),
        )
    described = describe_voices(librarian, made.parameters, made.names)
    librarian.remember(
        {row["sound_id"]: Voice(values, row["name"]) for row, values in zip(described, made.parameters, strict=True)}
    )
    tastes = librarian.taste_of(made.parameters)
    facts = zip(made.realness.tolist(), made.nearest_ids, made.nearest_distances.tolist(), tastes, strict=True)
    return {
        "voices": [
            row
            | {
                "realness": realness,
                "nearest": {"sound_id": nearest, "name": _name(librarian, nearest), "differing": differing},
                "taste": taste,
            }
            for row, (realness, nearest, differing, taste) in zip(described, facts, strict=True)
        ],
        "rejected": made.rejected,
    }


def _name(librarian: Librarian, sound_id: str) -> str:
    try:
        return librarian.voice(sound_id).name
    except UnknownVoiceError:  # learned from a corpus that has changed since
        return sound_id
