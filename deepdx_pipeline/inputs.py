"""Versions of what assets and checks read: of the user's files, and of all inputs of a step as one digest."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg

from deepdx_core.documents import MAX_BYTES
from deepdx_core.errors import DeepDXError
from deepdx_core.files import file_digest
from deepdx_core.home import Home
from deepdx_core.intake.inbox_index import InboxIndex
from deepdx_core.intake.local_files import find_files
from deepdx_core.intake.survey import SURVEYED_BY, is_unchanged
from deepdx_core.judges.store import KINDS
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.stamps import Stamps, digest, release, source_digest
from deepdx_core.tables.storage import Tables


def source_versions(home: Home) -> dict[str, str]:
    """Return a digest of each source, by asset name."""
    return {source: version(home) for source, version in _SOURCE_VERSIONS.items()}


Files = Callable[[Home], Iterable[Path]]


def no_files(home: Home) -> Iterable[Path]:
    """Return no files: the default of `Files`."""
    return ()


@dataclass(frozen=True)
class Step:
    """The work of an asset or a check, and everything that its result depends on.

    deps: the tables, sources and other assets that it reads. reads: other files of the home that it reads.
    """

    name: str
    deps: Sequence[str]
    code_version: str
    reads: Files = no_files
    config_class: type[dg.Config] | None = None

    def inputs(self, home: Home, config: Mapping[str, Any] = MappingProxyType({})) -> str:
        """Return a digest of all that the result depends on."""
        return digest(
            {
                "release": release(),
                "code": self.code_version,
                "config": dict(config),
                "deps": {dep: _version(home, dep) for dep in self.deps},
                "files": {path.relative_to(home.root).as_posix(): file_digest(path) for path in self.reads(home)},
            }
        )

    def is_current(self, home: Home, config: Mapping[str, Any] = MappingProxyType({})) -> bool:
        """Return True if the step has nothing to do with a configuration, given as in a run's."""
        complete = self.config_class(**config).model_dump() if self.config_class else {}
        return self.is_done(home, self.inputs(home, complete))

    def is_done(self, home: Home, inputs: str) -> bool:
        """Return True if the step was done with these inputs, and its outputs are intact.

        A table must be in the manifest as well: without its checksum there, it counts as damaged.
        """
        listed = self.name not in TABLES or bool(Tables(home).version(self.name))
        return listed and Stamps(home).is_current(self.name, inputs)


ASSET_STEPS: dict[str, Step] = {}
"""The step of each asset that does nothing while its inputs and outputs are unchanged."""
CHECK_STEPS: dict[str, list[Step]] = {}
"""By asset, the checks that are not evaluated again while their inputs are unchanged."""


def _version(home: Home, dep: str) -> str:
    if dep in TABLES:
        return Tables(home).version(dep)
    return _SOURCE_VERSIONS[dep](home) if dep in _SOURCE_VERSIONS else Stamps(home).version(dep)


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


def _files_version(*paths: Path, package_files: str = "") -> str:
    """Return a digest of the user's files, and of the files of the package behind them."""
    found = hashlib.sha256(package_files.encode())
    for path in paths:
        # A file that cannot be read, or is too large, is reported by the run, which cannot read it either.
        content = file_digest(path, MAX_BYTES) if path.exists() else ""
        found.update(f"{path.name}\0{content}\0".encode())
    return found.hexdigest()


@cache
def _package_files(*names: tuple[str, str]) -> str:
    """Return a digest of data files of the package. names: pairs of a package and the name of a file in it."""
    return digest({name: hashlib.sha256((resources.files(of) / name).read_bytes()).hexdigest() for of, name in names})


def judge_files(home: Home) -> list[Path]:
    """Return the files of the user's own judges, one of which rules.toml may pick."""
    return sorted(home.judges.glob("*.safetensors"))


_RULES = (("deepdx_core.quality", "rules.toml"), *(("deepdx_core.judges", f"{kind}.safetensors") for kind in KINDS))
_TAXONOMY = ("deepdx_core.labels", "taxonomy.toml")


_SOURCE_VERSIONS: dict[str, Callable[[Home], str]] = {
    "inbox": lambda home: inbox_version(home.inbox),
    "rules": lambda home: _files_version(home.rules, package_files=_package_files(*_RULES)),
    "taxonomy": lambda home: _files_version(home.taxonomy, package_files=_package_files(_TAXONOMY)),
    "overrides": lambda home: _files_version(home.verdicts, home.labels),
}


_CONFIGURATION = Step(
    "configuration",
    ["rules", "taxonomy", "overrides"],
    " ".join(map(source_digest, ("deepdx_core.quality", "deepdx_core.labels"))),
    reads=judge_files,
)


def check_configuration_if_changed(home: Home, record: bool = False) -> None:
    """Check the user's files, unless they have been checked as they are. Raises like `check_configuration`.

    record: remember that they are valid; only for a run, which has locked the home.
    """
    if _CONFIGURATION.is_current(home):
        return
    from deepdx_core.configuration import check_configuration  # imports much

    inputs = _CONFIGURATION.inputs(home)
    check_configuration(home)
    if record and _CONFIGURATION.inputs(home) == inputs:
        Stamps(home).record(_CONFIGURATION.name, inputs)


def is_up_to_date(home: Home, job: dg.JobDefinition, ops: Mapping[str, Any], instance: dg.DagsterInstance) -> bool:
    """Return True if no asset or check of a job has anything to do, with the configuration of a run.

    False also for a damaged state or an invalid configuration: the run reports them.
    """
    assets = {key.to_user_string() for key in job.asset_layer.executable_asset_keys} - _SOURCE_VERSIONS.keys()
    steps = [ASSET_STEPS[asset] for asset in assets - set(SURVEYED)]
    steps += [check for asset in assets for check in CHECK_STEPS.get(asset, ())]
    try:
        return (
            all(instance.has_asset_key(dg.AssetKey(asset)) for asset in assets)
            and (not assets & set(SURVEYED) or _survey_is_current(home, ops.get("inbox_survey", {})))
            and all(step.is_current(home, ops.get(step.name, {}).get("config", {})) for step in steps)
        )
    except (DeepDXError, ValueError):
        return False


SURVEYED = ("raw_files", "dumps", "synth_messages")
"""The tables of the survey of the inbox."""


def _survey_is_current(home: Home, op: Mapping[str, Any]) -> bool:
    tables = Tables(home)
    return (
        not op.get("config", {}).get("verify")
        and all(tables.version(table) and tables.made_by(table) == SURVEYED_BY for table in SURVEYED)
        and is_unchanged(home.inbox, InboxIndex.read(home.inbox_index))
    )
