"""The `deepdx` command, run as a process."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version

import polars as pl
import pytest
from typer.testing import CliRunner

from deepdx_core.codec.writer import write_bank
from deepdx_core.display import printable
from deepdx_core.home import Home
from deepdx_core.voice.parameters import PARAMETER_NAMES
from deepdx_pipeline.cli.app import app
from tests.support.paths import DEMO, ROOT
from tests.support.toy_models import SMALL_TRAINING
from tests.support.voices import random_voices

BANK = DEMO / "Keys" / "EPIANOS1.syx"


def deepdx(*arguments, environment=None):
    """Run the command in a process of its own. Return its `subprocess.CompletedProcess`."""
    return subprocess.run(
        [sys.executable, "-m", "deepdx_pipeline.cli", *map(str, arguments)],
        env=os.environ | (environment or {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The environment of a home folder after a full run on part of the demo corpus, with a short training."""
    root = tmp_path_factory.mktemp("trained")
    environment = {"DEEPDX_HOME": str(root)}
    added = deepdx("add", DEMO / "Keys", DEMO / "Basses", DEMO / "From the net", environment=environment)
    assert added.returncode == 0, added.stderr
    ran = deepdx("run", *SMALL_TRAINING, environment=environment)
    assert ran.returncode == 0, ran.stderr
    for asset in ("raw_files", "decoded_voices", "corpus_database", "voice_model", "models", "generated_banks"):
        assert asset in ran.stderr
    return environment


@pytest.fixture
def trained_copy(trained, tmp_path):
    """A copy of the trained home, for a test that changes it."""
    return shutil.copytree(trained["DEEPDX_HOME"], tmp_path / "home")


def test_help_names_every_command():
    result = CliRunner().invoke(app, ["--help"])
    for command in (
        "add",
        "run",
        "ui",
        "inspect",
        "sql",
        "stats",
        "explain",
        "verdict",
        "label",
        "evaluate",
        "generate",
    ):
        assert command in result.output


def inspect_lines(*files):
    """Return the lines of `deepdx inspect --json` as objects, and the result of the process."""
    result = deepdx("inspect", "--json", *files)
    return [json.loads(line) for line in result.stdout.splitlines()], result


def test_the_version_is_that_of_the_package():
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"deepdx {version('deepdx')}\n")


@pytest.mark.parametrize("command", [(), ("convert",), ("collection",), ("collection", "import"), ("judges", "train")])
def test_h_is_help(command):
    long, short = (CliRunner().invoke(app, [*command, option]) for option in ("--help", "-h"))
    assert (short.exit_code, short.output) == (0, long.output)


def test_inspect_as_json_prints_a_line_per_voice():
    found, result = inspect_lines(BANK)
    assert result.returncode == 0
    assert [line["slot"] for line in found] == list(range(1, 33))
    for line in found:
        assert (line["file"], line["member"], line["offset"], line["format"]) == (str(BANK), None, 0, "vmem")
        assert len(line["parameters"]) == 145
        assert line["valid"] is True
        assert line["findings"] == []
        assert len(line["sound_id"]) == 20


def test_inspect_as_json_gives_the_reason_for_files_without_voices():
    found, result = inspect_lines(DEMO / "From the net" / "voice_list.syx", DEMO / "From the net" / "nothing.syx")
    assert result.returncode == 0
    assert [(line["voices"], line["reason"]) for line in found] == [(0, "text, not a dump"), (0, "empty file")]


def test_inspect_as_json_lists_findings(tmp_path):
    found, _ = inspect_lines(DEMO / "From the net" / "bytes_over_127.syx", DEMO / "From the net" / "out_of_range.syx")
    unreadable = [line for line in found if line["parameters"] is None]
    assert len(unreadable) == 3
    assert all(line["sound_id"] is None and line["findings"][0]["rule"] == "byte-over-127" for line in unreadable)
    out_of_range = [line for line in found if line["parameters"] and not line["valid"]]
    assert len(out_of_range) == 4
    for line in out_of_range:
        for finding in line["findings"]:
            assert finding["rule"] == "out-of-range"
            assert line["parameters"][PARAMETER_NAMES.index(finding["parameter"])] == finding["value"]


