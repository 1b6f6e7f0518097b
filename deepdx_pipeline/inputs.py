"""Versions of what assets read: of the user's files, and of all inputs of an asset as one digest."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from deepdx_core.files import file_digest
from deepdx_core.home import Home
from deepdx_core.intake.local_files import find_files
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.stamps import Stamps, digest, release
from deepdx_core.tables.storage import Tables


def source_versions(home: Home) -> dict[str, str]:
    """Return a digest of each source, by asset name."""
    return {source: version(home) for source, version in _SOURCE_VERSIONS.items()}


def inputs_digest(
    home: Home, deps: Iterable[str], code_version: str, config: Mapping[str, Any], files: Iterable[Path] = ()
) -> str:
    """Return a digest of everything that the result of an asset depends on.

    deps: the tables, sources and other assets that it reads. files: other files of the home that it reads.
    """
    tables, stamps = Tables(home), Stamps(home)

    def version(dep: str) -> str:
        if dep in TABLES:
            return tables.version(dep)
        return _SOURCE_VERSIONS[dep](home) if dep in _SOURCE_VERSIONS else stamps.version(dep)

    return digest(
        {
            "release": release(),
            "code": code_version,
            "config": dict(config),
            "deps": {dep: version(dep) for dep in deps},
            "files": {path.relative_to(home.root).as_posix(): file_digest(path) for path in files},
        }
    )


def inbox_version(folder: Path) -> str:
    """Return a digest of the path, size and modification time of every file in the inbox. Files are not opened."""
    found = hashlib.sha256()
    for path in find_files(folder):
        try:
            status = path.lstat()
        except OSError:
            continue  # gone since it was listed
        row = f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\0"
        found.update(row.encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _files_version(*paths: Path, package_file: str = "") -> str:
    """Return a digest of the user's files, and of the file of the package that they change."""
    found = hashlib.sha256(package_file.encode())
    for path in paths:
        # A file that cannot be read is reported by the run, which cannot read it either.
        content = file_digest(path) if path.exists() else ""
        found.update(f"{path.name}\0{content}\0".encode())
    return found.hexdigest()


@cache
def _package_file(package: str, name: str) -> str:
    return hashlib.sha256((resources.files(package) / name).read_bytes()).hexdigest()


_SOURCE_VERSIONS: dict[str, Callable[[Home], str]] = {
    "inbox": lambda home: inbox_version(home.inbox),
    "rules": lambda home: _files_version(home.rules, package_file=_package_file("deepdx_core.quality", "rules.toml")),
    "taxonomy": lambda home: _files_version(
        home.taxonomy, package_file=_package_file("deepdx_core.labels", "taxonomy.toml")
    ),
    "overrides": lambda home: _files_version(home.verdicts, home.labels),
}
