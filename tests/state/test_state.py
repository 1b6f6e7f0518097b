"""State: never begun anew silently, migrated, backed up, restored; caches: made anew when they are damaged."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from deepdx_core.errors import DeepDXError
from deepdx_core.generation.model import load_model
from deepdx_core.generation.registry import champion_folder
from deepdx_core.home import Home
from deepdx_core.overrides import read_overrides
from deepdx_core.state.backup import KEPT, back_up_changes, backup
from deepdx_core.state.migrations import VERSION
from deepdx_core.state.restore import BackupError, restore
from deepdx_core.state.store import BusyError, complete_state, open_state, run_lock
from deepdx_core.tables.schemas import TABLES, VERDICTS
from deepdx_core.tables.storage import MANIFEST, DamagedTableError, MissingTableError, StateError, Tables
from tests.support.archives import make_zip as zipped
from tests.support.paths import ROOT

VERSION_0 = ROOT / "tests" / "data" / "home-version-0.zip"
"""A home as commit eaa9f4a made it: seven demo banks, a small model, a verdict and a label of the user's."""


def splits(*names):
    rows = [(f"{number:020x}", name, "allotted with its family", True) for number, name in enumerate(names)]
    return pl.DataFrame(rows, schema=TABLES["training_splits"].column_names(), orient="row")


@pytest.fixture
def old(tmp_path):
    with zipfile.ZipFile(VERSION_0) as archive:
        archive.extractall(tmp_path / "old")
    return Home(tmp_path / "old")


@pytest.fixture
def begun(tmp_path):
    """A home with state in it."""
    home = Home(tmp_path / "home")
    open_state(home, print)
    Tables(home).write("training_splits", splits("train", "test", "validation"))
    Tables(home).write("families", TABLES["families"].create_empty())
    home.verdicts.write_text("sound_id,verdict,why\n" + "a" * 20 + ",valid,mine\n")
    open_state(home, print)
    return home


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_home_of_version_0_is_migrated_with_splits_champion_and_words(old):
    tables_before = {
        new: pl.read_parquet(old.tables / f"{before}.parquet")
        for new, before in (
            ("training_splits", "training_splits"),
            ("models", "models"),
            ("corruption_training_set", "taught_voices"),
        )
    }
    models_before = files(old.root / "models")
    told = []
    open_state(old, told.append)
    for table, rows in tables_before.items():
        assert Tables(old).read(table).equals(rows), table
    assert files(old.models) == models_before
    assert champion_folder(old).is_dir()
    assert len(load_model(champion_folder(old)).voices) > 100
    assert read_overrides(old.verdicts, "verdict", VERDICTS).drop("place").rows() == [
        ("013fbda67761a5678eb2", "corrupt", "a test")
    ]
    assert old.labels.read_text().endswith("19b388c57d110d30c143,bell,rings\n")
    assert not {"models", "verdicts.csv", "labels.csv"} & {path.name for path in old.root.iterdir()}
    # What is a cache still counts, so that nothing is rendered twice.
    assert len(Tables(old).read("families")) > 100
    (said,) = told
    assert str(old.state) in said
    (backed_up,) = old.backups.glob("before-version-1-*.zip")
    assert str(backed_up) in said
    # Once is enough.
    before = files(old.root)
    open_state(old, told.append)
    assert files(old.root) == before
    assert len(told) == 1


@pytest.mark.parametrize("table", ["training_splits", "models", "taught_voices"])
def test_a_migration_that_cannot_read_something_changes_nothing(old, table):
    path = old.tables / f"{table}.parquet"
    path.write_bytes(path.read_bytes()[:-50])
    before = files(old.root)
    with pytest.raises(StateError, match=f"{table}.parquet: cannot be read"):
        open_state(old, print)
    assert files(old.root) == before


def test_what_was_before_a_migration_can_be_restored(old):
    open_state(old, print)
    before = files(old.state)
    Tables(old).write("training_splits", splits("train"))
    (backed_up,) = old.backups.glob("before-version-1-*.zip")
    restore(old, backed_up)
    assert files(old.state) == before


def test_a_damaged_home_of_an_old_version_can_be_restored(old, tmp_path):
    shutil.copytree(old.root, tmp_path / "whole")
    open_state(Home(tmp_path / "whole"), print)
    backup(Home(tmp_path / "whole"), tmp_path / "good.zip")
    (old.tables / "taught_voices.parquet").write_bytes(b"PAR1")
    with pytest.raises(StateError):
        complete_state(old, print)
    restore(old, tmp_path / "good.zip")
    complete_state(old, print)
    assert len(Tables(old).read("training_splits")) > 100


