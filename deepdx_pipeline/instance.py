"""Dagster's instance in the home folder: its configuration and storage, shared by the command and the UI.

The storage holds only the history of runs: a part that cannot be read is renamed and replaced by an empty one.
"""

import errno
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from alembic.util import CommandError
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from deepdx_core.display import printable
from deepdx_core.errors import DeepDXError
from deepdx_core.files import written_whole
from deepdx_core.home import Home

# A file that holds only the beginning of this text, an older version or a truncated one, is completed.
# So do not edit this text; only append to it.
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
# A run waits a second in the queue rather than five.
run_queue:
  dequeue_interval_seconds: 1
"""

CODE_LOCATION = "deepdx"
"""Name of the code location, in `workspace.yaml` and in pyproject.toml too."""

_HISTORY, _SCHEDULES = "history", "schedules"
_DATABASES = {_HISTORY: ("runs.db", "runs/index.db"), _SCHEDULES: ("schedules.db",)}

# Errors of the disk, of permissions or of concurrent access: the file itself is intact.
_NOT_DAMAGE = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR),
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM),
}

_FULL_DISK_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_MIN_FREE_BYTES = 1 << 20  # more than a transaction of Dagster needs

# Statuses of runs that have a process. Queued runs have none yet.
_PROCESS_STATUSES = [
    *(dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING),
    *(dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING),
]


class StorageError(DeepDXError):
    """Dagster's storage cannot be used. The message names its folder and the reason."""


def open_instance(home: Home) -> dg.DagsterInstance:
    """Open the Dagster instance of a home folder, or create it.

    Sets DAGSTER_HOME, which child processes inherit. Marks runs whose process is gone as failed. Renames and replaces
    parts that cannot be read, with a message on stderr. Raises StorageError if the disk is full or the home folder
    cannot be written.
    """
    folder = home.dagster.resolve()
    with storage_errors(home):
        if folder.exists() and not folder.is_dir():
            _set_aside(folder, "not a folder")
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["DAGSTER_HOME"] = str(folder)
        # Two processes that create an instance at the same time would corrupt its databases.
        with FileLock(folder / "open.lock"):
            _complete_config(folder / "dagster.yaml")
            for part, databases in _DATABASES.items():
                damages = [damage for name in databases if (damage := _find_damage(folder / part / name))]
                if damages:
                    _set_aside(folder / part, *damages)
            instance = _open_or_replace(folder)
            fail_dead_runs(instance)
    return instance


def find_damages(home: Home) -> list[str]:
    """Describe all damage to the storage of a home, without changing anything."""
    databases = [home.dagster / part / name for part, names in _DATABASES.items() for name in names]
    return [printable(damage) for database in databases if (damage := _find_damage(database))]


@contextmanager
def kept_connections(instance: dg.DagsterInstance) -> Iterator[None]:
    """Keep the connections of an instance to its SQLite databases open, while this process executes a run.

    Dagster opens and closes one for each of a run's hundreds of events, and compiles each statement anew: most of the
    time of a run that finds nothing new.
    """
    events, runs = instance.event_log_storage, instance.run_storage
    if not isinstance(events, SqliteEventLogStorage) or not isinstance(runs, SqliteRunStorage):
        yield  # of the user's own choice in dagster.yaml
        return
    engines: dict[str, Engine] = {}

    def engine(url: str) -> Engine:
        if url not in engines:
            engines[url] = create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
        return engines[url]

    connect_once, lock = events._connect, threading.Lock()

    @contextmanager
    def connect_to_events(shard: str) -> Iterator[Connection]:
        url = events.conn_string_for_shard(shard)
        if url not in engines:
            with connect_once(shard):  # creates its tables
                pass
        with lock, engine(url).begin() as connection:
            yield connection

    @contextmanager
    def connect_to_runs() -> Iterator[Connection]:
        with engine(create_db_conn_string(str(Path(instance.root_directory) / _HISTORY), "runs")).begin() as connection:
            yield connection

    vars(events)["_connect"], vars(runs)["connect"] = connect_to_events, connect_to_runs
    try:
        yield
    finally:
        del vars(events)["_connect"], vars(runs)["connect"]
        for open_engine in engines.values():
            open_engine.dispose()


@contextmanager
def storage_errors(home: Home) -> Iterator[None]:
    """Turn errors of Dagster's databases and files into StorageError, with a message of one line."""
    try:
        yield
    except SQLAlchemyError as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StorageError(_one_line(home.dagster, _full_disk_reason(home.dagster, reason) or reason)) from error
    except sqlite3.Error as error:
        raise StorageError(_one_line(home.dagster, _full_disk_reason(home.dagster, error) or error)) from error
    except OSError as error:
        raise StorageError(_one_line(Path(error.filename or home.dagster), error.strerror or error)) from error


