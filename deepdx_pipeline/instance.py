"""Dagster's storage in the home folder, so that the command and the UI share runs and history.

It is a cache of what ran: a part of it that cannot be read is set aside under another name and begun anew.
"""

import errno
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import dagster as dg
from alembic.util import CommandError
from filelock import FileLock
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import written_whole
from deepdx_core.home import Home

# A beginning of this text is an older one or one cut off, and is completed. So add only at the end.
_CONFIG = """\
# Written by deepdx; edit as you like, it is not written again.
telemetry:
  enabled: false
nux:
  enabled: false
# Steps print nothing; capturing that would start two processes a run.
compute_logs:
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
# A run whose process was killed is marked as failed, and does not stand as running for ever.
run_monitoring:
  enabled: true
  poll_interval_seconds: 20
# All runs work on the same tables.
concurrency:
  runs:
    max_concurrent_runs: 1
# A run that is interrupted with the UI ends in order.
code_servers:
  wait_for_local_processes_on_shutdown: true
"""

_HISTORY, _SCHEDULES = "history", "schedules"
_DATABASES = {_HISTORY: ("runs.db", "runs/index.db"), _SCHEDULES: ("schedules.db",)}

# What is wrong with the disk, the rights or the moment, and not with the file.
_NO_DAMAGE = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR),
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM),
}

_ON_A_FULL_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_LEAST_ROOM = 1 << 20  # bytes; a transaction of Dagster's takes less

# A queued run needs no process yet.
_WITH_A_PROCESS = [
    *(dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING),
    *(dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING),
]


class StorageError(DeepDXError):
    """Dagster's storage cannot be used; the message names its folder and the reason."""


def open_instance(home: Home) -> dg.DagsterInstance:
    """The Dagster instance of a home folder, made if it is not there.

    Sets DAGSTER_HOME, which child processes inherit. Runs whose process is gone are marked as failed. What cannot be
    read is set aside, which is told on stderr. Raises StorageError on a full disk or a home that cannot be written.
    """
    folder = home.dagster.resolve()
    with storage_errors(home):
        if folder.exists() and not folder.is_dir():
            _set_aside(folder, "not a folder")
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["DAGSTER_HOME"] = str(folder)
        # Two processes that open a new instance at once break its databases for good.
        with FileLock(folder / "open.lock"):
            _complete_config(folder / "dagster.yaml")
            for part, databases in _DATABASES.items():
                damages = [damage for name in databases if (damage := _damage(folder / part / name))]
                if damages:
                    _set_aside(folder / part, *damages)
            instance = _opened(folder)
            fail_dead_runs(instance)
    return instance


