"""Checks of an installation and its home folder. They change nothing, and the failure of one never stops the others."""

import importlib
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal

from filelock import FileLock, Timeout
from packaging.requirements import Requirement

from deepdx_core.configuration import check_configuration
from deepdx_core.display import counted, printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import STAGING
from deepdx_core.home import Home, find_home
from deepdx_core.keeping.collections import list_collections
from deepdx_core.keeping.ratings import read_ratings
from deepdx_core.settings import load_settings, variables_set
from deepdx_core.state.backup import list_backups
from deepdx_core.state.migrations import VERSION as STATE_VERSION
from deepdx_core.state.store import inspect_state
from deepdx_core.tables.schemas import STATE_TABLES, TABLES
from deepdx_core.tables.storage import DamagedTableError, MissingTableError, Tables
from deepdx_pipeline.instance import find_damages

Status = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """The result of a check: what it looked at, what it found, and what to do about it."""

    check: str
    status: Status
    found: str
    remedy: str = ""


Check = Callable[[Home], Iterator[Finding]]

_TESTED_PYTHON = (3, 11)
_MODULES_OF_EXTRAS = {"midi": "rtmidi", "archives": "libarchive", "play": "sounddevice"}
_MIN_FREE = 1 << 30
_MIN_MEMORY = 4 << 30


def examine(home: Home | None = None) -> Iterator[Finding]:
    """Yield the findings of all checks."""
    home = home or find_home()
    for name, check in CHECKS.items():
        try:
            yield from check(home)
        except DeepDXError as error:
            yield Finding(name, "problem", str(error))
        except Exception as error:
            yield Finding(name, "problem", f"the check failed: {type(error).__name__}: {printable(str(error))}")


def _check_python(_: Home) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] == _TESTED_PYTHON:
        yield Finding("python", "ok", found)
    else:
        yield Finding("python", "warning", f"{found} is not tested", "use Python 3.11 if something does not work")


