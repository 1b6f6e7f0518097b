"""Opening the state of a home: begun for a new home, migrated for an old one, refused where something is missing."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_core.progress import Tell
from deepdx_core.state import migrations
from deepdx_core.tables.schemas import STATE_TABLES
from deepdx_core.tables.storage import MANIFEST, Manifest, StateError, Tables

STEPS = "steps.json"
"""The file in `home.restoring` that says what takes the place of what."""


class BusyError(DeepDXError):
    """Another process works on the home."""


@contextmanager
def run_lock(home: Home, waiting: Tell | None) -> Iterator[None]:
    """Keep every other run, backup and restore away from a home.

    Where one is at work, call `waiting` once and wait for its end; without `waiting`, raise BusyError. The lock is one
    of the operating system: it is free again however a process ended.
    """
    home.locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.locks / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        message = f"another run, backup or restore is at work on {home.root}"
        if waiting is None:
            raise BusyError(message) from error
        waiting(f"{message}; waiting for its end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def complete_state(home: Home, tell: Tell) -> None:
    """Finish a restore that was killed, and migrate a home that an older version of Deep DX left."""
    if home.restoring.exists() or (not os.path.lexists(home.state) and migrations.files_of_version_0(home)):
        with run_lock(home, waiting=tell):
            open_state(home, tell)


def finish_restore(home: Home) -> None:
    """Put in place all that is left in `home.restoring`; whoever calls this holds the run lock.

    A kill between two steps does no harm: what is to be replaced goes to its folder among the backups first.
    """
    try:
        steps = json.loads((home.restoring / STEPS).read_text())
    except FileNotFoundError:
        steps = {"new": [], "gone": [], "replaced": ""}  # all are done, and the kill came while this was tidied up
    except ValueError as error:
        raise StateError(home, home.restoring / STEPS, f"cannot be read ({error})") from error
    replaced, new = home.backups / steps["replaced"], home.restoring / "new"
    for name in steps["new"]:
        if os.path.lexists(new / name):
            _move_away(home.root / name, replaced)
            (new / name).rename(home.root / name)
    for name in steps["gone"]:
        if not os.path.lexists(replaced / name):
            _move_away(home.root / name, replaced)
    shutil.rmtree(home.restoring)


def _move_away(path: Path, folder: Path) -> None:
    if os.path.lexists(path):
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)


def open_state(home: Home, tell: Tell) -> None:
    """Make the state of a home ready for use. Raises StateError where part of it is missing, damaged or too new.

    `tell` is called for what the user should know, such as a migration. Whoever calls this holds the run lock.
    """
    if home.restoring.exists():
        finish_restore(home)
        tell("a restore that was interrupted is complete now")
    try:
        manifest = Manifest.read(home.state)
    except FileNotFoundError:
        _require_new(home)
        migrations.migrate(home, 0, tell)
        manifest = Manifest.read(home.state)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StateError(home, home.state / MANIFEST, f"cannot be read ({error})") from error
    if manifest.version > migrations.VERSION:
        newer = f"is of version {manifest.version}, which a newer Deep DX wrote; this one knows {migrations.VERSION}"
        raise DeepDXError(f"{home.state / MANIFEST}: {newer}")
    if manifest.version < migrations.VERSION:
        migrations.migrate(home, manifest.version, tell)
        manifest = Manifest.read(home.state)
    tables = Tables(home)
    for table in manifest.checksums:
        tables.read(table)
    _remember_overrides(home, manifest, tell)


def _require_new(home: Home) -> None:
    """Raise StateError where a state without a manifest is not that of a new home, or of one older than manifests."""
    tables = any(os.path.lexists(Tables(home).path(table)) for table in STATE_TABLES)
    if tables or (home.models.is_dir() and any(home.models.iterdir())):
        raise StateError(home, home.state / MANIFEST, "is missing")
    if os.path.lexists(home.tables / MANIFEST):
        raise StateError(home, home.state, f"is missing or empty, although there are tables in {home.tables}")


def _remember_overrides(home: Home, manifest: Manifest, tell: Tell) -> None:
    """Note which files of the user's words there are, and refuse to go on where one of them went away."""
    for path in (home.verdicts, home.labels):
        if path.name in manifest.overrides and not os.path.lexists(path):
            raise StateError(home, path, "is gone (to take back all words in it, leave its first line)")
        if os.path.lexists(home.root / path.name):
            tell(f"{home.root / path.name} is not read: its place is {path}")
    there = [path.name for path in (home.verdicts, home.labels) if os.path.lexists(path)]
    if there != manifest.overrides:
        manifest.overrides = there
        manifest.write()
