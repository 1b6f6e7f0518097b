"""Dagster's storage in a home folder: replacement of damaged parts, runs of dead processes, disk errors."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from sqlalchemy.exc import OperationalError

from deepdx_pipeline import instance as instance_module
from deepdx_pipeline.cli.errors import error_message
from deepdx_pipeline.instance import (
    PROCESS_TAGS,
    StorageError,
    fail_dead_runs,
    open_instance,
    process_start,
    storage_errors,
)
from tests.support.paths import ROOT

CONFIG_OF_EAA9F4A = """\
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
"""


@dg.job
def corpus():
    pass


def create_run(instance, status=None, tags=PROCESS_TAGS):
    """Create a run with a status."""
    location = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="deepdx")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "corpus")
    run = instance.create_run_for_job(corpus, tags=tags, remote_job_origin=origin)
    events = {
        dg.DagsterRunStatus.QUEUED: ["PIPELINE_ENQUEUED"],
        dg.DagsterRunStatus.STARTING: ["PIPELINE_STARTING"],
        dg.DagsterRunStatus.STARTED: ["PIPELINE_START"],
        dg.DagsterRunStatus.CANCELING: ["PIPELINE_START", "PIPELINE_CANCELING"],
    }
    for event in events.get(status, []):
        instance.report_dagster_event(dg.DagsterEvent(event, "corpus", message=""), run.run_id)
    assert instance.get_run_by_id(run.run_id).status is (status or dg.DagsterRunStatus.NOT_STARTED)
    return run


def status(instance, run):
    return instance.get_run_by_id(run.run_id).status.value


@pytest.fixture
def dead_process():
    """The tags of a process that has exited."""
    dead = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    tags = PROCESS_TAGS | {"deepdx/process": str(dead.pid), "deepdx/process_start": process_start(dead.pid)}
    dead.communicate()
    return tags


# Runs of dead processes


@pytest.mark.parametrize(
    ("before", "after"),
    [("NOT_STARTED", "FAILURE"), ("STARTING", "FAILURE"), ("STARTED", "FAILURE"), ("CANCELING", "CANCELED")],
)
def test_a_run_in_progress_whose_process_is_gone_is_ended(home, dead_process, before, after):
    with open_instance(home) as instance:
        run = create_run(instance, dg.DagsterRunStatus[before], dead_process)
        living = create_run(instance, dg.DagsterRunStatus[before])
    with open_instance(home) as instance:
        assert (status(instance, run), status(instance, living)) == (after, before)


def test_a_queued_run_needs_no_process(home, dead_process):
    with open_instance(home) as instance:
        run = create_run(instance, dg.DagsterRunStatus.QUEUED, dead_process)
        fail_dead_runs(instance)
        assert status(instance, run) == "QUEUED"


def test_a_process_is_identified_by_its_id_and_start(home):
    """After a reboot, another process may have the id."""
    with open_instance(home) as instance:
        rebooted = PROCESS_TAGS | {"deepdx/process_start": "another boot 1234"}
        run = create_run(instance, dg.DagsterRunStatus.STARTED, rebooted)
        without_start = {name: PROCESS_TAGS[name] for name in ("deepdx/host", "deepdx/process")}
        old = create_run(instance, dg.DagsterRunStatus.STARTED, without_start)
        elsewhere = create_run(instance, dg.DagsterRunStatus.STARTED, rebooted | {"deepdx/host": "elsewhere"})
        fail_dead_runs(instance)
        assert [status(instance, made) for made in (run, old, elsewhere)] == ["FAILURE", "FAILURE", "STARTED"]


def test_a_re_execution_is_not_mistaken_for_its_dead_parent_run(home, dead_process):
    with open_instance(home) as instance:
        parent = create_run(instance, dg.DagsterRunStatus.STARTED, dead_process)
        again = dead_process | {"dagster/parent_run_id": parent.run_id, "dagster/root_run_id": parent.run_id}
        run = create_run(instance, dg.DagsterRunStatus.STARTING, again)
        fail_dead_runs(instance)
        assert [status(instance, made) for made in (parent, run)] == ["FAILURE", "STARTING"]


def test_the_start_of_a_process_is_stable_and_none_once_it_is_gone():
    asleep = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    start = process_start(asleep.pid)
    time.sleep(0.05)
    assert start == process_start(asleep.pid) != process_start(os.getpid())
    asleep.stdin.close()
    while process_start(asleep.pid):  # a zombie until it is waited for
        time.sleep(0.01)
    asleep.wait()
    assert process_start(asleep.pid) is None


def test_without_proc_the_start_of_a_process_comes_from_ps(monkeypatch):
    monkeypatch.setattr(instance_module.sys, "platform", "darwin")
    start = process_start(os.getpid())
    assert str(time.gmtime().tm_year) in start
    assert start == process_start(os.getpid())
    assert process_start(2**22 + 1) is None


# Configuration


def test_one_run_at_a_time_and_no_telemetry(home):
    with open_instance(home) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert not instance.telemetry_enabled


@pytest.mark.parametrize("length", [len(CONFIG_OF_EAA9F4A), 100, 0])
def test_an_older_or_truncated_configuration_is_completed(home, length):
    home.dagster.mkdir(parents=True)
    (home.dagster / "dagster.yaml").write_text(CONFIG_OF_EAA9F4A[:length])
    with open_instance(home) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert not instance.telemetry_enabled


def test_an_edited_configuration_is_kept(home):
    home.dagster.mkdir(parents=True)
    edited = CONFIG_OF_EAA9F4A.replace("20", "30") + "concurrency:\n  runs:\n    max_concurrent_runs: 2\n"
    (home.dagster / "dagster.yaml").write_text(edited)
    with open_instance(home) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 2
    assert (home.dagster / "dagster.yaml").read_text() == edited


# Damage


@pytest.fixture(scope="module")
def intact_storage(tmp_path_factory):
    """The storage of a home folder with one run."""
    from deepdx_core.home import Home

    home = Home(tmp_path_factory.mktemp("intact"))
    with open_instance(home) as instance, dg.DagsterInstance.get():
        create_run(instance, dg.DagsterRunStatus.STARTED)
        instance.report_runless_asset_event(dg.AssetMaterialization("inbox"))
        instance.all_instigator_state()
    os.environ.pop("DAGSTER_HOME")
    return home.dagster


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])


def flip(path):
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 997 if len(content) > 5000 else 50):
        content[place] ^= 0x55
    path.write_bytes(content)


def flip_the_header(path):
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def delete(path):
    path.unlink()


def make_a_folder(path):
    path.unlink()
    (path / "inside").mkdir(parents=True)


def make_another_database(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (x)")
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('0123456789ab')")
        connection.commit()


DAMAGES = [truncate, flip, flip_the_header, empty, delete, make_a_folder]
FILES = ["dagster.yaml", "history/runs.db", "history/runs/index.db", "schedules/schedules.db"]


@pytest.mark.parametrize("damage", [*DAMAGES, make_another_database], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("file", FILES)
def test_an_unreadable_part_is_renamed_and_replaced_with_a_message(home, intact_storage, file, damage, capsys):
    shutil.copytree(intact_storage, home.dagster)
    damage(home.dagster / file)
    with open_instance(home) as instance:
        instance.report_run_failed(create_run(instance))
        instance.report_runless_asset_event(dg.AssetMaterialization("inbox"))
        assert instance.get_runs(limit=1)[0].status is dg.DagsterRunStatus.FAILURE
        assert instance.all_instigator_state() == []
        assert not instance.telemetry_enabled
    message = capsys.readouterr().err
    kept = list(home.dagster.glob("*.damaged-*"))
    assert bool(kept) == bool(message)
    assert all(path.name in message for path in kept)
    harmless = damage in (empty, delete) or (file == "dagster.yaml" and damage in (truncate, flip_the_header))
    if not harmless:
        assert [path.name.split(".damaged")[0] for path in kept if path.name.startswith(file.split("/")[0])]


@pytest.mark.parametrize("part", ["", "history", "schedules", "history/runs"])
def test_a_file_in_place_of_a_folder_is_renamed(home, intact_storage, part, capsys):
    shutil.copytree(intact_storage, home.dagster)
    shutil.rmtree(home.dagster / part)
    (home.dagster / part).write_text("a file")
    with open_instance(home) as instance:
        create_run(instance)
    assert "replaced by a new one" in capsys.readouterr().err


def test_a_dead_run_with_a_damaged_log_is_ended_and_its_log_is_kept(home, dead_process):
    with open_instance(home) as instance:
        run = create_run(instance, dg.DagsterRunStatus.STARTED, dead_process)
    logs = home.dagster / "history" / "runs"
    truncate(logs / f"{run.run_id}.db")
    with open_instance(home) as instance:
        assert status(instance, run) == "FAILURE"
    assert len(list(logs.glob(f"{run.run_id}.db.damaged-*"))) == 1


def test_intact_storage_is_kept(home, intact_storage, capsys):
    shutil.copytree(intact_storage, home.dagster)
    with open_instance(home) as instance:
        assert len(instance.get_runs()) == 1
    assert capsys.readouterr().err == ""


# Disk and rights


@pytest.mark.slow
def test_a_full_disk_gives_a_message_of_one_line(home, intact_storage):
    shutil.copytree(intact_storage, home.dagster)
    script = f"""
