"""A home under stress: kills, damage to every file, a full disk, a read-only disk, concurrent runs.

Each has one clear outcome, and nothing is lost.
"""

import os
import random
import shutil
import subprocess
import sys
import time

import dagster as dg
import pytest

from deepdx_core.files import remove_leftovers
from deepdx_core.home import Home
from deepdx_core.state.restore import restore_backup
from deepdx_core.state.store import complete_state, open_state, run_lock
from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import STATE_TABLES, TABLES
from deepdx_core.tables.storage import MANIFEST, Tables
from deepdx_pipeline.definitions import build_defs
from tests.support.homes import DAMAGES, damage_file, file_contents
from tests.support.paths import DEMO, ROOT

pytestmark = pytest.mark.slow

CACHES = [table for table in TABLES if table not in (*STATE_TABLES, *GENERATOR_TABLES)]
KILLS = int(os.environ.get("DEEPDX_KILLS", "3"))
RUN = ("run", "--without", "training", "--without", "audio")


def start(home, *arguments, prefix=()):
    command = [*prefix, sys.executable, "-m", "deepdx_pipeline.cli", *arguments]
    environment = os.environ | {"DEEPDX_HOME": str(home.root), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def deepdx(home, *arguments, prefix=()):
    process = start(home, *arguments, prefix=prefix)
    output, errors = process.communicate(timeout=240)
    return process.returncode, output, errors


def leftovers(home):
    return list(home.root.rglob(".deepdx-*"))


def stock(home, count=2):
    home.inbox.mkdir(parents=True)
    for bank in sorted((DEMO / "Mixed").iterdir())[:count]:
        shutil.copy(bank, home.inbox)
    return home


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """A home after a run. Tests work on copies."""
    home = stock(Home(tmp_path_factory.mktemp("attacks") / "home"))
    code, _, errors = deepdx(home, *RUN)
    assert code == 0, errors
    return home


@pytest.fixture
def home(run_once, tmp_path):
    shutil.copytree(run_once.root, tmp_path / "home")
    return Home(tmp_path / "home")


def table_bytes(home):
    return {table: Tables(home).path(table).read_bytes() for table in (*CACHES, "training_splits")}


def test_after_runs_killed_at_any_moment_the_next_one_succeeds(run_once, tmp_path):
    home = stock(Home(tmp_path / "home"))
    moments = random.Random(5)
    began = time.monotonic()
    assert deepdx(home, "sql", "SELECT 1")[0] == 1  # loads the imported files into the page cache
    lasts = max(6.0, 4 * (time.monotonic() - began))
    for _ in range(KILLS):
        process = start(home, *RUN)
        try:
            process.wait(moments.uniform(0.3, 1.0) * lasts)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    code, _, errors = deepdx(home, *RUN)
    assert code == 0, errors
    assert table_bytes(home) == table_bytes(run_once)
    assert leftovers(home) == []
    assert deepdx(home, "stats")[0] == 0


def test_each_killed_run_of_a_changing_inbox_recovers_with_the_next(home, tmp_path):
    moments = random.Random(11)
    banks = sorted((DEMO / "Mixed").iterdir())
    expected = {}
    for present in (2, 3):  # the runs without kills that tables are compared with
        other = stock(Home(tmp_path / f"expected-{present}"), present)
        began = time.monotonic()
        assert deepdx(other, *RUN)[0] == 0
        expected[present], lasts = unsplit(table_bytes(other)), time.monotonic() - began
    for kill in range(KILLS):
        third = home.inbox / banks[2].name
        third.unlink() if third.exists() else shutil.copy(banks[2], third)
        process = start(home, *RUN)
        try:
            process.wait(moments.uniform(0.1, 1.0) * lasts)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        code, _, errors = deepdx(home, *RUN)
        assert code == 0, (kill, errors)
        assert unsplit(table_bytes(home)) == expected[3 if third.exists() else 2], kill
        assert leftovers(home) == []


def unsplit(tables):
    """Leave out the tables that depend on earlier splits, which stay."""
    return {table: data for table, data in tables.items() if table not in ("training_splits", "training_set")}


def in_process(home):
    """Run in this process, which is faster. Return the error of the failed step or resource, "" if there is none."""
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    config = {"ops": {"audio_features": {"config": {"render": False}}}} | quiet
    job = build_defs(home).resolve_job_def("refresh_corpus")
    result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), raise_on_error=False, run_config=config)
    failed = [event for event in result.all_events if event.is_failure]
    return "" if result.success else "\n".join(str(event.event_specific_data) for event in failed)


