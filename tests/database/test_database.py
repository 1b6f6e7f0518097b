"""The database is one self-contained file that can be queried safely while runs and other clients use it."""

import os
import shutil
import signal
import subprocess
import sys
import time

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from deepdx_core.database import snapshot
from deepdx_core.database.build import build_database
from deepdx_core.database.snapshot import DatabaseError, Snapshot, query
from deepdx_core.home import Home
from deepdx_core.state.store import open_state
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.storage import Tables
from deepdx_pipeline.cli.app import app
from tests.support.paths import DEMO, ROOT

LONG = "SELECT sum(hash(a.range || b.range)) FROM range(1000000) a, range(1000000) b"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a few rows in some tables."""
    home = Home(tmp_path_factory.mktemp("database") / "home")
    open_state(home, print)
    tables = Tables(home)
    rows = [(f"{n:020x}", ("train", "test")[n % 2], "allotted with its family", True) for n in range(1000)]
    splits = pl.DataFrame(rows, schema=TABLES["training_splits"].column_names(), orient="row")
    tables.write("training_splits", splits)
    build_database(home.database, tables)
    return home


def deepdx(*arguments, home):
    return CliRunner().invoke(app, arguments, env={"DEEPDX_HOME": str(home.root)})


def test_a_moved_home_and_a_copied_database_show_their_own_rows(home, tmp_path):
    shutil.copytree(home.root, tmp_path / "moved")
    moved = Home(tmp_path / "moved")
    Tables(moved).write("training_splits", Tables(moved).read("training_splits").head(7))
    build_database(moved.database, Tables(moved))
    alone = shutil.copy(moved.database, tmp_path / "alone.duckdb")
    shutil.rmtree(moved.tables, ignore_errors=True)
    for path in (alone, moved.database):
        assert len(query(path, "FROM training_splits")) == 7
        with duckdb.connect(path, read_only=True) as plain:
            assert plain.execute("SELECT count(*) FROM training_splits").fetchone() == (7,)
    assert len(query(home.database, "FROM training_splits")) == 1000


def test_every_table_view_and_column_has_a_comment(home):
    for kind in ("tables", "views", "columns"):
        names = "table_name" if kind != "views" else "view_name"
        found = query(home.database, f"SELECT {names} FROM duckdb_{kind}() WHERE comment IS NULL AND NOT internal")
        assert found.is_empty(), found
    assert query(home.database, "SELECT count(*) AS n FROM duckdb_columns() WHERE NOT internal")["n"].item() > 500


def test_duckdb_1_2_can_open_the_database(home):
    # Reads the header of the file only. DuckDB 1.2.2 was tested by hand: it reads every table and view.
    with duckdb.connect(home.database, read_only=True) as plain:
        (tags,) = plain.execute("SELECT tags FROM duckdb_databases() WHERE NOT internal").fetchone()
    assert tags["storage_version"].startswith("v1.2.0")


def test_tables_that_runs_do_not_rebuild_may_be_of_an_older_version(tmp_path, caplog):
    home = Home(tmp_path)
    older = pl.DataFrame({"generator": ["writer"], "c2st": [0.5]})
    home.tables.mkdir()
    older.write_parquet(Tables(home).path("model_evaluation"))
    assert "model_evaluation" in build_database(home.database, Tables(home))
    assert query(home.database, "FROM model_evaluation").is_empty()
    assert "model_evaluation.parquet" in caplog.text


def test_a_database_of_an_older_version_is_refused_with_the_command_that_rebuilds_it(home, tmp_path):
    older = tmp_path / "corpus.duckdb"
    shutil.copy(home.database, older)
    with duckdb.connect(older) as connection:
        connection.execute("DROP VIEW funnel")
    with pytest.raises(DatabaseError, match=r"corpus\.duckdb: written by an older Deep DX; `deepdx run` rebuilds it"):
        query(older, "SELECT 1")


def test_columns_of_the_same_name_have_the_same_meaning(home):
    algorithms = "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE column_name LIKE 'algorithm%'"
    meanings = query(home.database, algorithms).unique(["column_name", "comment"])
    assert sorted(meanings["column_name"]) == ["algorithm", "algorithm_label"]


@pytest.mark.parametrize(
    "sql",
    [
        "EXPLAIN ANALYZE SELECT 1",
        "explain /* so */ analyze COPY (SELECT 1) TO 'stolen.csv'",
        "EXPLAIN (ANALYZE) SELECT 1",
        "explain(analyze) SELECT 1",
        "explain(analyze) CREATE TEMP TABLE mine AS SELECT 1",
        'EXPLAIN ("analyze") SELECT 1',
        "EXPLAIN (FORMAT json, ANALYZE) SELECT 1",
        "EXPLAIN ANALYSE SELECT 1",
        ";/* é */ EXPLAIN ANALYZE SELECT 1",
        "EXPLAIN\u00a0ANALYZE SELECT 1",
        "EXPLAIN CREATE TEMP TABLE mine AS SELECT 1",
        "EXPLAIN DELETE FROM training_splits",
        "SELECT 1; SELECT 2",
        "",
        "-- nothing",
        "SELECT '\udcff'",
        "EXPLAIN (ANALYZE, FORMAT json) COPY training_splits TO 'stolen.csv'",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "INSERT INTO training_splits SELECT * FROM training_splits",
        "CALL pragma_version()",
        "PRAGMA database_list",
        "CHECKPOINT",
        "LOAD json",
        "INSTALL httpfs",
        "PREPARE p AS SELECT 1",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM duckdb_secrets()",
        "EXPORT DATABASE 'stolen'",
        "IMPORT DATABASE 'stolen'",
    ],
)
def test_a_statement_that_does_more_than_read_the_corpus_is_refused(home, sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = home.database.read_bytes()
    with pytest.raises(DatabaseError):
        query(home.database, sql)
    assert list(tmp_path.iterdir()) == []
    assert home.database.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "FROM training_splits",
        "PIVOT training_splits ON split USING count(*)",
        "DESCRIBE voices",
        "SHOW TABLES",
        "SUMMARIZE training_splits",
        "EXPLAIN SELECT 1",
        "explain(format json) SELECT 'analyze'",
        "EXPLAIN /* é, not ANALYZE */ (SELECT 'analyze') UNION SELECT 'é'",
        "EXPLAIN PIVOT training_splits ON split USING count(*)",
        "VALUES (1)",
        "WITH x AS (SELECT 1) FROM x;",
    ],
)
def test_every_kind_of_query_that_reads_is_run(home, sql):
    assert len(query(home.database, sql)) >= 1


UNUSUAL = (
    "SELECT INTERVAL 1 DAY AS i, union_value(k := 1) AS u, 'infinity'::DATE AS d, DATE '200000-01-01' AS f, "
    "TIMESTAMP '290000-01-01' AS t, 'inf'::DOUBLE AS x, {'a': INTERVAL 1 DAY, 'b': [1.5]} AS s, uuid() AS id, "
    "'101'::BIT AS b, MAP {'a': 1} AS m, [{'a': [1, NULL]}] AS l, '\\xF0C'::BLOB AS blob, ['\\xF0'::BLOB] AS blobs, "
    "1::HUGEINT AS h, 170141183460469231731687303715884105727 AS huge, '12:00'::TIMETZ AS z, 'NaN'::FLOAT AS nan, "
    "[1, 2]::INTEGER[2] AS a, 'x'::ENUM('x') AS e, NULL AS nothing"
)


@pytest.mark.parametrize("format", ["table", "csv", "json", "parquet"])
def test_values_of_every_type_can_be_written(home, tmp_path, format):
    result = deepdx("sql", UNUSUAL, "-f", format, "-o", str(tmp_path / "out"), home=home)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out").stat().st_size > 100


def test_values_of_unusual_types_are_formatted_by_duckdb(home):
    row = query(home.database, UNUSUAL).row(0, named=True)
    assert (row["i"], row["d"], row["f"]) == ("1 day", "infinity", "200000-01-01")
    assert row["s"] == "{'a': 1 day, 'b': [1.5]}"
    assert row["l"] == [{"a": [1, None]}]
    assert (row["h"], row["blob"]) == (1, b"\xf0C")
    assert int(row["huge"]) == 2**127 - 1


def test_columns_of_the_same_name_are_numbered(home):
    assert query(home.database, "SELECT 1 AS a, 2 AS a, 3 AS a_2, 4 AS a").columns == ["a", "a_3", "a_2", "a_4"]


def test_time_memory_and_result_of_a_query_are_limited(home, monkeypatch):
    with Snapshot(home.database) as corpus:
        began = time.monotonic()
        with pytest.raises(DatabaseError, match=r"no result within 0\.5 seconds"):
            corpus.query(LONG, timeout=0.5)
        assert time.monotonic() - began < 5
        with pytest.raises(DatabaseError, match="memory"):
            corpus.query("SELECT list(range || 'some text that takes room') FROM range(1000000000)", timeout=60)
        # Another query works.
        assert corpus.query("SELECT 1 AS one")["one"].to_list() == [1]
        monkeypatch.setattr(snapshot, "MAX_RESULT_BYTES", 1 << 20)
        with pytest.raises(DatabaseError, match="larger than 1 MiB"):
            corpus.query("FROM range(10000000)")
        assert len(corpus.query("FROM range(10000000)", limit=5)) == 5


def test_ctrl_c_interrupts_a_query_at_once(home):
    process = subprocess.Popen(
        [sys.executable, "-m", "deepdx_pipeline.cli", "sql", LONG],
        env=os.environ | {"DEEPDX_HOME": str(home.root)},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=5)
    assert process.returncode not in (0, None)
    assert "Traceback" not in errors


UNSTOPPABLE = "SELECT levenshtein(repeat('ab', 100000), repeat('cd', 100000))"


def test_a_query_that_duckdb_does_not_interrupt_is_abandoned(home):
    corpus = Snapshot(home.database)
    with pytest.raises(DatabaseError, match=r"no result within 0\.1 seconds"):
        corpus.query(UNSTOPPABLE.replace("100000", "30000"), timeout=0.1)
    assert corpus.abandoned
    with pytest.raises(DatabaseError, match="the previous query is still running"):
        corpus.query("SELECT 1")
    began = time.monotonic()
    corpus.close()
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("ended_by", ["the clock", "Ctrl-C"])
def test_the_command_ends_even_if_duckdb_does_not(home, ended_by):
    process = subprocess.Popen(
        [sys.executable, "-m", "deepdx_pipeline.cli", "sql", UNSTOPPABLE]
        + (["--timeout", "0.5"] if ended_by == "the clock" else []),
        env=os.environ | {"DEEPDX_HOME": str(home.root)},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if ended_by == "Ctrl-C":
            time.sleep(4)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "leaked" not in errors
    if ended_by == "the clock":
        assert errors == "deepdx: no result within 0.5 seconds: simplify the query, or allow more time\n"


def test_a_client_that_writes_does_not_block_readers(home, tmp_path):
    written = Home(tmp_path)
    shutil.copy(home.database, written.database)
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('CREATE TABLE mine AS SELECT 1')\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(written.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout.readline() == "open\n"
        assert len(query(written.database, "FROM training_splits")) == 1000
        # A run replaces the file, and the client keeps the old one.
        open_state(written, print)
        Tables(written).write("training_splits", Tables(home).read("training_splits").head(3))
        build_database(written.database, Tables(written))
        assert len(query(written.database, "FROM training_splits")) == 3
        client.kill()


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 100_000])
def test_the_error_for_a_file_that_is_no_database_gives_the_solution(tmp_path, content):
    (tmp_path / "corpus.duckdb").write_bytes(content)
    with pytest.raises(DatabaseError, match=r"corpus\.duckdb: .*deepdx run"):
        query(tmp_path / "corpus.duckdb", "SELECT 1")


def test_a_damaged_file_is_not_reported_as_locked(tmp_path):
    path = tmp_path / "blocks" / "corpus.duckdb"
    path.parent.mkdir()
    path.write_bytes(b"\x5a" * 100_000)
    with pytest.raises(DatabaseError, match=r"not a valid DuckDB database file.*deepdx run") as caught:
        query(path, "SELECT 1")
    assert "another program" not in str(caught.value)


@pytest.mark.parametrize("sql", ["SELECT max(text) FROM rows", "FROM rows"])
@pytest.mark.parametrize("damage", ["overwritten", "cut"])
def test_the_error_for_damage_found_by_a_query_names_the_file_and_the_solution(tmp_path, sql, damage):
    path = tmp_path / "corpus.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE rows AS SELECT md5(range::VARCHAR) AS text FROM range(100000)")
    content = path.read_bytes()
    assert len(content) > 1_000_000
    if damage == "cut":
        path.write_bytes(content[:700_000])
    else:
        path.write_bytes(content[:600_000] + b"\x5a" * 4096 + content[604_096:])
    with pytest.raises(DatabaseError, match=r"^\S+corpus\.duckdb: .*; `deepdx run` rebuilds it$"):
        query(path, sql)


def test_a_table_of_too_many_cells_is_refused_but_can_be_written_to_a_file(home, tmp_path):
    refused = deepdx("sql", "SELECT 1::TINYINT AS a FROM range(2000001)", home=home)
    assert refused.exit_code == 1
    assert "a result of 2,000,001 rows is too large for a table: use --format csv" in str(refused.exception)
    refused = deepdx("sql", "SELECT repeat('a', 70000000) AS a", home=home)
    assert "too large for a table" in str(refused.exception)
    written = deepdx("sql", "SELECT 1::TINYINT AS a FROM range(2000001)", "-o", str(tmp_path / "all.csv"), home=home)
    assert written.exit_code == 0
    assert (tmp_path / "all.csv").stat().st_size == 2 * 2_000_002


def test_a_table_of_several_slices_has_one_layout(home):
    lines = deepdx(
        "sql", "SELECT range AS n, 'é' || range AS t, 1 AS x FROM range(25001)", home=home
    ).stdout.splitlines()
    assert len(lines) == 25_002
    assert lines[0] == "     n  t       x"
    assert lines[1] == "     0  é0      1"
    assert lines[-1] == "25,000  é25000  1"


def test_one_long_value_does_not_widen_all_rows(home):
    lines = deepdx(
        "sql", "SELECT repeat('a', 5000) AS t, 1 AS x UNION ALL SELECT 'b', 2", home=home
    ).stdout.splitlines()
    assert sorted(map(len, lines)) == [203, 203, 5003]


def test_a_terminal_shows_some_rows_and_a_note_about_the_rest(home, monkeypatch):
    monkeypatch.setattr("deepdx_pipeline.cli.sql.out._force_terminal", True)
    shown = deepdx("sql", "FROM training_splits ORDER BY ALL", home=home)
    assert shown.stdout.count("allotted") == 200
    assert "The first 200 rows; --limit 0 shows all." in shown.output
    assert deepdx("sql", "FROM training_splits", "--limit", "0", home=home).stdout.count("allotted") == 1000
    # Columns that do not fit are printed one below the other.
    wide = deepdx("sql", "SELECT 'a' AS first, repeat('b', 300) AS second UNION ALL SELECT 'c', 'd'", home=home)
    assert wide.stdout.splitlines()[:3] == ["--- 1", "first   a", "second  " + "b" * 300]


def test_output_to_files_and_pipes_is_complete(home, tmp_path):
    for name in ("out.csv", "out.json", "out.parquet"):
        assert deepdx("sql", "FROM training_splits", "-o", str(tmp_path / name), home=home).exit_code == 0
    assert len(pl.read_csv(tmp_path / "out.csv")) == len(pl.read_json(tmp_path / "out.json")) == 1000
    assert len(pl.read_parquet(tmp_path / "out.parquet")) == 1000
    assert deepdx("sql", "FROM training_splits", home=home).stdout.count("allotted") == 1000


def test_without_a_query_a_shell_runs_queries_and_goes_on_after_errors(home):
    lines = "SELECT 1\n  AS one;\n\nSELECT nothing;\nDROP VIEW voices;\nSELECT 2 AS two"
    shell = CliRunner().invoke(app, ["sql"], input=lines, env={"DEEPDX_HOME": str(home.root)})
    assert shell.exit_code == 0, shell.output
    assert shell.stdout.split() == ["one", "1", "two", "2"]
    assert 'column "nothing" was not found' in shell.stderr
    assert "one SELECT at a time" in shell.stderr


@pytest.mark.parametrize("word", ["exit", "QUIT", "exit;"])
def test_a_word_leaves_the_shell(home, word):
    shell = CliRunner().invoke(app, ["sql"], input=f"{word}\nSELECT 1;\n", env={"DEEPDX_HOME": str(home.root)})
    assert (shell.exit_code, shell.stdout) == (0, "")


def test_the_shell_writes_no_file(home, tmp_path):
    refused = deepdx("sql", "-o", str(tmp_path / "out.csv"), home=home)
    assert refused.exit_code == 2
    assert "give a query" in refused.output


def test_escape_sequences_do_not_reach_the_terminal(home):
    shown = deepdx("sql", "SELECT 'a' || chr(27) || '[31m' || chr(10) || 'b' AS \"x\x1b[0m\"", home=home).stdout
    assert "\x1b" not in shown
    assert r"a\x1b[31m\nb" in shown
    assert r"\\x1b" not in shown


def test_the_drawing_of_a_query_plan_keeps_its_lines(home):
    drawn = deepdx("sql", "EXPLAIN SELECT 1", home=home).stdout
    assert len(drawn.splitlines()) > 3
    assert "\\" not in drawn


def test_a_query_overwrites_a_file_only_on_request(home, tmp_path):
    (tmp_path / "there.csv").write_text("mine")
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "there.csv")
    for path, reason in (
        (tmp_path / "there.csv", "exists already"),
        (link, "exists already"),
        ("/dev/full", "not a regular file"),
        (tmp_path / "no" / "folder.csv", "there is no folder"),
        (tmp_path, "is a folder"),
    ):
        refused = deepdx("sql", "SELECT 1", "-f", "csv", "-o", str(path), home=home)
        assert refused.exit_code == 1
        assert reason in str(refused.exception)
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert deepdx("sql", "SELECT 1 AS one", "-o", str(link), "--force", home=home).exit_code == 0
    assert (tmp_path / "there.csv").read_text() == "one\n1\n"
    assert link.is_symlink()


@pytest.mark.slow
def test_readers_see_a_consistent_database_during_runs(tmp_path):
    home = Home(tmp_path / "home")
    environment = os.environ | {"DEEPDX_HOME": str(home.root)}
    home.inbox.mkdir(parents=True)
    banks = sorted((DEMO / "Mixed").iterdir())[:3]

    def run():
        command = [sys.executable, "-m", "deepdx_pipeline.cli", "run", "--without", "training", "--without", "audio"]
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    shutil.copy(banks[0], home.inbox)
    first = run()
    assert first.communicate()[0] and first.returncode == 0
    reads = 0
    for bank in banks[1:]:
        shutil.copy(bank, home.inbox)
        running = run()
        while running.poll() is None:
            stats = deepdx("stats", home=home)
            assert stats.exit_code == 0, stats.output
            with duckdb.connect(home.database, read_only=True) as plain:
                counts = plain.execute(
                    "SELECT (SELECT count(*) FROM unique_voices), (SELECT count(*) FROM verdicts), "
                    "(SELECT count(*) FROM verdicts SEMI JOIN unique_voices USING (sound_id))"
                ).fetchone()
            assert len(set(counts)) == 1
            reads += 1
        assert running.returncode == 0, running.stdout.read()
    assert reads > 10