import resource, signal, sys
from pathlib import Path
from deepdx_core.home import Home
from deepdx_pipeline.instance import open_instance, storage_errors
from deepdx_core.errors import DeepDXError
import dagster as dg
home = Home(Path({str(home.root)!r}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with storage_errors(home), open_instance(home) as instance:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        instance.report_runless_asset_event(dg.AssetMaterialization("inbox"))
except DeepDXError as error:
    sys.exit(f"deepdx: {{error}}")
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert str(home.dagster) in finished.stderr
    with open_instance(home) as instance:  # after space was freed
        instance.report_runless_asset_event(dg.AssetMaterialization("inbox"))
    assert not list(home.dagster.glob("*.damaged-*"))


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("code", "free", "full"),
    [
        (sqlite3.SQLITE_IOERR_WRITE, 200_000, True),
        (sqlite3.SQLITE_CANTOPEN, 0, True),
        (sqlite3.SQLITE_IOERR_WRITE, 1 << 30, False),
        (sqlite3.SQLITE_READONLY, 200_000, False),
    ],
)
def test_a_database_error_on_a_full_disk_says_so(home, monkeypatch, wrapped, code, free, full):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = code
    with pytest.raises(StorageError) as raised, storage_errors(home):
        raise OperationalError("INSERT", {}, failed) if wrapped else failed
    reason = "No space left on device" if full else "disk I/O error"
    assert str(raised.value) == f"{home.dagster}: {reason}"
    assert error_message(raised.value).startswith("no space left on the disk that holds") == full


@pytest.mark.parametrize("error", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY])
def test_errors_of_disk_permissions_and_locks_are_not_mistaken_for_damage(home, intact_storage, error, monkeypatch):
    shutil.copytree(intact_storage, home.dagster)

    def fail(*_, **__):
        failed = sqlite3.OperationalError("database or disk is full")
        failed.sqlite_errorcode = error
        raise failed

    with monkeypatch.context() as patched:
        patched.setattr(dg.DagsterInstance, "get_run_records", fail)
        with pytest.raises(StorageError, match="database or disk is full"):
            open_instance(home)
    with open_instance(home) as instance:
        assert len(instance.get_runs()) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user id")
