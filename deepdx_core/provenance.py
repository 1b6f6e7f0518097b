"""Which code made something: digests of source, so that results of older code are never taken for current ones."""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


@cache
def code_version(*packages: str) -> str:
    """First 16 hexadecimal digits of a SHA-256 over the sources (.py, .toml) of packages, by their dotted names."""
    digest = hashlib.sha256()
    for package in packages:
        for path, content in _sources(files(package), package):
            digest.update(f"{path}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:16]


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            found += _sources(entry, name)
        elif entry.name.endswith((".py", ".toml")):
            found.append((name, entry.read_bytes()))
    return found
