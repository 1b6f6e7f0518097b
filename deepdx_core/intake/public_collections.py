"""Public collections of voices that `deepdx add` knows by name."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Collection:
    """A public collection.

    license: as the collection states it.
    sha256: of the file, "" where its bytes may change.
    """

    name: str
    url: str
    file: str
    license: str
    description: str
    sha256: str = ""


@cache
def load_collections() -> dict[str, Collection]:
    """Return the known collections by name."""
    text = files("deepdx_core.intake").joinpath("public_collections.toml").read_text("utf-8")
    return {name: Collection(name, **entry) for name, entry in tomllib.loads(text).items()}
