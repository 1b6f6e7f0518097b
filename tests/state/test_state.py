"""State is migrated, backed up, restored, and never started over silently; damaged caches are rebuilt."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from deepdx_core.codec.packing import INIT_VOICE
from deepdx_core.errors import DeepDXError
from deepdx_core.generation.model import load_model
from deepdx_core.generation.registry import champion_folder
from deepdx_core.home import Home
from deepdx_core.keeping.collections import (
    Collection,
    delete_collection,
    list_collections,
    read_collection,
    write_collection,
)
from deepdx_core.keeping.ratings import rate, read_ratings
from deepdx_core.overrides import read_overrides
from deepdx_core.state.backup import back_up_changes, list_backups, write_backup
from deepdx_core.state.migrations import VERSION
from deepdx_core.state.restore import BackupError, restore_backup
from deepdx_core.state.store import BusyError, complete_state, open_state, run_lock
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import (
    MANIFEST,
    DamagedTableError,
    Manifest,
    MissingTableError,
    StateError,
    Tables,
    checksum,
)
from tests.support.archives import make_zip
from tests.support.homes import DAMAGES, damage_file, file_contents
from tests.support.paths import ROOT

VERSION_0 = ROOT / "tests" / "data" / "home-version-0.zip"
"""A home written by commit eaa9f4a: seven demo banks, a small model, a verdict and a label of the user."""


def splits(*names):
    rows = [(f"{number:020x}", name, "allotted with its family", True) for number, name in enumerate(names)]
    return pl.DataFrame(rows, schema=TABLES["training_splits"].column_names(), orient="row")


@pytest.fixture
def old(tmp_path):
    """A home of version 0."""
    with zipfile.ZipFile(VERSION_0) as archive:
        archive.extractall(tmp_path / "old")
    return Home(tmp_path / "old")


def test_models_of_version_2_become_writers(tmp_path):
    home = Home(tmp_path / "home")
    open_state(home, print)
    schema = TABLES["models"].create_empty().schema
    rows = [
        {
            "model_id": "0" * 16,
            "judged": 1,
            "role": "champion",
            "reason": "the first",
            "config": "{}",
            "kind": "writer",
        },
        {"model_id": "1" * 16, "judged": 2, "role": "unreadable", "reason": "damaged"},
    ]
    expected = pl.DataFrame(rows, schema=schema)
    content = io.BytesIO()
    expected.drop("kind").write_parquet(content)
    (home.state / "models.parquet").write_bytes(content.getvalue())
    manifest = Manifest.read(home.state)
    manifest.version, manifest.checksums["models"] = 2, [checksum(content.getvalue())]
    manifest.write()
    warnings = []
    open_state(home, warnings.append)
    assert Tables(home).read("models").equals(expected)
    assert "models now have a kind" in warnings[0]
    (backup,) = home.backups.iterdir()
    restore_backup(home, backup)
    open_state(home, print)
    assert Tables(home).read("models").equals(expected)


@pytest.fixture
def current(tmp_path):
    """A home of this version, with state."""
    home = Home(tmp_path / "home")
    open_state(home, print)
    Tables(home).write("training_splits", splits("train", "test", "validation"))
    Tables(home).write("families", TABLES["families"].create_empty())
    home.verdicts.write_text("sound_id,verdict,why\n" + "a" * 20 + ",valid,mine\n")
    open_state(home, print)
    return home


def test_a_home_of_version_0_is_migrated_with_splits_champion_and_overrides(old):
    tables_before = {table: pl.read_parquet(old.tables / f"{table}.parquet") for table in ("training_splits", "models")}
    models_before = file_contents(old.root / "models")
    warnings = []
    open_state(old, warnings.append)
    assert Tables(old).read("training_splits").equals(tables_before["training_splits"])
    models = Tables(old).read("models")
    assert models.drop("kind").equals(tables_before["models"].drop("kind", strict=False))
    assert models["kind"].to_list() == ["writer"] * len(models)
    assert file_contents(old.models) == models_before
    assert champion_folder(old).is_dir()
    assert len(load_model(champion_folder(old)).voices) > 100
    assert read_overrides(old.verdicts, "verdict", VERDICTS).drop("place").rows() == [
        ("013fbda67761a5678eb2", "corrupt", "a test")
    ]
    assert old.labels.read_text().endswith("19b388c57d110d30c143,bell,rings\n")
    assert not {"models", "verdicts.csv", "labels.csv"} & {path.name for path in old.root.iterdir()}
    # Caches are kept, so that nothing is rendered twice.
    assert len(Tables(old).read("families")) > 100
    assert len(warnings) == VERSION
    assert str(old.state) in warnings[0]
    for version, warning in enumerate(warnings, 1):
        (backed_up,) = old.backups.glob(f"before-version-{version}-*.zip")
        assert str(backed_up) in warning
    # The migration happens only once.
    before = file_contents(old.root)
    open_state(old, warnings.append)
    assert file_contents(old.root) == before
    assert len(warnings) == VERSION


@pytest.mark.parametrize("table", ["training_splits", "models"])
def test_a_migration_that_cannot_read_a_file_changes_nothing(old, table):
    path = old.tables / f"{table}.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    before = file_contents(old.root)
    with pytest.raises(StateError, match=f"{table}.parquet: cannot be read"):
        open_state(old, print)
    assert file_contents(old.root) == before


def test_the_state_before_a_migration_can_be_restored(old):
    open_state(old, print)
    before = file_contents(old.state)
    Tables(old).write("training_splits", splits("train"))
    (backed_up,) = old.backups.glob("before-version-1-*.zip")
    restore_backup(old, backed_up)
    assert file_contents(old.state) == before


def test_a_damaged_home_of_an_old_version_can_be_restored(old, tmp_path):
    shutil.copytree(old.root, tmp_path / "whole")
    open_state(Home(tmp_path / "whole"), print)
    write_backup(Home(tmp_path / "whole"), tmp_path / "good.zip")
    (old.tables / "models.parquet").write_bytes(b"PAR1")
    with pytest.raises(StateError):
        complete_state(old, print)
    restore_backup(old, tmp_path / "good.zip")
    complete_state(old, print)
    assert len(Tables(old).read("training_splits")) > 100


def test_overrides_in_both_places_of_an_old_home_are_not_mixed(old):
    old.state.mkdir()
    old.verdicts.write_text("sound_id,verdict,why\n")
    before = file_contents(old.root)
    with pytest.raises(DeepDXError, match="exists in a home of an older version"):
        open_state(old, print)
    assert file_contents(old.root) == before


def test_an_old_home_whose_models_are_a_link_is_migrated(old, tmp_path):
    (old.root / "models").rename(tmp_path / "big")
    (old.root / "models").symlink_to(tmp_path / "big")
    kept = file_contents(tmp_path / "big")
    open_state(old, print)
    assert champion_folder(old).is_dir()
    assert file_contents(tmp_path / "big") == kept
    assert not (old.root / "models").is_symlink()


def test_overrides_written_before_the_first_run_are_used(tmp_path):
    home = Home(tmp_path)
    home.state.mkdir()
    home.verdicts.write_text("sound_id,verdict,why\n" + "a" * 20 + ",valid,mine\n")
    (home.state / ".DS_Store").write_bytes(b"")
    before = home.verdicts.read_text()
    open_state(home, print)
    assert home.verdicts.read_text() == before
    (tmp_path / "elsewhere").mkdir()
    linked = Home(tmp_path / "linked")
    linked.root.mkdir()
    linked.state.symlink_to(tmp_path / "elsewhere")
    open_state(linked, print)
    assert linked.state.is_symlink()
    assert (tmp_path / "elsewhere" / MANIFEST).is_file()


def test_overrides_in_their_former_place_are_reported(current):
    (current.root / "verdicts.csv").write_text("sound_id,verdict,why\n")
    warnings = []
    open_state(current, warnings.append)
    assert str(current.verdicts) in warnings[0]


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 1.0])
def test_a_manifest_of_an_impossible_version_is_refused_and_nothing_is_lost(current, version):
    manifest = current.state / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": version}))
    before = file_contents(current.root)
    with pytest.raises(StateError, match=r"manifest\.json: cannot be read \(invalid version"):
        open_state(current, print)
    assert file_contents(current.root) == before


def test_state_removed_during_a_run_is_not_started_over(current):
    shutil.rmtree(current.state)
    with pytest.raises(StateError, match=r"manifest\.json: is missing"):
        Tables(current).write("training_splits", splits("train"))
    assert not current.state.exists()


def test_a_dangling_link_among_backups_does_not_hide_the_error(current):
    current.backups.mkdir()
    (current.backups / "z.zip").symlink_to("/nowhere")
    (current.state / MANIFEST).unlink()
    with pytest.raises(StateError, match=r"manifest\.json: is missing"):
        open_state(current, print)


def test_state_of_a_newer_version_is_refused_and_left_alone(current):
    manifest = current.state / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": VERSION + 1}))
    before = file_contents(current.state)
    with pytest.raises(DeepDXError, match=rf"manifest\.json: has version {VERSION + 1}, written by a newer Deep DX"):
        open_state(current, print)
    assert file_contents(current.state) == before


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", ["training_splits.parquet", MANIFEST])
def test_damaged_state_is_refused_by_name_with_the_backup_to_restore(current, name, how):
    back_up_changes(current)
    (last,) = current.backups.iterdir()
    before = Tables(current).read("training_splits")
    damage_file(current.state / name, how, seed=1)
    with pytest.raises(StateError) as refused:
        open_state(current, print)
    assert str(current.state) in str(refused.value)
    assert "deepdx restore FILE" in str(refused.value)
    assert str(last) in str(refused.value)
    restore_backup(current, last)
    open_state(current, print)
    assert Tables(current).read("training_splits").equals(before)


def test_any_flipped_bit_of_a_state_table_is_found(current):
    path = Tables(current).path("training_splits")
    whole = path.read_bytes()
    for seed in range(100):
        damage_file(path, "a flipped bit", seed)
        with pytest.raises(StateError, match="does not match its checksum"):
            Tables(current).read_or_empty("training_splits")
        path.write_bytes(whole)


def test_ratings_and_collections_are_restored(current, tmp_path):
    rate(current, "b" * 20, "star", "a lead")
    kept = write_collection(current, "Bässe 1", Collection(INIT_VOICE[None], ("BASS",)))
    write_backup(current, tmp_path / "kept.zip")
    back_up_changes(current)
    (automatic,) = list_backups(current)
    for backup in (tmp_path / "kept.zip", automatic):
        rate(current, "b" * 20, "skip", None)
        rate(current, "c" * 20, "keep")
        delete_collection(current, "Bässe 1")
        write_collection(current, "other", Collection(INIT_VOICE[None], ("X",)))
        restore_backup(current, backup)
        assert read_ratings(current).rows() == [("b" * 20, "star", "a lead")]
        assert [row.name for row in list_collections(current)] == ["Bässe 1"]
        assert read_collection(current, "Bässe 1").version == kept.version


def test_missing_ratings_are_an_error(current):
    rate(current, "b" * 20, "star")
    open_state(current, print)
    current.ratings.unlink()
    with pytest.raises(StateError, match=r"ratings\.csv: is gone"):
        open_state(current, print)


def test_missing_overrides_are_an_error(current):
    current.verdicts.unlink()
    with pytest.raises(StateError, match=r"verdicts\.csv: is gone .*keep the file with its first line"):
        open_state(current, print)
    current.verdicts.write_text("sound_id,verdict,why\n")
    open_state(current, print)


def test_a_home_without_its_state_is_not_started_over(current):
    shutil.rmtree(current.state)
    with pytest.raises(StateError, match="is missing or empty, but there are tables"):
        open_state(current, print)
    assert not current.state.exists()


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_cache_counts_as_missing_and_is_rebuilt(current, how, caplog):
    tables = Tables(current)
    damage_file(tables.path("families"), how)
    with pytest.raises((DamagedTableError, MissingTableError), match="deepdx run"):
        tables.read("families")
    assert tables.read_or_empty("families").is_empty()
    if how != "deleted":
        assert "families.parquet" in caplog.text
        assert "rebuilds it" in caplog.text
    tables.write("families", TABLES["families"].create_empty())
    assert tables.read("families").is_empty()
    kept = [path.name for path in current.tables.iterdir() if path.is_dir()]
    assert kept == (["families.parquet.set-aside-1"] if how == "a folder" else [])


@pytest.mark.parametrize("how", DAMAGES)
def test_without_their_manifest_all_caches_count_as_missing_and_are_rebuilt(current, how):
    damage_file(current.tables / MANIFEST, how)
    tables = Tables(current)
    assert tables.read_or_empty("families").is_empty()
    tables.write("families", TABLES["families"].create_empty())
    tables.read("families")


def test_a_backup_is_the_same_bytes_for_the_same_state_and_restores_it(current, tmp_path):
    current.rules.write_text("[rule.mine]\n")
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    assert write_backup(current, first) == write_backup(current, second) == 4
    assert first.read_bytes() == second.read_bytes()
    elsewhere = Home(tmp_path / "elsewhere")
    assert restore_backup(elsewhere, first) is None
    open_state(elsewhere, print)
    assert file_contents(elsewhere.state) == file_contents(current.state)
    assert elsewhere.rules.read_bytes() == current.rules.read_bytes()


def test_a_restore_keeps_the_state_it_replaces(current, tmp_path):
    write_backup(current, tmp_path / "b.zip")
    Tables(current).write("training_splits", splits("test"))
    later = file_contents(current.state)
    replaced = restore_backup(current, tmp_path / "b.zip")
    assert len(Tables(current).read("training_splits")) == 3
    assert file_contents(replaced / "state") == later


def test_a_restore_replaces_the_configuration(current, tmp_path):
    write_backup(current, tmp_path / "without.zip")
    current.rules.write_text("[rule.mine]\n")
    replaced = restore_backup(current, tmp_path / "without.zip")
    assert not current.rules.exists()
    assert (replaced / "rules.toml").read_text() == "[rule.mine]\n"


def test_a_restore_that_is_killed_between_any_two_steps_is_completed(current, tmp_path, monkeypatch):
    """The result is the old state or the new, whichever step is the last; never a mixture."""
    current.rules.write_text("[rule.old]\n")
    write_backup(current, tmp_path / "b.zip")
    wanted = file_contents(current.state)
    current.rules.write_text("[rule.new]\n")
    current.taxonomy.write_text("new")
    Tables(current).write("training_splits", splits("test"))
    present = file_contents(current.state)
    rename = Path.rename
    for last in range(20):
        home = Home(tmp_path / f"home-{last}")
        shutil.copytree(current.root, home.root)
        calls = iter(range(last))

        def rename_or_die(path, target, calls=calls):
            if next(calls, None) is None:
                raise KeyboardInterrupt
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", rename_or_die)
        try:
            restore_backup(home, tmp_path / "b.zip")
            ended = True
        except KeyboardInterrupt:
            ended = False
        monkeypatch.setattr(Path, "rename", rename)
        complete_state(home, print)
        open_state(home, print)
        restored = file_contents(home.state) == wanted
        assert restored or file_contents(home.state) == present
        assert home.rules.read_text() == ("[rule.old]\n" if restored else "[rule.new]\n")
        assert home.taxonomy.exists() != restored
        assert not home.restoring.exists()
        if ended:
            break
    assert ended and last > 4


def test_steps_of_a_restore_that_cannot_be_read_are_named_and_nothing_is_removed(current):
    (current.restoring / "new").mkdir(parents=True)
    (current.restoring / "steps.json").write_text("")
    before = file_contents(current.root)
    with pytest.raises(StateError, match=r"steps\.json: cannot be read"):
        complete_state(current, print)
    assert {path: data for path, data in file_contents(current.root).items() if path.parts[0] != "locks"} == {
        path: data for path, data in before.items() if path.parts[0] != "locks"
    }


def test_state_that_is_a_link_is_not_restored_over(current, tmp_path):
    write_backup(current, tmp_path / "b.zip")
    current.state.rename(tmp_path / "big")
    current.state.symlink_to(tmp_path / "big")
    with pytest.raises(BackupError, match="is a symbolic link"):
        restore_backup(current, tmp_path / "b.zip")
    open_state(current, print)


def test_a_fifo_in_place_of_a_backup_does_not_block(current, tmp_path):
    os.mkfifo(tmp_path / "b.zip")
    with pytest.raises(BackupError, match="not a regular file"):
        restore_backup(current, tmp_path / "b.zip")
    current.backups.mkdir()
    os.mkfifo(current.backups / "state-9.zip")
    back_up_changes(current)


def test_restoring_a_backup_without_models_keeps_the_models(old):
    open_state(old, print)
    before = file_contents(old.models)
    back_up_changes(old)
    restore_backup(old, max(old.backups.glob("state-*.zip")))
    assert file_contents(old.models) == before


def test_automatic_backups_are_made_after_changes_and_the_latest_are_kept(current):
    for count in range(13):
        Tables(current).write("training_splits", splits(*["train"] * (count + 1)))
        back_up_changes(current)
        back_up_changes(current)
    kept = sorted(current.backups.iterdir())
    assert len(kept) == 10
    restore_backup(current, kept[-1])
    assert len(Tables(current).read("training_splits")) == 13


def contents(version=VERSION, **names):
    return "backup.json", json.dumps({"format": 1, "version": version, "files": names})


WRONG_SHA256 = "0" * 64


def digest(data):
    return hashlib.sha256(data).hexdigest()


def with_manifest(manifest):
    data = json.dumps(manifest).encode()
    return make_zip(contents(**{"state/manifest.json": digest(data)}), ("state/manifest.json", data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 no zip",
        make_zip(("something.txt", b"x")),
        make_zip(("backup.json", b"[]")),
        make_zip(("backup.json", b"[" * 100_000)),
        make_zip(contents(VERSION + 1)),
        make_zip(contents(**{"../outside.csv": WRONG_SHA256}), ("../outside.csv", b"x")),
        make_zip(contents(**{"/etc/passwd": WRONG_SHA256}), ("/etc/passwd", b"x")),
        make_zip(contents(**{"state/../../x.csv": WRONG_SHA256}), ("state/../../x.csv", b"x")),
        make_zip(contents(**{"state/verdicts.csv": WRONG_SHA256}), ("state/verdicts.csv", b"x")),
        make_zip(contents(**{"state/verdicts.csv": WRONG_SHA256})),
        make_zip(contents(**{"inbox/bank.syx": WRONG_SHA256}), ("inbox/bank.syx", b"x")),
        make_zip(contents(**{"state/verdicts.csv": WRONG_SHA256}), ("state/verdicts.csv", bytes(100_000))),
        make_zip(contents()),
        make_zip(contents(0)),
        make_zip(contents(True)),
        make_zip(contents(**{"rules.toml": digest(b"")}), ("rules.toml", b"")),
        make_zip(contents(**{"state/verdicts.csv": digest(b"")}), ("state/verdicts.csv", b""), ("state/x", b"")),
        with_manifest({"version": 99, "tables": {}, "overrides": []}),
        with_manifest({"version": 0, "tables": {}, "overrides": []}),
        with_manifest({"version": 1, "tables": {"training_splits": [WRONG_SHA256]}, "overrides": []}),
        with_manifest({"version": 1, "tables": {}, "overrides": ["verdicts.csv"]}),
    ],
    ids=range(22),
)
def test_other_files_and_hostile_backups_are_refused_and_replace_nothing(current, tmp_path, data):
    (tmp_path / "bad.zip").write_bytes(data)
    before = file_contents(tmp_path)
    with pytest.raises(BackupError, match=r"bad\.zip: "):
        restore_backup(current, tmp_path / "bad.zip")
    assert file_contents(tmp_path) == before


@pytest.mark.parametrize("seed", range(20))
def test_a_backup_with_a_flipped_bit_is_refused_or_restored_unchanged(current, tmp_path, seed):
    write_backup(current, tmp_path / "b.zip")
    before = file_contents(current.state)
    damage_file(tmp_path / "b.zip", "a flipped bit", seed)
    with suppress(BackupError):
        restore_backup(current, tmp_path / "b.zip")
    assert file_contents(current.state) == before


def test_one_process_at_a_time_uses_a_home_and_a_second_waits_or_is_refused(current):
    code = (
        "import sys; from pathlib import Path; from deepdx_core.home import Home\n"
        "from deepdx_core.state.store import run_lock\n"
        "with run_lock(Home(Path(sys.argv[1])), None): print('in', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(current.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "in\n"
        with pytest.raises(BusyError, match="another run, backup or restore is using"), run_lock(current, None):
            pass
        messages = []

        def waiting(message):
            messages.append(message)
            other.kill()  # the lock is released however the process ends

        with run_lock(current, waiting):
            assert "waiting for it to finish" in messages[0]
