"""The words of names.toml: those for generated names, and those that such names never contain."""

import re
import tomllib
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

_Words = Annotated[list[str], BeforeValidator(str.split)]


class LabelWords(BaseModel):
    """Words that begin and end the names of a label."""

    model_config = ConfigDict(extra="forbid")

    first: _Words = []
    last: _Words = []


class _Vocabulary(BaseModel):
    model_config = ConfigDict(extra="forbid")

    short: list[str]
    never: dict[str, _Words]
    words: dict[str, LabelWords]


_VOCABULARY = _Vocabulary.model_validate(
    tomllib.loads((resources.files(__package__) / "names.toml").read_text(encoding="utf-8"))
)
_NEVER = {kind: "|".join(words) for kind, words in _VOCABULARY.never.items()}

SHORT_WORDS = _VOCABULARY.short
"""Words of two letters; any others are taken for initials."""

WORDS_BY_LABEL = _VOCABULARY.words

_OFFENSIVE = re.compile(rf"\b(?:{_NEVER['offensive']})S?\b")
_OFFENSIVE_INSIDE = re.compile(_NEVER["inside"])
_UNFIT = re.compile(rf"\b(?:{_NEVER['offensive']}|{_NEVER['people']}|{_NEVER['filler']})S?\b|\b(?:{_NEVER['makers']})")


def is_offensive(name: str) -> bool:
    """Return whether a name contains an offensive word or stem."""
    return bool(_OFFENSIVE.search(name.upper()) or _OFFENSIVE_INSIDE.search(name_key(name)))


def is_fit(name: str) -> bool:
    """Return whether a name in capitals describes a sound: no offense, nobody's name, no maker, no filler."""
    return not (_UNFIT.search(name) or _OFFENSIVE_INSIDE.search(name_key(name)))


def name_key(name: str) -> str:
    """Return the letters and digits of a name, in capitals. Names with the same key count as the same name."""
    return re.sub("[^A-Z0-9]", "", name.upper())