def test_words_in_both_places_of_an_old_home_are_not_mixed(old):
    old.state.mkdir()
    old.verdicts.write_text("sound_id,verdict,why\n")
    before = files(old.root)
    with pytest.raises(DeepDXError, match="exists in a home of an older version"):
        open_state(old, print)
    assert files(old.root) == before


def test_an_old_home_whose_models_are_a_link_is_migrated(old, tmp_path):
    (old.root / "models").rename(tmp_path / "big")
    (old.root / "models").symlink_to(tmp_path / "big")
    kept = files(tmp_path / "big")
    open_state(old, print)
    assert champion_folder(old).is_dir()
    assert files(tmp_path / "big") == kept
    assert not (old.root / "models").is_symlink()


def test_words_that_are_written_before_the_first_run_are_taken(tmp_path):
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


def test_words_in_a_place_of_before_are_pointed_out(begun):
    (begun.root / "verdicts.csv").write_text("sound_id,verdict,why\n")
    told = []
    open_state(begun, told.append)
    assert str(begun.verdicts) in told[0]


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 1.0])
def test_a_manifest_of_an_impossible_version_is_refused_and_nothing_is_lost(begun, version):
    manifest = begun.state / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": version}))
    before = files(begun.root)
    with pytest.raises(StateError, match=r"manifest\.json: cannot be read \(its version is"):
        open_state(begun, print)
    assert files(begun.root) == before


def test_state_that_goes_away_while_a_run_works_is_not_begun_anew(begun):
    shutil.rmtree(begun.state)
    with pytest.raises(StateError, match=r"manifest\.json: is missing"):
        Tables(begun).write("training_splits", splits("train"))
    assert not begun.state.exists()


def test_a_dangling_link_among_backups_does_not_hide_what_is_wrong(begun):
    begun.backups.mkdir()
    (begun.backups / "z.zip").symlink_to("/nowhere")
    (begun.state / MANIFEST).unlink()
    with pytest.raises(StateError, match=r"manifest\.json: is missing"):
        open_state(begun, print)


def test_state_of_a_newer_version_is_refused_and_left_alone(begun):
    manifest = begun.state / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"version": VERSION + 1}))
    before = files(begun.state)
    with pytest.raises(DeepDXError, match=r"manifest\.json: is of version 2, which a newer Deep DX wrote"):
        open_state(begun, print)
    assert files(begun.state) == before


def damage(path, how, seed=0):
    content = path.read_bytes()
    if how == "emptied":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "a flipped bit":
        place = random.Random(seed).randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
    elif how == "deleted":
        path.unlink()
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "other columns":
        pl.DataFrame({"sound_id": ["a" * 20]}).write_parquet(path)


EVERY_WAY = ("emptied", "truncated", "a flipped bit", "deleted", "a folder", "other columns")


@pytest.mark.parametrize("how", EVERY_WAY)
@pytest.mark.parametrize("name", ["training_splits.parquet", MANIFEST])
def test_damaged_state_is_refused_by_name_with_the_backup_to_restore(begun, name, how):
    back_up_changes(begun)
    (last,) = begun.backups.iterdir()
    before = Tables(begun).read("training_splits")
    damage(begun.state / name, how, seed=1)
    with pytest.raises(StateError) as refused:
        open_state(begun, print)
    assert str(begun.state) in str(refused.value)
    assert "deepdx restore FILE" in str(refused.value)
    assert str(last) in str(refused.value)
    restore(begun, last)
    open_state(begun, print)
    assert Tables(begun).read("training_splits").equals(before)


def test_any_flipped_bit_of_a_state_table_is_found(begun):
    path = Tables(begun).path("training_splits")
    whole = path.read_bytes()
    for seed in range(100):
        damage(path, "a flipped bit", seed)
        with pytest.raises(StateError, match="does not fit its checksum"):
            Tables(begun).read_or_empty("training_splits")
        path.write_bytes(whole)


def test_words_of_the_user_that_went_away_are_missed(begun):
    begun.verdicts.unlink()
    with pytest.raises(StateError, match=r"verdicts\.csv: is gone .*leave its first line"):
        open_state(begun, print)
    begun.verdicts.write_text("sound_id,verdict,why\n")
    open_state(begun, print)


def test_a_home_whose_state_went_away_is_not_begun_anew(begun):
    shutil.rmtree(begun.state)
    with pytest.raises(StateError, match="is missing or empty, although there are tables"):
        open_state(begun, print)
    assert not begun.state.exists()