def test_inspect_an_archive_shows_each_member_and_fails_for_a_refused_one(tmp_path):
    path = tmp_path / "banks.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(BANK, "a/b.syx")
        archive.writestr("../evil.syx", b"")
        archive.writestr("empty.txt", b"")
    found, result = inspect_lines(path)
    assert {line["member"] for line in found[:32]} == {"a/b.syx"}
    assert {line["member"]: line["reason"] for line in found[32:]} == {
        "../evil.syx": "its path leads out of the archive",
        "empty.txt": "empty file",
    }
    assert result.returncode == 1  # something was refused


def test_inspect_as_text_prints_a_row_per_voice_and_fails_for_a_missing_file():
    result = deepdx("inspect", BANK)
    assert result.stdout.count("\n") == 35
    assert "checksum right" in result.stdout
    missing = deepdx("inspect", "no such file.syx")
    assert missing.returncode == 1
    assert "no such file.syx: cannot be read: No such file or directory" in missing.stderr


def test_add_reports_refused_files(home, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "song.syx").write_text("la la la")
    result = deepdx("add", tmp_path / "song.syx", tmp_path / "empty", tmp_path / "missing", BANK)
    assert result.returncode == 1
    assert "song.syx: text, not a dump" in result.stderr
    assert "empty: empty folder" in result.stderr.replace("\n", "")
    assert "missing: cannot be read: No such file or directory" in result.stderr.replace("\n", "")
    assert "2 files added, 0 already there, 2 refused; 32 voice slots in 1 bank;" in result.stdout
    again = deepdx("add", BANK)
    assert again.returncode == 0
    assert "0 files added, 1 already there" in again.stdout


def test_add_reports_a_file_already_there_under_another_path(home):
    assert deepdx("add", DEMO / "Keys").returncode == 0
    again = deepdx("add", BANK)
    assert again.returncode == 0
    assert f"1 file already there under another path: {BANK} as Keys/EPIANOS1.syx" in again.stdout
    assert "0 files added, 1 already there, 0 refused; 32 voice slots in 1 bank;" in again.stdout


@pytest.mark.parametrize("extension", ["csv", "json", "jsonl", "parquet"])
def test_add_refers_to_convert_for_a_table_of_voices(home, tmp_path, extension):
    assert deepdx("convert", BANK, "-o", tmp_path / f"voices.{extension}").returncode == 0
    added = deepdx("add", tmp_path / f"voices.{extension}")
    assert f"voices.{extension}: table of voices: `deepdx convert` makes banks of it" in added.stderr
    (tmp_path / "lines.jsonl").write_text(deepdx("inspect", "--json", BANK).stdout)
    assert "lines.jsonl: table of voices" in deepdx("add", tmp_path / "lines.jsonl").stderr


