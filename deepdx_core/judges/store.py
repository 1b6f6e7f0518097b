"""Where judges are: in the package, and a user's own in the state of the home. `rules.toml` picks."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from deepdx_core.display import printable, shown
from deepdx_core.errors import DeepDXError
from deepdx_core.files import read_regular, written_whole
from deepdx_core.home import Home
from deepdx_core.judges.judge import MAX_BYTES, Judge, Kind, from_file, to_file

PACKAGE = "package"
"""The name of the judges of the package, in `rules.toml`."""

KINDS: tuple[Kind, ...] = ("corruption", "labels")

_VERSION = re.compile("[0-9a-f]{16}")


class JudgeError(DeepDXError):
    """A judge cannot be used. The message names it and the reason."""


def require_judges(home: Home, choice: Mapping[str, str]) -> None:
    """Raise JudgeError if a judge that `rules.toml` picks, by kind, does not exist. Does not load it."""
    for kind in KINDS:
        which = choice[kind]
        if which != PACKAGE and not (_VERSION.fullmatch(which) and _path(home, kind, which).is_file()):
            known = ", ".join([PACKAGE, *own_versions(home, kind)])
            raise JudgeError(f"{printable(str(home.rules))}: judges.{kind}: no judge {shown(which)}; known: {known}")


def load_judge(home: Home, kind: Kind, which: str) -> Judge:
    """Return a judge: of the package, or a user's own by its version. Raises JudgeError if it is damaged or missing."""
    if which == PACKAGE:
        return package_judge(kind)
    path = _path(home, kind, which)
    try:
        judge = from_file(read_regular(path, MAX_BYTES))
        if judge.card.kind != kind or judge.version != which:
            raise ValueError("damaged, or another judge")
        return judge
    except (OSError, ValueError) as error:
        raise JudgeError(f"{printable(str(path))}: {error}") from error


@cache
def package_judge(kind: Kind) -> Judge:
    """Return a judge of the package."""
    return from_file((resources.files(__package__) / f"{kind}.safetensors").read_bytes())


def own_versions(home: Home, kind: Kind) -> list[str]:
    """Return the versions of a user's own judges, in alphabetical order."""
    return sorted(path.stem.removeprefix(f"{kind}-") for path in home.judges.glob(f"{kind}-*.safetensors"))


def save_judge(home: Home, judge: Judge) -> Path:
    """Write a judge to the state of a home. Return the path of its file."""
    path = _path(home, judge.card.kind, judge.version)
    home.judges.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_bytes(to_file(judge))
    return path


def _path(home: Home, kind: Kind, version: str) -> Path:
    return home.judges / f"{kind}-{version}.safetensors"