def _one_line(path: Path, reason: object) -> str:
    return f"{printable(str(path))}: {printable(' '.join(str(reason).split()))}"


def _full_disk_reason(folder: Path, error: BaseException | None) -> str | None:
    """Return the message of a full disk if SQLite failed for that reason: it may report only a "disk I/O error"."""
    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _FULL_DISK_CODES:
        with suppress(OSError):
            if shutil.disk_usage(folder).free < _MIN_FREE_BYTES:
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


def _find_damage(database: Path) -> str | None:
    """Describe damage to the structure of a SQLite database or to its path, or return None."""
    if database.parent.exists() and not database.parent.is_dir():
        return f"{database.parent.name} is not a folder"
    if not database.is_file():
        return f"{database.name} is not a file" if database.exists() else None
    try:
        with closing(sqlite3.connect(database)) as connection:
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return f"{database.name}: {error}" if _is_damage(error) else None
    return None if result == "ok" else f"{database.name}: {result}"


def _is_damage(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or (code & 0xFF) not in _NOT_DAMAGE  # the low byte is the primary code


def _open_or_replace(folder: Path) -> dg.DagsterInstance:
    """Open the instance in a folder of intact databases. Replace databases or a configuration unusable for Dagster."""
    config = folder / "dagster.yaml"
    try:
        return _require_tables(dg.DagsterInstance.get())
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
    return _require_tables(dg.DagsterInstance.get())


def _require_tables(instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """Return the instance. Raises SQLAlchemyError if its databases lack a table that Dagster needs."""
    instance.get_run_records(limit=1)
    instance.get_asset_records([dg.AssetKey("inbox")])
    instance.all_instigator_state()
    return instance


def _set_aside(path: Path, *reasons: str) -> None:
    target = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    path.rename(target)
    reason = printable("; ".join(dict.fromkeys(reasons)))
    print(
        f"deepdx: {printable(str(path))} cannot be read ({reason}). It was renamed to {printable(target.name)} and "
        "replaced by a new one. Tables and models are not affected.",
        file=sys.stderr,
    )


def process_start(process: int) -> str | None:
    """Return the start time of a process in its system's own format, or None if it is gone.

    Process ids are reused; an id with its start time is unique.
    """
    if sys.platform == "linux":
        try:
            # The program name, in parentheses, may contain anything.
            state, *fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].decode().split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if state in "ZX" else f"{boot} {fields[18]}"  # ticks since the boot; see proc(5)
    environment = {"LC_ALL": "C", "TZ": "UTC"}
    command = ["/bin/ps", "-o", "lstart=", "-p", str(process)]
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout.strip() or None  # noqa: S603


def show_in_timeline(instance: dg.DagsterInstance, job: str) -> None:
    """Give runs that this process executes the origin of runs from the UI, whose timeline leaves out all others."""
    location = GrpcServerCodeLocationOrigin(host="localhost", location_name=CODE_LOCATION)
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME), job)
    create: Any = partial(instance.create_run_for_job, remote_job_origin=origin)
    instance.create_run_for_job = create  # type: ignore[method-assign]


_HOST_TAG, _PROCESS_TAG, _START_TAG = "deepdx/host", "deepdx/process", "deepdx/process_start"
PROCESS_TAGS = {
    _HOST_TAG: socket.gethostname(),
    _PROCESS_TAG: str(os.getpid()),
    _START_TAG: process_start(os.getpid()) or "",
}
"""Tags of a run that this process executes."""


def fail_dead_runs(instance: dg.DagsterInstance) -> None:
    """Mark runs of this host whose process is gone as failed, or as canceled if they were being canceled."""
    ours = dg.RunsFilter(statuses=_PROCESS_STATUSES, tags={_HOST_TAG: PROCESS_TAGS[_HOST_TAG]})
    for run in instance.get_runs(ours):
        if _has_process(run) or _has_inherited_tags(instance, run):
            continue
        log = Path(instance.root_directory) / _HISTORY / "runs" / f"{run.run_id}.db"
        if damage := _find_damage(log):
            _set_aside(log, damage)
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run)
        else:
            instance.report_run_failed(run, "its process exited without reporting a result")


def _has_process(run: dg.DagsterRun) -> bool:
    start = run.tags.get(_START_TAG)
    return start is not None and process_start(int(run.tags[_PROCESS_TAG])) == start


def _has_inherited_tags(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """True for a re-execution from the UI that has no process yet: its tags are those of its parent run."""
    parent = instance.get_run_by_id(run.tags.get("dagster/parent_run_id", ""))
    return parent is not None and all(parent.tags.get(tag) == run.tags.get(tag) for tag in PROCESS_TAGS)