@pytest.mark.parametrize("how", EVERY_WAY)
def test_a_damaged_cache_counts_as_missing_and_is_made_anew(begun, how, caplog):
    tables = Tables(begun)
    damage(tables.path("families"), how)
    with pytest.raises((DamagedTableError, MissingTableError), match="deepdx run"):
        tables.read("families")
    assert tables.read_or_empty("families").is_empty()
    if how != "deleted":
        assert "families.parquet" in caplog.text
        assert "makes it anew" in caplog.text
    tables.write("families", TABLES["families"].create_empty())
    assert tables.read("families").is_empty()
    kept = [path.name for path in begun.tables.iterdir() if path.is_dir()]
    assert kept == (["families.parquet.set-aside-1"] if how == "a folder" else [])


@pytest.mark.parametrize("how", EVERY_WAY)
def test_without_its_manifest_no_cache_is_believed_and_all_are_made_anew(begun, how):
    damage(begun.tables / MANIFEST, how)
    tables = Tables(begun)
    assert tables.read_or_empty("families").is_empty()
    tables.write("families", TABLES["families"].create_empty())
    tables.read("families")


def test_a_backup_is_the_same_bytes_for_the_same_state_and_restores_it(begun, tmp_path):
    begun.rules.write_text("[rule.mine]\n")
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    assert backup(begun, first) == backup(begun, second) == 4
    assert first.read_bytes() == second.read_bytes()
    elsewhere = Home(tmp_path / "elsewhere")
    assert restore(elsewhere, first) is None
    open_state(elsewhere, print)
    assert files(elsewhere.state) == files(begun.state)
    assert elsewhere.rules.read_bytes() == begun.rules.read_bytes()


def test_a_restore_keeps_what_it_replaces(begun, tmp_path):
    backup(begun, tmp_path / "b.zip")
    Tables(begun).write("training_splits", splits("test"))
    later = files(begun.state)
    replaced = restore(begun, tmp_path / "b.zip")
    assert len(Tables(begun).read("training_splits")) == 3
    assert files(replaced / "state") == later


def test_a_restore_brings_the_configuration_that_was_backed_up(begun, tmp_path):
    backup(begun, tmp_path / "without.zip")
    begun.rules.write_text("[rule.mine]\n")
    replaced = restore(begun, tmp_path / "without.zip")
    assert not begun.rules.exists()
    assert (replaced / "rules.toml").read_text() == "[rule.mine]\n"


def test_a_restore_that_is_killed_between_any_two_steps_is_completed(begun, tmp_path, monkeypatch):
    """The old state or the new, whichever step is the last; never a part of each."""
    begun.rules.write_text("[rule.old]\n")
    backup(begun, tmp_path / "b.zip")
    wanted = files(begun.state)
    begun.rules.write_text("[rule.new]\n")
    begun.taxonomy.write_text("new")
    Tables(begun).write("training_splits", splits("test"))
    present = files(begun.state)
    rename = Path.rename
    for last in range(20):
        home = Home(tmp_path / f"home-{last}")
        shutil.copytree(begun.root, home.root)
        calls = iter(range(last))

        def rename_or_die(path, target, calls=calls):
            if next(calls, None) is None:
                raise KeyboardInterrupt
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", rename_or_die)
        try:
            restore(home, tmp_path / "b.zip")
            ended = True
        except KeyboardInterrupt:
            ended = False
        monkeypatch.setattr(Path, "rename", rename)
        complete_state(home, print)
        open_state(home, print)
        restored = files(home.state) == wanted
        assert restored or files(home.state) == present
        assert home.rules.read_text() == ("[rule.old]\n" if restored else "[rule.new]\n")
        assert home.taxonomy.exists() != restored
        assert not home.restoring.exists()
        if ended:
            break
    assert ended and last > 4


def test_steps_of_a_restore_that_cannot_be_read_are_named_and_nothing_is_removed(begun):
    (begun.restoring / "new").mkdir(parents=True)
    (begun.restoring / "steps.json").write_text("")
    before = files(begun.root)
    with pytest.raises(StateError, match=r"steps\.json: cannot be read"):
        complete_state(begun, print)
    assert {path: data for path, data in files(begun.root).items() if path.parts[0] != "locks"} == {
        path: data for path, data in before.items() if path.parts[0] != "locks"
    }


def test_state_that_is_a_link_is_not_restored_over(begun, tmp_path):
    backup(begun, tmp_path / "b.zip")
    begun.state.rename(tmp_path / "big")
    begun.state.symlink_to(tmp_path / "big")
    with pytest.raises(BackupError, match="is a link"):
        restore(begun, tmp_path / "b.zip")
    open_state(begun, print)