def _check_libraries(_: Home) -> Iterator[Finding]:
    try:
        requirements = [Requirement(line) for line in requires("deepdx") or []]
    except PackageNotFoundError:
        yield Finding("libraries", "warning", "deepdx is not installed as a package", "run `make setup`")
        return
    needed = [one for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = []
    for requirement in needed:
        try:
            if not requirement.specifier.contains(version(requirement.name), prereleases=True):
                wrong.append(f"{requirement.name} {version(requirement.name)}, not {requirement.specifier}")
        except PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
    if wrong:
        yield Finding("libraries", "problem", "; ".join(wrong), "install deepdx again, with constraints.txt")
    else:
        yield Finding("libraries", "ok", f"{len(needed)} with the right versions; deepdx {version('deepdx')}")


def _check_extras(_: Home) -> Iterator[Finding]:
    for extra, module in _MODULES_OF_EXTRAS.items():
        try:
            importlib.import_module(module)
        except ModuleNotFoundError:
            yield Finding(
                "extras", "ok", f"{extra} is not installed, and is optional", f"pip install 'deepdx[{extra}]'"
            )
        except Exception as error:  # of the system's library behind it
            reason = printable(" ".join(str(error).split()))
            yield Finding("extras", "warning", f"{extra} cannot be used: {reason}", "install the system's library")
        else:
            yield Finding("extras", "ok", f"{extra} is installed")


def _check_machine(_: Home) -> Iterator[Finding]:
    from deepdx_core.sound.rendering import count_cores

    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = f"{counted(count_cores(), 'core')}, {memory / 2**30:.1f} GiB of memory"
    if memory < _MIN_MEMORY:
        yield Finding("machine", "warning", found, "large collections and training need 4 GiB or more")
    else:
        yield Finding("machine", "ok", found)


def _check_home(home: Home) -> Iterator[Finding]:
    reason = "from DEEPDX_HOME" if os.environ.get("DEEPDX_HOME") else "the default"
    place = f"{printable(str(home.root))} ({reason})"
    existing = next(path for path in (home.root, *home.root.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Finding("home", "problem", f"{place} cannot be written", "change its permissions, or set DEEPDX_HOME")
        return
    yield Finding("home", "ok", place if home.root.exists() else f"{place}, which the first command makes")
    used = sum(path.stat().st_size for path in (home.database, *home.tables.glob("*")) if path.is_file())
    free = shutil.disk_usage(existing).free
    sizes = f"{free / 2**30:.1f} GiB free; tables and database take {used / 2**30:.2f} GiB"
    if free < max(_MIN_FREE, 2 * used):
        yield Finding("disk", "warning", sizes, "a run writes tables beside the old ones: free some space")
    else:
        yield Finding("disk", "ok", sizes)


def _check_settings(home: Home) -> Iterator[Finding]:
    load_settings(home.settings)
    check_configuration(home)
    read_ratings(home)
    collections = list_collections(home)
    for row in collections:
        if row.voices is None:
            yield Finding("your files", "problem", row.problem, "correct the file, or restore it from a backup")
    files = home.settings, home.rules, home.taxonomy, home.verdicts, home.labels, home.ratings
    present = [path.name for path in files if path.is_file()]
    present += [counted(len(collections), "collection")] if collections else []
    yield Finding("your files", "ok", ", ".join([*present, *variables_set()]) or "none: everything has its default")


def _check_state(home: Home) -> Iterator[Finding]:
    found = inspect_state(home)
    if found is None:
        yield Finding("state", "ok", "none yet")
    elif found < STATE_VERSION:
        yield Finding("state", "warning", f"of version {found}", "the next command migrates it, after a backup")
    else:
        yield Finding("state", "ok", f"intact, version {found}, {counted(len(list_backups(home)), 'automatic backup')}")


def _check_tables(home: Home) -> Iterator[Finding]:
    intact = 0
    for table in TABLES:
        if table in STATE_TABLES:
            continue
        try:
            Tables(home).read(table)
            intact += 1
        except MissingTableError:
            continue
        except DamagedTableError as error:
            yield Finding("tables", "warning", printable(str(error)), "deepdx run")
    yield Finding("tables", "ok", f"{intact} intact" if intact else "none yet: `deepdx run` writes them")


def _check_database(home: Home) -> Iterator[Finding]:
    from deepdx_core.database.snapshot import DatabaseError, Snapshot

    if not home.database.exists():
        yield Finding("database", "ok", "none yet: `deepdx run` builds it")
        return
    try:
        with Snapshot(home.database) as corpus:
            (count,) = corpus.query("SELECT count(*) FROM unique_voices").row(0)
    except DatabaseError as error:
        yield Finding("database", "warning", str(error), "deepdx run")
    else:
        yield Finding("database", "ok", f"{count:,} sounds")


def _check_model(home: Home) -> Iterator[Finding]:
    from deepdx_core.generation.model_card import read_model_card
    from deepdx_core.generation.registry import NoModelError, champion_folder

    try:
        folder = champion_folder(home)
    except NoModelError:
        yield Finding("model", "ok", "none yet: `deepdx run` trains one")
        return
    card = read_model_card(folder)
    yield Finding("model", "ok", f"{folder.name}, trained on {card.summary.voices:,} voices")


def _check_history(home: Home) -> Iterator[Finding]:
    if damages := find_damages(home):
        yield Finding("history of runs", "warning", "; ".join(damages), "the next command replaces it by an empty one")
    else:
        yield Finding("history of runs", "ok", "readable" if home.dagster.exists() else "none yet")


def _check_work(home: Home) -> Iterator[Finding]:
    leftovers = [path for folder in (home.root, home.tables, home.state, home.banks) for path in folder.glob(STAGING)]
    running = False
    if (home.locks / "run.lock").exists():
        try:
            with FileLock(home.locks / "run.lock", timeout=0):
                pass
        except Timeout:
            running = True
    if running:
        yield Finding("work", "ok", "a run, backup or restore is in progress")
    elif leftovers or home.restoring.exists():
        yield Finding("work", "warning", "a command was killed and left files behind", "the next run removes them")
    else:
        yield Finding("work", "ok", "nothing in progress, nothing left behind")


def _check_port(home: Home) -> Iterator[Finding]:
    settings = load_settings(home.settings).ui
    place = f"{printable(settings.host)}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        reason = error.strerror or str(error)
        yield Finding("port of the UI", "warning", f"{place}: {reason}", "deepdx ui --port, or stop the other program")
    else:
        yield Finding("port of the UI", "ok", f"{place} is free")


def _check_engine(_: Home) -> Iterator[Finding]:
    from deepdx_core.sound.engine.compilation import ENGINE

    folder = ENGINE.folder
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if ENGINE.exists():
        yield Finding("engine", "ok", f"compiled, in {printable(str(folder))}")
    elif os.access(existing, os.W_OK | os.X_OK):
        yield Finding("engine", "ok", "not compiled yet: the first note takes some seconds")
    else:
        remedy = "set NUMBA_CACHE_DIR to a folder that can be written"
        yield Finding("engine", "warning", f"{printable(str(folder))} cannot be written: each process compiles", remedy)


CHECKS: Mapping[str, Check] = {
    "python": _check_python,
    "libraries": _check_libraries,
    "extras": _check_extras,
    "machine": _check_machine,
    "home": _check_home,
    "your files": _check_settings,
    "state": _check_state,
    "tables": _check_tables,
    "database": _check_database,
    "model": _check_model,
    "history of runs": _check_history,
    "work": _check_work,
    "port of the UI": _check_port,
    "engine": _check_engine,
}
"""Each check by its name, in the order of a report."""
