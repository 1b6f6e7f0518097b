"""Stamps: records of finished steps, by which a run knows what it need not do again.

A stamp names the inputs that a step was done with, by a digest, and every file that it wrote, by its SHA-256. A step is
up to date while both are the same. Stamps are a cache: without them, everything is done again.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from deepdx_core.files import file_digest, read_regular, written_whole
from deepdx_core.home import Home

_KNOWN_INPUTS = 4
"""Number of inputs that are remembered for the same outputs, as a run with and one without rendering may have."""


class Stamps:
    """The stamps of a home, by the name of the step."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def is_current(self, step: str, inputs: str) -> bool:
        """Return True if a step was done with these inputs, and its outputs are intact."""
        stamp = self._read().get(step)
        return stamp is not None and inputs in stamp["inputs"] and self._digests(stamp["outputs"]) == stamp["outputs"]

    def record(self, step: str, inputs: str, outputs: Iterable[Path] = ()) -> None:
        """Record that a step was done with these inputs and wrote these files of the home."""
        stamps = self._read()
        written = self._digests(path.relative_to(self._home.root).as_posix() for path in outputs)
        before = stamps.get(step, {"inputs": [], "outputs": {}})
        known = [other for other in before["inputs"] if other != inputs] if before["outputs"] == written else []
        stamp = {"inputs": [inputs, *known][:_KNOWN_INPUTS], "outputs": written}
        if stamp != stamps.get(step):
            stamps[step] = stamp
            with written_whole(self._home.stamps, set_aside=True) as temporary:
                temporary.write_text(json.dumps(dict(sorted(stamps.items())), indent=1) + "\n")

    def version(self, step: str) -> str:
        """Return a digest of the files that a step wrote, "" if it has no stamp."""
        stamp = self._read().get(step)
        return digest(stamp["outputs"]) if stamp else ""

    def _read(self) -> dict[str, Any]:
        try:
            stamps = json.loads(read_regular(self._home.stamps))
            return {
                step: {"inputs": [str(known) for known in stamp["inputs"]], "outputs": dict(stamp["outputs"])}
                for step, stamp in stamps.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def _digests(self, names: Iterable[str]) -> dict[str, str]:
        return {name: file_digest(self._home.root / name) for name in names}


def digest(values: Mapping[str, Any]) -> str:
    """Return a digest of values that JSON can represent."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@cache
def source_digest(package: str) -> str:
    """Return a digest of the code and data files in the folder of a package, the version of a step without its own."""
    found = hashlib.sha256()
    for file in sorted(resources.files(package).iterdir(), key=lambda file: file.name):
        if file.is_file():
            content = file.read_bytes()
            found.update(f"{file.name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


@cache
def release() -> str:
    """Return the installed version of Deep DX, "" for code that is not installed."""
    try:
        return version("deepdx")
    except PackageNotFoundError:
        return ""