@contextmanager
def storage_errors(home: Home) -> Iterator[None]:
    """Raise StorageError, which is one line, in place of what databases of Dagster raise."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StorageError(_line(home.dagster, _full(home.dagster, reason) or reason)) from error
    except sqlite3.Error as error:
        raise StorageError(_line(home.dagster, _full(home.dagster, error) or error)) from error
    except OSError as error:
        raise StorageError(_line(Path(error.filename or home.dagster), error.strerror or error)) from error


def _line(path: Path, reason: object) -> str:
    return f"{printable(str(path))}: {printable(' '.join(str(reason).split()))}"


def _full(folder: Path, error: BaseException | None) -> str | None:
    """That the disk is full, where SQLite failed for that: it says so of some writes, of others "disk I/O error"."""
    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _ON_A_FULL_DISK:
        with suppress(OSError):
            if shutil.disk_usage(folder).free < _LEAST_ROOM:
                return os.strerror(errno.ENOSPC)
    return None


def _complete_config(path: Path) -> None:
    if path.is_file():
        text = path.read_bytes()
        if text == _CONFIG.encode() or not _CONFIG.encode().startswith(text):
            return
    elif path.exists():
        _set_aside(path, "not a file")
    with written_whole(path) as temporary:
        temporary.write_text(_CONFIG)


def _damage(database: Path) -> str | None:
    """What is wrong with the structure of a SQLite database, or with its place, if anything."""
    if database.parent.exists() and not database.parent.is_dir():
        return f"{database.parent.name} is not a folder"
    if not database.is_file():
        return f"{database.name} is not a file" if database.exists() else None
    try:
        with closing(sqlite3.connect(database)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return f"{database.name}: {error}" if _is_damage(error) else None
    return None if found == "ok" else f"{database.name}: {found}"


def _is_damage(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or (code & 0xFF) not in _NO_DAMAGE  # the low byte is the primary code


def _opened(folder: Path) -> dg.DagsterInstance:
    """The instance on a folder whose databases have a sound structure. What has none of ours in it is set aside."""
    config = folder / "dagster.yaml"
    try:
        return _read_a_little(dg.DagsterInstance.get())
    except (SQLAlchemyError, sqlite3.Error, CommandError) as error:
        if not _is_damage(error.orig if isinstance(error, DBAPIError) else error):
            raise
        for part in _DATABASES:
            if (folder / part).exists():
                _set_aside(folder / part, str(error).partition("\n")[0])
    except Exception as error:
        if config.read_bytes() == _CONFIG.encode():
            raise
        _set_aside(config, str(error).partition("\n")[0])
        _complete_config(config)
    return _read_a_little(dg.DagsterInstance.get())


def _read_a_little(instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """The instance, if its databases hold the tables that Dagster needs."""
    instance.get_run_records(limit=1)
    instance.get_asset_records()
    instance.all_instigator_state()
    return instance


def _set_aside(path: Path, *reasons: str) -> None:
    target = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    path.rename(target)
    reason = printable("; ".join(dict.fromkeys(reasons)))
    print(
        f"deepdx: {printable(str(path))} cannot be read ({reason}). It is kept as {printable(target.name)}, and a new "
        "one is begun. Tables and models are as they were.",
        file=sys.stderr,
    )


def process_start(process: int) -> str | None:
    """When a process started, as its system says it: with the id, it names a process for good. None: it is gone."""
    if sys.platform == "linux":
        try:
            # The name of the program, in parentheses, may hold anything.
            state, *fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].decode().split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if state in "ZX" else f"{boot} {fields[18]}"  # ticks since the boot; see proc(5)
    plain = {"LC_ALL": "C", "TZ": "UTC"}
    shown = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(process)], env=plain, capture_output=True, text=True)  # noqa: S603
    return shown.stdout.strip() or None


_HOST_TAG, _PROCESS_TAG, _START_TAG = "deepdx/host", "deepdx/process", "deepdx/process_start"
PROCESS_TAGS = {
    _HOST_TAG: socket.gethostname(),
    _PROCESS_TAG: str(os.getpid()),
    _START_TAG: process_start(os.getpid()) or "",
}
"""Tags of a run that this process executes itself."""


def fail_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs as failed whose process is gone, or as canceled if that was asked for."""
    ours = dg.RunsFilter(statuses=_WITH_A_PROCESS, tags={_HOST_TAG: PROCESS_TAGS[_HOST_TAG]})
    for run in instance.get_runs(ours):
        if _has_process(run) or _has_its_tags_from_its_parent(instance, run):
            continue
        log = Path(instance.root_directory) / _HISTORY / "runs" / f"{run.run_id}.db"
        if damage := _damage(log):
            _set_aside(log, damage)
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run)
        else:
            instance.report_run_failed(run, "its process ended without a word")


def _has_process(run: dg.DagsterRun) -> bool:
    start = run.tags.get(_START_TAG)
    return start is not None and process_start(int(run.tags[_PROCESS_TAG])) == start


def _has_its_tags_from_its_parent(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run that was executed again from the UI has not got a process yet."""
    parent = instance.get_run_by_id(run.tags.get("dagster/parent_run_id", ""))
    return parent is not None and all(parent.tags.get(tag) == run.tags.get(tag) for tag in PROCESS_TAGS)