def test_a_home_folder_without_write_permission_gives_a_message_of_one_line(home):
    home.root.parent.chmod(0o755)
    with open_instance(home):
        pass
    # Import everything first: another user may not be able to read the interpreter's own files.
    script = f"""
import os, sys
from pathlib import Path
from deepdx_core.home import Home
from deepdx_pipeline.instance import open_instance, StorageError
open_instance(Home(Path({str(home.root.parent / "another")!r}))).dispose()
os.setuid(65534)
try:
    open_instance(Home(Path({str(home.root)!r})))
except StorageError as error:
    sys.exit(f"deepdx: {{error}}")
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1, finished.stderr
    assert str(home.dagster) in finished.stderr
    assert "Permission denied" in finished.stderr


@pytest.mark.slow
def test_two_processes_can_open_a_new_home_at_once(home):
    script = f"""
from pathlib import Path
from deepdx_core.home import Home
from deepdx_pipeline.instance import open_instance
with open_instance(Home(Path({str(home.root)!r}))) as instance:
    import dagster as dg
    instance.report_runless_asset_event(dg.AssetMaterialization("inbox"))
"""
    opened = [subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.communicate(timeout=120)[1], process.returncode) for process in opened] == [(b"", 0)] * 2
    with open_instance(home) as instance:
        assert len(instance.fetch_materializations(dg.AssetKey("inbox"), limit=9).records) == 2