@pytest.mark.parametrize("table", CACHES)
def test_every_damaged_cache_is_rebuilt(home, table):
    before = table_bytes(home)
    # Two of the six kinds of damage for each table; test_state tries all on one table.
    turn = 2 * CACHES.index(table)
    for how in (DAMAGES[turn % 6], DAMAGES[(turn + 1) % 6]):
        damage_file(Tables(home).path(table), how)
        assert in_process(home) == ""
        assert table_bytes(home) == before


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_database_or_manifest_of_caches_is_rebuilt(home, how):
    before = table_bytes(home)
    for path in (home.tables / MANIFEST, home.database):
        damage_file(path, how)
    assert in_process(home) == ""
    assert table_bytes(home) == before


@pytest.mark.parametrize("name", ["training_splits.parquet", MANIFEST])
def test_damaged_state_stops_a_run_which_names_it_and_a_restore_repairs_it(home, name):
    before = table_bytes(home)
    for how in ("truncated", "deleted", "a folder"):
        kept = file_contents(home.state)
        damage_file(home.state / name, how)
        error = in_process(home)
        assert str(home.state / name) in error
        assert "deepdx restore FILE" in error
        assert {path: data for path, data in file_contents(home.state).items() if path.name != name} == {
            path: data for path, data in kept.items() if path.name != name
        }
        restore_backup(home, max(home.backups.glob("state-*.zip")))
        assert in_process(home) == ""
        assert table_bytes(home) == before


def test_killed_backups_are_complete_or_absent(home, tmp_path):
    moments = random.Random(7)
    target = tmp_path / "backup.zip"
    for _ in range(8):
        process = start(home, "backup", str(target), "--force")
        time.sleep(moments.uniform(0.2, 1.6))
        process.kill()
        process.communicate()
        if target.exists():
            elsewhere = Home(tmp_path / f"elsewhere-{time.monotonic_ns()}")
            restore_backup(elsewhere, target)
            assert file_contents(elsewhere.state) == file_contents(home.state)
    assert deepdx(home, "backup", str(target), "--force")[0] == 0
    remove_leftovers(tmp_path)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".deepdx-")] == []


def test_killed_restores_leave_the_old_state_or_the_new(home, tmp_path):
    moments = random.Random(9)
    assert deepdx(home, "backup", str(tmp_path / "backup.zip"))[0] == 0
    before = file_contents(home.state)
    for _ in range(6):
        process = start(home, "restore", str(tmp_path / "backup.zip"))
        time.sleep(moments.uniform(0.2, 1.6))
        process.kill()
        process.communicate()
        complete_state(home, print)
        assert file_contents(home.state) == before


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few MB. Skips if mounting is not permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_is_a_one_line_error_and_the_run_succeeds_once_there_is_space(run_once, small_disk):
    home = Home(small_disk / "home")
    shutil.copytree(run_once.inbox, home.inbox)
    free = shutil.disk_usage(small_disk).free
    for left in (100_000, 700_000, 1_500_000):
        (small_disk / "filler").write_bytes(bytes(free - left))
        code, _, errors = deepdx(home, *RUN)
        assert code == 1
        assert "Traceback" not in errors
        assert sum("space" in line for line in errors.splitlines()) == 1, errors
        (small_disk / "filler").unlink()
    code, _, errors = deepdx(home, *RUN)
    assert code == 0, errors
    assert table_bytes(home) == table_bytes(run_once)
    assert leftovers(home) == []


def test_a_read_only_home_is_a_one_line_error_and_can_be_queried(run_once, small_disk):
    home = Home(small_disk / "home")
    shutil.copytree(run_once.root, home.root)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert deepdx(home, "stats")[0] == 0
    assert deepdx(home, "sql", "SELECT count(*) FROM voices")[0] == 0
    for arguments in (RUN, ("add", str(DEMO / "Keys")), ("verdict", "0" * 20, "valid"), ("backup", "/tmp/no.zip")):
        code, _, errors = deepdx(home, *arguments)
        assert code == 1, (arguments, errors)
        assert "Traceback" not in errors
        assert len(errors.strip().splitlines()) <= 12, errors


def test_two_concurrent_runs_both_succeed(home):
    before = table_bytes(home)
    runs = [start(home, *RUN) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in runs]
    assert [process.returncode for process in runs] == [0, 0], outputs
    assert sum("waiting for it to finish" in errors for _, errors in outputs) == 1
    assert table_bytes(home) == before


def test_commands_wait_for_a_run_to_finish(home, tmp_path):
    with run_lock(home, None):
        backing_up = start(home, "backup", str(tmp_path / "backup.zip"))
        assert "waiting for it to finish" in next(iter(backing_up.stderr))
        assert backing_up.poll() is None
    backing_up.communicate(timeout=60)
    assert backing_up.returncode == 0
    open_state(home, print)
