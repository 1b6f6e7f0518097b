"""Public collections of voices that are known by name: where they are, and what they state of themselves."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Collection:
    """A public collection; `license` is what it states of itself, `sha256` is "" where its bytes may change."""

    name: str
    url: str
    file: str
    license: str
    what: str
    sha256: str = ""


@cache
def collections() -> dict[str, Collection]:
    """The collections that are known, by their names."""
    text = files("deepdx_core.intake").joinpath("collections.toml").read_text("utf-8")
    return {name: Collection(name, **entry) for name, entry in tomllib.loads(text).items()}
