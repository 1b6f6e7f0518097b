"""Open the state of a home: create it for a new home, migrate it for an old one, refuse it if a part is missing."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from deepdx_core.errors import DeepDXError
from deepdx_core.home import Home
from deepdx_core.progress import Warn
from deepdx_core.state import migrations
from deepdx_core.tables.schemas import STATE_TABLES
from deepdx_core.tables.storage import MANIFEST, Manifest, StateError, Tables

STEPS = "steps.json"
"""The file in `home.restoring` that lists the files that a restore puts in place, and those that it removes."""


class BusyError(DeepDXError):
    """Another process is using the home."""


@contextmanager
def run_lock(home: Home, waiting: Warn | None) -> Iterator[None]:
    """Lock a home against every other run, backup and restore.

    If the home is locked, call `waiting` once and wait; if `waiting` is None, raise BusyError. The lock belongs to the
    operating system, which releases it however the process ends.
    """
    home.locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.locks / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        message = f"another run, backup or restore is using {home.root}"
        if waiting is None:
            raise BusyError(message) from error
        waiting(f"{message}; waiting for it to finish")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def complete_state(home: Home, warn: Warn) -> None:
    """Finish a restore that was killed, or migrate a home of an older version of Deep DX. Otherwise do nothing."""
    if home.restoring.exists() or (not os.path.lexists(home.state) and migrations.files_of_version_0(home)):
        with run_lock(home, waiting=warn):
            open_state(home, warn)


def finish_restore(home: Home) -> None:
    """Put the files in `home.restoring` in place. The caller holds the run lock.

    After a kill between two steps, call it again. Each file to replace is first moved to a folder in `home.backups`.
    """
    try:
        steps = json.loads((home.restoring / STEPS).read_text())
    except FileNotFoundError:
        steps = {"new": [], "gone": [], "replaced": ""}  # all steps were done, and the kill came during the cleanup
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


def open_state(home: Home, warn: Warn) -> None:
    """Make the state of a home ready for use. The caller holds the run lock.

    `warn` is called with news for the user, such as a migration. Raises StateError if a part of the state is missing or
    damaged, and DeepDXError if it was written by a newer version.
    """
    if home.restoring.exists():
        finish_restore(home)
        warn("finished a restore that was interrupted")
    try:
        manifest = Manifest.read(home.state)
    except FileNotFoundError:
        _require_new(home)
        migrations.migrate(home, 0, warn)
        manifest = Manifest.read(home.state)
    except (OSError, ValueError) as error:
        raise StateError(home, home.state / MANIFEST, f"cannot be read ({error})") from error
    if manifest.version < migrations.VERSION:
        migrations.migrate(home, manifest.version, warn)
        manifest = Manifest.read(home.state)
    _require_intact(home, manifest)
    _track_overrides(home, manifest, warn)


def inspect_state(home: Home) -> int | None:
    """Return the version of a home's state, None if there is none yet. Changes nothing.

    Raises StateError if a part of it is missing or damaged, and DeepDXError if it was written by a newer version.
    """
    try:
        manifest = Manifest.read(home.state)
    except FileNotFoundError:
        if migrations.files_of_version_0(home):
            return 0
        _require_new(home)
        return None
    except (OSError, ValueError) as error:
        raise StateError(home, home.state / MANIFEST, f"cannot be read ({error})") from error
    if manifest.version >= migrations.VERSION:
        _require_intact(home, manifest)
    return manifest.version


def _require_intact(home: Home, manifest: Manifest) -> None:
    if manifest.version > migrations.VERSION:
        newer = f"has version {manifest.version}, written by a newer Deep DX; this one knows {migrations.VERSION}"
        raise DeepDXError(f"{home.state / MANIFEST}: {newer}")
    tables = Tables(home)
    for table in manifest.checksums:
        if table not in STATE_TABLES:
            raise StateError(home, home.state / MANIFEST, f"cannot be read (invalid entry {table!r})")
        tables.read(table)
    for name in manifest.overrides:
        if not os.path.lexists(home.state / name):
            raise StateError(
                home, home.state / name, "is gone (to remove all overrides in it, keep the file with its first line)"
            )


def _require_new(home: Home) -> None:
    """Raise StateError unless a state without a manifest is that of a new home, or of one older than manifests."""
    tables = any(os.path.lexists(Tables(home).path(table)) for table in STATE_TABLES)
    if tables or (home.models.is_dir() and any(home.models.iterdir())):
        raise StateError(home, home.state / MANIFEST, "is missing")
    if os.path.lexists(home.tables / MANIFEST):
        raise StateError(home, home.state, f"is missing or empty, but there are tables in {home.tables}")


def _track_overrides(home: Home, manifest: Manifest, warn: Warn) -> None:
    """Record which files of verdicts, labels and ratings exist."""
    for path in (home.verdicts, home.labels):
        if os.path.lexists(home.root / path.name):
            warn(f"{home.root / path.name} is not read: move its rows to {path}")
    present = [path.name for path in (home.verdicts, home.labels, home.ratings) if os.path.lexists(path)]
    if present != manifest.overrides:
        manifest.overrides = present
        manifest.write()