def test_inspect_reports_an_empty_folder(tmp_path):
    result = deepdx("inspect", tmp_path)
    assert (result.returncode, result.stderr) == (1, f"{tmp_path}: empty folder\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["evil\x1b[31m.syx", "line\nend.syx", "\u202esyx.txt", os.fsdecode(b"\xe9.syx")])
def test_no_command_prints_a_file_name_unescaped(home, tmp_path, name):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / name).write_bytes(BANK.read_bytes())
    shown = printable(name)
    for arguments in (
        ("add", folder / name),
        ("add", folder / f"missing {name}"),
        ("inspect", folder),
        ("convert", folder, "-o", tmp_path / name),
        ("convert", folder, "-o", tmp_path / name),
        ("convert", folder, "-o", tmp_path / f"{name}.bad"),
        ("send", folder / name, "--port", name),
        ("receive", "-o", tmp_path / "new.syx", "--port", name),
    ):
        result = deepdx(*arguments)
        output = result.stdout + result.stderr
        assert "Traceback" not in output
        for raw in ("\x1b[31m", "\u202e", "line\nend"):
            assert raw not in output
    assert shown in deepdx("inspect", folder).stdout


@pytest.mark.parametrize("command", [("sql", "SELECT 1"), ("stats",), ("generate", "-o", "x.syx")])
def test_commands_before_the_first_run_fail_with_a_message(home, command):
    result = deepdx(*command)
    assert result.returncode == 1
    assert result.stderr.startswith("deepdx: ")
    assert "Traceback" not in result.stderr


def test_stats_prints_the_funnel(trained):
    result = deepdx("stats", environment=trained)
    assert result.returncode == 0
    for step in ("files", "contents", "dumps", "voices", "sounds", "verdicts", "labels", "splits"):
        assert step in result.stdout


def test_sql_gives_the_same_rows_in_each_format(trained, tmp_path):
    query = "SELECT sound_id, label, category FROM labeled_voices ORDER BY sound_id LIMIT 5"
    shown = deepdx("sql", query, environment=trained).stdout
    as_json = json.loads(deepdx("sql", query, "--format", "json", environment=trained).stdout)
    as_csv = list(csv.DictReader(io.StringIO(deepdx("sql", query, "--format", "csv", environment=trained).stdout)))
    target = tmp_path / "result.parquet"
    assert deepdx("sql", query, "--format", "parquet", "-o", target, environment=trained).returncode == 0
    assert as_json == as_csv == pl.read_parquet(target).to_dicts()
    assert len(as_json) == 5
    assert all(row["sound_id"] in shown for row in as_json)


def test_sql_writes_lists_and_bytes_as_text(trained):
    lists = "unique_voices JOIN verdicts USING (sound_id)"
    query = f"SELECT names, findings, '\\xF0C'::BLOB AS payload FROM {lists} LIMIT 1"
    (row,) = csv.DictReader(io.StringIO(deepdx("sql", query, "--format", "csv", environment=trained).stdout))
    assert json.loads(row["names"])
    assert bytes.fromhex(row["payload"])


def one_sound(environment, where="verdict = 'valid'"):
    sql = f"SELECT sound_id, name FROM voices WHERE {where} ORDER BY files DESC, sound_id LIMIT 1"
    (row,) = csv.DictReader(io.StringIO(deepdx("sql", sql, "--format", "csv", environment=environment).stdout))
    return row["sound_id"], row["name"]


def test_explain_by_id_prefix_and_name_as_text_and_json(trained):
    sound_id, name = one_sound(trained)
    explained = deepdx("explain", sound_id, environment=trained)
    assert explained.returncode == 0, explained.stderr
    for part in (sound_id, "Verdict: valid, by the rules", "Found in 1 place:", "slot ", "Label:", "Split:", name):
        assert part in explained.stdout
    explanation = json.loads(deepdx("explain", sound_id[:8], "--json", environment=trained).stdout)
    assert explanation["sound_id"] == sound_id
    assert explanation["verdict"]["verdict"] == "valid"
    assert explanation["places"][0]["slot"] >= 1
    assert deepdx("explain", name, environment=trained).returncode == 0


def test_explain_shows_findings_and_unreadable_voices(trained):
    sound_id, _ = one_sound(trained, "list_contains(found, 'out-of-range')")
    explained = deepdx("explain", sound_id, environment=trained).stdout
    assert "corrupt: out-of-range (" in explained
    assert "a parameter exceeds its maximum" in explained
    sql = "SELECT name FROM decoded_voices WHERE sound_id IS NULL LIMIT 1"
    (row,) = json.loads(deepdx("sql", sql, "--format", "json", environment=trained).stdout)
    explained = deepdx("explain", row["name"], environment=trained)
    assert "unreadable, with a byte over 127: slot" in explained.stdout + explained.stderr


def test_explain_of_an_unknown_sound_fails(trained):
    explained = deepdx("explain", "no such voice", environment=trained)
    assert explained.returncode == 1
    assert "no sound has the id or name 'no such voice'" in explained.stderr


def test_user_verdicts_are_stored_and_removed(trained, trained_copy):
    sound_id, name = one_sound(trained)
    own = {"DEEPDX_HOME": str(trained_copy)}
    changed = deepdx("verdict", sound_id, "corrupt", "--why", "hum, all through", environment=own)
    assert changed.returncode == 0, changed.stderr
    assert f"{name} {sound_id}: your verdict is corrupt, effective from the next `deepdx run`" in changed.stdout
    assert (
        trained_copy / "state" / "verdicts.csv"
    ).read_text() == f'sound_id,verdict,why\n{sound_id},corrupt,"hum, all through"\n'
    assert deepdx("verdict", sound_id, "--forget", environment=own).returncode == 0
    assert Home(trained_copy).verdicts.read_text() == "sound_id,verdict,why\n"
    assert deepdx("verdict", sound_id, "bad", environment=own).returncode == 2
    assert deepdx("verdict", sound_id, environment=own).returncode == 2
    assert deepdx("verdict", "no such voice", "valid", environment=own).returncode == 1


def test_user_categories_are_stored_and_removed(trained, trained_copy):
    sound_id, name = one_sound(trained)
    own = {"DEEPDX_HOME": str(trained_copy)}
    changed = deepdx("label", sound_id, "E. Piano", "--why", "I made it", environment=own)
    assert changed.returncode == 0, changed.stderr
    assert f"{name} {sound_id}: your category is electric-piano, effective from the next `deepdx run`" in changed.stdout
    assert (
        trained_copy / "state" / "labels.csv"
    ).read_text() == f"sound_id,category,why\n{sound_id},electric-piano,I made it\n"
    assert deepdx("label", sound_id, "--forget", environment=own).returncode == 0
    assert Home(trained_copy).labels.read_text() == "sound_id,category,why\n"
    unknown = deepdx("label", sound_id, "xyzzy", environment=own)
    assert unknown.returncode == 1
    assert "electric-piano" in unknown.stderr  # a list of the categories
    assert deepdx("label", sound_id, environment=own).returncode == 2


def test_label_suggests_voices_to_label(trained):
    suggested = deepdx("label", "--suggest", "--count", 5, environment=trained)
    assert suggested.returncode == 0, suggested.stderr
    assert suggested.stdout.count("perhaps ") == 5


def test_stats_by_source_names_every_source(trained):
    shown = deepdx("stats", "--sources", environment=trained | {"COLUMNS": "120"})
    assert shown.returncode == 0
    for source in ("Keys", "Basses", "From the net"):
        assert source in shown.stdout


def test_sql_refuses_statements_other_than_queries(trained):
    result = deepdx("sql", "DROP VIEW raw_files", environment=trained)
    assert result.returncode == 1
    assert "one SELECT at a time" in result.stderr


def test_the_first_training_gives_a_champion_and_scores_of_its_critic(trained):
    models = "SELECT judged, role, reason FROM models"
    rows = json.loads(deepdx("sql", models, "--format", "json", environment=trained).stdout)
    assert rows == [{"judged": 1, "role": "champion", "reason": "the first"}]
    least = json.loads(deepdx("sql", "FROM least_real LIMIT 20", "--format", "json", environment=trained).stdout)
    assert len(least) == 20
    odds = [row["realness"] for row in least]
    assert odds == sorted(odds)
    explained = deepdx("explain", least[0]["sound_id"], environment=trained).stdout
    assert f"Critic: log-odds of {odds[0]:+.1f}" in explained


@pytest.mark.slow
def test_evaluate_prints_a_column_for_each_generator(trained_copy):
    own = {"DEEPDX_HOME": str(trained_copy), "COLUMNS": "300"}
    shown = deepdx("evaluate", "--gan-steps", 100, "--without-audio", "--seed", 3, environment=own)
    assert shown.returncode == 0, shown.stderr
    for name in ("real: one half against the other", "sequential CART", "GAN of the blog", "writer and critic"):
        assert name in shown.stdout
    seeds = deepdx("sql", "SELECT DISTINCT seed FROM model_evaluation", "--format", "csv", environment=own)
    assert seeds.stdout.split() == ["seed", "3"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("widht=7", "unknown settings widht"),
        ("width=wide", "give NAME=VALUE"),
        ("width=0.5", "width: Input should be a valid integer, got 0.5"),
        ("width", "give NAME=VALUE"),
    ],
)
def test_invalid_settings_are_refused_before_the_run(home, setting, message):
    result = CliRunner().invoke(app, ["run", "--set", setting], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert message in result.output
    assert not home.tables.exists()


def test_settings_of_a_training_that_is_skipped_are_a_usage_error(home):
    result = CliRunner().invoke(app, ["run", "--without", "training", "--steps", "5"], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert "--steps and --set have no effect" in result.output
    assert not home.tables.exists()


def test_an_unknown_part_to_skip_is_a_usage_error():
    result = deepdx("run", "--without", "coffee")
    assert result.returncode == 2
    assert "training" in result.stderr


def test_inspect_escapes_control_characters_in_names(tmp_path):
    parameters, names = random_voices(32)
    names[:] = list(b"\x1b[31mRED  ")
    (tmp_path / "evil\x1b[31m.syx").write_bytes(write_bank(parameters, names))
    for result in (deepdx("inspect", tmp_path), deepdx("inspect", "--json", tmp_path)):
        assert "\x1b" not in result.stdout + result.stderr


@pytest.mark.slow
def test_a_run_on_an_empty_inbox_says_so(home):
    result = deepdx("run", "--without", "training", "--without", "audio")
    assert result.returncode == 0
    assert result.stderr.endswith(f"The inbox is empty: `deepdx add` copies banks into {home.inbox}\n")
