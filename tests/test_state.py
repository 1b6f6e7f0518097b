"""State: never begun anew silently, migrated, backed up, restored; caches: made anew when they are damaged."""

import json
import random
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from conftest import zipped

from deepdx_core.curation.opinions import read_opinions
from deepdx_core.errors import DeepDXError
from deepdx_core.generation.model import load_model
from deepdx_core.generation.registry import champion_folder
from deepdx_core.home import Home
from deepdx_core.state.backup import KEPT, BackupError, back_up_changes, backup, restore
from deepdx_core.state.migrations import VERSION
from deepdx_core.state.store import BusyError, open_state, run_lock
from deepdx_core.tables.schemas import TABLES, VERDICTS
from deepdx_core.tables.storage import MANIFEST, DamagedTableError, MissingTableError, StateError, Tables

VERSION_0 = Path(__file__).parent / "data" / "home-version-0.zip"
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
    assert read_opinions(old.verdicts, "verdict", VERDICTS).drop("place").rows() == [
        ("013fbda67761a5678eb2", "corrupt", "a test")
    ]
    assert old.labels.read_text().endswith("19b388c57d110d30c143,bell,rings\n")
    assert not {"models", "verdicts.csv", "labels.csv"} & {path.name for path in old.root.iterdir()}
    # What is a cache still counts, so that nothing is rendered twice.
    assert len(Tables(old).read("families")) > 100
    (said,) = told
    assert str(old.state) in said
    assert str(old.backups / "before-version-1.zip") in said
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
    after = files(old.root)
    after.pop(Path("backups/before-version-1.zip"), None)
    assert after == before


def test_what_was_before_a_migration_can_be_restored(old):
    before = files(old.root)
    open_state(old, print)
    Tables(old).write("training_splits", splits("train"))
    restore(old, old.backups / "before-version-1.zip", VERSION)
    for name, content in before.items():
        if name.parts[0] == "models" or name.name in ("training_splits.parquet", "verdicts.csv"):
            assert (old.root / name).read_bytes() == content
    open_state(old, print)
    assert len(Tables(old).read("training_splits")) > 100


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
    restore(begun, last, VERSION)
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
    assert restore(elsewhere, first, VERSION) is None
    open_state(elsewhere, print)
    assert files(elsewhere.state) == files(begun.state)
    assert elsewhere.rules.read_bytes() == begun.rules.read_bytes()


def test_a_restore_keeps_what_it_replaces(begun, tmp_path):
    backup(begun, tmp_path / "b.zip")
    Tables(begun).write("training_splits", splits("test"))
    later = files(begun.state)
    replaced = restore(begun, tmp_path / "b.zip", VERSION)
    assert len(Tables(begun).read("training_splits")) == 3
    assert files(replaced / "state") == later


def test_a_backup_without_models_leaves_models_where_they_are(old):
    open_state(old, print)
    before = files(old.models)
    back_up_changes(old)
    restore(old, max(old.backups.glob("state-*.zip")), VERSION)
    assert files(old.models) == before


def test_automatic_backups_are_made_when_something_changed_and_the_last_are_kept(begun):
    for count in range(KEPT + 3):
        Tables(begun).write("training_splits", splits(*["train"] * (count + 1)))
        back_up_changes(begun)
        back_up_changes(begun)
    kept = sorted(begun.backups.iterdir())
    assert len(kept) == KEPT
    restore(begun, kept[-1], VERSION)
    assert len(Tables(begun).read("training_splits")) == KEPT + 3


def contents(version=VERSION, **names):
    return "backup.json", json.dumps({"format": 1, "version": version, "files": names})


NOBODYS = "0" * 64


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
    ],
    ids=range(13),
)
def test_no_backup_and_hostile_ones_replace_nothing(begun, tmp_path, data):
    (tmp_path / "bad.zip").write_bytes(data)
    before = files(tmp_path)
    with pytest.raises(BackupError, match=r"bad\.zip: "):
        restore(begun, tmp_path / "bad.zip", VERSION)
    assert files(tmp_path) == before


@pytest.mark.parametrize("seed", range(20))
def test_a_backup_with_a_flipped_bit_is_refused_or_as_good_as_new(begun, tmp_path, seed):
    backup(begun, tmp_path / "b.zip")
    before = files(begun.state)
    damage(tmp_path / "b.zip", "a flipped bit", seed)
    with suppress(BackupError):
        restore(begun, tmp_path / "b.zip", VERSION)
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