def test_a_fifo_in_the_place_of_a_backup_is_not_waited_for(begun, tmp_path):
    os.mkfifo(tmp_path / "b.zip")
    with pytest.raises(BackupError, match="not a regular file"):
        restore(begun, tmp_path / "b.zip")
    begun.backups.mkdir()
    os.mkfifo(begun.backups / "state-9.zip")
    back_up_changes(begun)


def test_a_backup_without_models_leaves_models_where_they_are(old):
    open_state(old, print)
    before = files(old.models)
    back_up_changes(old)
    restore(old, max(old.backups.glob("state-*.zip")))
    assert files(old.models) == before


def test_automatic_backups_are_made_when_something_changed_and_the_last_are_kept(begun):
    for count in range(KEPT + 3):
        Tables(begun).write("training_splits", splits(*["train"] * (count + 1)))
        back_up_changes(begun)
        back_up_changes(begun)
    kept = sorted(begun.backups.iterdir())
    assert len(kept) == KEPT
    restore(begun, kept[-1])
    assert len(Tables(begun).read("training_splits")) == KEPT + 3


def contents(version=VERSION, **names):
    return "backup.json", json.dumps({"format": 1, "version": version, "files": names})


NOBODYS = "0" * 64


def digest(data):
    return hashlib.sha256(data).hexdigest()


def with_manifest(manifest):
    data = json.dumps(manifest).encode()
    return zipped(contents(**{"state/manifest.json": digest(data)}), ("state/manifest.json", data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 no zip",
        zipped(("something.txt", b"x")),
        zipped(("backup.json", b"[]")),
        zipped(("backup.json", b"[" * 100_000)),
        zipped(contents(VERSION + 1)),
        zipped(contents(**{"../outside.csv": NOBODYS}), ("../outside.csv", b"x")),
        zipped(contents(**{"/etc/passwd": NOBODYS}), ("/etc/passwd", b"x")),
        zipped(contents(**{"state/../../x.csv": NOBODYS}), ("state/../../x.csv", b"x")),
        zipped(contents(**{"state/verdicts.csv": NOBODYS}), ("state/verdicts.csv", b"x")),
        zipped(contents(**{"state/verdicts.csv": NOBODYS})),
        zipped(contents(**{"inbox/bank.syx": NOBODYS}), ("inbox/bank.syx", b"x")),
        zipped(contents(**{"state/verdicts.csv": NOBODYS}), ("state/verdicts.csv", bytes(100_000))),
        zipped(contents()),
        zipped(contents(0)),
        zipped(contents(True)),
        zipped(contents(**{"rules.toml": digest(b"")}), ("rules.toml", b"")),
        zipped(contents(**{"state/verdicts.csv": digest(b"")}), ("state/verdicts.csv", b""), ("state/x", b"")),
        with_manifest({"version": 99, "tables": {}, "overrides": []}),
        with_manifest({"version": 0, "tables": {}, "overrides": []}),
        with_manifest({"version": 1, "tables": {"training_splits": [NOBODYS]}, "overrides": []}),
        with_manifest({"version": 1, "tables": {}, "overrides": ["verdicts.csv"]}),
    ],
    ids=range(22),
)
def test_no_backup_and_hostile_ones_replace_nothing(begun, tmp_path, data):
    (tmp_path / "bad.zip").write_bytes(data)
    before = files(tmp_path)
    with pytest.raises(BackupError, match=r"bad\.zip: "):
        restore(begun, tmp_path / "bad.zip")
    assert files(tmp_path) == before


@pytest.mark.parametrize("seed", range(20))
def test_a_backup_with_a_flipped_bit_is_refused_or_as_good_as_new(begun, tmp_path, seed):
    backup(begun, tmp_path / "b.zip")
    before = files(begun.state)
    damage(tmp_path / "b.zip", "a flipped bit", seed)
    with suppress(BackupError):
        restore(begun, tmp_path / "b.zip")
    assert files(begun.state) == before


def test_one_run_at_a_time_works_on_a_home_and_a_second_waits_or_says_so(begun):
    code = (
        "import sys; from pathlib import Path; from deepdx_core.home import Home\n"
        "from deepdx_core.state.store import run_lock\n"
        "with run_lock(Home(Path(sys.argv[1])), None): print('in', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(begun.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "in\n"
        with pytest.raises(BusyError, match="another run, backup or restore is at work"), run_lock(begun, None):
            pass
        told = []

        def waiting(message):
            told.append(message)
            other.kill()  # the lock is free again however its process ended

        with run_lock(begun, waiting):
            assert "waiting for its end" in told[0]
