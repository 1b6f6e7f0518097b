"""Tables on disk and the database over them."""

import duckdb
import polars as pl
import pytest
from dataframely.exc import SchemaError, ValidationError

from deepdx_core.conversions.corpus import convert_messages, list_performances, list_supplements
from deepdx_core.database.build import build_database
from deepdx_core.database.funnel import funnel, funnel_by_source, gaps
from deepdx_core.database.snapshot import DatabaseError, Snapshot, query
from deepdx_core.dataset.splits import assign_splits
from deepdx_core.dataset.training_set import build_training_set
from deepdx_core.decoding.dumps import decode_dumps
from deepdx_core.dedup.exact import unique_sounds
from deepdx_core.dedup.families import find_families
from deepdx_core.exchange.conversion import collect_voices, make_writable
from deepdx_core.files import written_whole
from deepdx_core.home import Home
from deepdx_core.intake.survey import survey
from deepdx_core.judges.store import package_judge
from deepdx_core.labels.combination import combine_evidence
from deepdx_core.labels.evidence import source_paths
from deepdx_core.labels.sounds import label_sounds
from deepdx_core.labels.taxonomy import load_taxonomy
from deepdx_core.overrides import read_overrides
from deepdx_core.quality.measures import measure_sounds
from deepdx_core.quality.rules import load_rules
from deepdx_core.quality.verdicts import decide_verdicts
from deepdx_core.similarity.sound_map import place_sounds
from deepdx_core.sound.audio_features import summarize_by_sound
from deepdx_core.state.store import open_state
from deepdx_core.tables.curation import VERDICTS
from deepdx_core.tables.generator import GENERATOR_TABLES
from deepdx_core.tables.schemas import TABLES, describe, describe_columns
from deepdx_core.tables.storage import MissingTableError, Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES
from tests.support.cli import run_deepdx
from tests.support.paths import DEMO

CORPUS_TABLES = [table for table in TABLES if table not in GENERATOR_TABLES]  # no model is trained here


def write_corpus(folder):
    open_state(Home(folder), print)
    tables = Tables(Home(folder))
    found = survey(DEMO)
    voices = decode_dumps(found.dumps)
    rules = load_rules()
    converted = convert_messages(found.messages)
    sounds = unique_sounds(voices, rules.repair, converted)
    families = find_families(sounds.filter("in_range"))
    audio = tables.read_or_empty("audio_features")
    sizes = families.select("sound_id", "family_id", "family_size")
    measured = measure_sounds(
        sounds, voices, sizes, summarize_by_sound(audio), package_judge("corruption"), rules.repair
    )
    verdicts = decide_verdicts(measured, rules.rules, read_overrides(folder / "verdicts.csv", "verdict", VERDICTS))
    valid = verdicts.filter(pl.col("verdict") == "valid")
    places = source_paths(found.raw_files, voices)
    valid_sounds = sounds.join(valid, on="sound_id", how="semi")
    labels = label_sounds(
        combine_evidence(valid_sounds, families, load_taxonomy(), package_judge("labels"), places=places)
    )
    split = labels.join(sounds.filter(~pl.col("converted")), on="sound_id", how="semi")
    splits = assign_splits(split.join(families, on="sound_id"), tables.read_or_empty("training_splits"))
    for table, rows in (
        ("raw_files", found.raw_files),
        ("dumps", found.dumps),
        ("synth_messages", found.messages),
        ("decoded_voices", voices),
        ("converted_voices", converted),
        ("supplements", list_supplements(found.messages, voices)),
        ("performances", list_performances(found.messages)),
        ("unique_voices", sounds),
        ("audio_features", audio),
        ("families", families),
        ("verdicts", verdicts),
        ("labeled_voices", labels),
        ("sound_map", place_sounds(audio)),
        ("training_splits", splits),
        ("training_set", build_training_set(splits, labels, families, sounds, voices)),
    ):
        tables.write(table, rows)
    return tables


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    tables = write_corpus(folder)
    database = folder / "corpus.duckdb"
    build_database(database, tables)
    return database, tables


def test_the_same_input_gives_the_same_bytes(corpus, tmp_path):
    again = write_corpus(tmp_path)
    for table in CORPUS_TABLES:
        assert again.path(table).read_bytes() == corpus[1].path(table).read_bytes(), table


@pytest.mark.parametrize("table", CORPUS_TABLES)
def test_every_table_and_column_has_a_description(corpus, table):
    assert describe(table).endswith(".")
    assert all(describe_columns(table).values())
    comments = dict(
        query(corpus[0], f"SELECT column_name, comment FROM duckdb_columns() WHERE table_name = '{table}'").rows()
    )
    assert comments == {name: text for name, text in describe_columns(table).items() if name != "payload"}


def test_a_table_is_written_whole_or_not_at_all(tmp_path):
    open_state(Home(tmp_path), print)
    tables = Tables(Home(tmp_path))
    one = pl.DataFrame({"sound_id": ["a" * 20], "family_id": ["a" * 20], "label": ["Pads"]})
    tables.write("training_splits", assign_splits(one, tables.read_or_empty("training_splits")))
    before = tables.path("training_splits").read_bytes()
    for wrong, error in (
        (tables.read("training_splits").with_columns(split=pl.lit("exam")), ValidationError),
        (pl.DataFrame({"sound_id": ["b" * 20]}), SchemaError),
    ):
        with pytest.raises(error):
            tables.write("training_splits", wrong)
    with pytest.raises(RuntimeError, match="power cut"), written_whole(tables.path("training_splits")) as temporary:
        temporary.write_bytes(b"half a ta")
        raise RuntimeError("power cut")
    assert tables.path("training_splits").read_bytes() == before
    assert {p.name for p in (tmp_path / "state").iterdir()} == {"training_splits.parquet", "manifest.json"}


def test_the_error_for_a_missing_table_gives_the_solution(tmp_path):
    with pytest.raises(MissingTableError, match=r"no table training_splits yet .* run `deepdx run`"):
        Tables(Home(tmp_path)).read("training_splits")


def test_the_view_voice_parameters_has_the_145_parameters_in_vced_order(corpus):
    result = query(corpus[0], "SELECT * FROM voice_parameters")
    assert result.columns == ["sound_id", "name", *PARAMETER_NAMES]
    valid = corpus[1].read("verdicts").filter(pl.col("verdict") == "valid")
    assert len(result) == len(valid) > 1500


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_an_export_of_voice_parameters_is_a_table_of_voices(corpus, monkeypatch, capsys, tmp_path, format):
    monkeypatch.setenv("DEEPDX_HOME", str(corpus[0].parent))
    path = tmp_path / f"voices.{format}"
    assert run_deepdx(capsys, "sql", "FROM voice_parameters ORDER BY sound_id", "-o", path)[0] == 0
    voices = make_writable(collect_voices([path]).voices).voices
    written = query(corpus[0], "SELECT sound_id, name FROM voice_parameters ORDER BY sound_id")
    assert voices.select("sound_id", "name").equals(written)


def test_the_view_voice_sources_locates_a_sound(corpus):
    result = query(
        corpus[0],
        'SELECT name, path, member, "offset", slot FROM voice_sources WHERE member IS NOT NULL ORDER BY ALL LIMIT 1',
    )
    ((name, path, member, offset, slot),) = result.rows()
    assert (DEMO / path).is_file()
    assert member.endswith(".syx")
    assert 1 <= slot <= 32
    assert offset == 0
    assert name


def test_the_funnel_adds_up(corpus):
    with Snapshot(corpus[0]) as snapshot:
        rows, sources = funnel(snapshot), funnel_by_source(snapshot)
        assert gaps(rows, snapshot) == []
        # A lost row is detected.
        assert gaps(rows.filter(pl.col("outcome") != "Pads"), snapshot) != []
    counts = {(step, outcome): n for step, outcome, n in rows.rows()}
    assert counts["voices", "corrupt: byte-over-127"] == 3
    assert counts["verdicts", "empty: all-zero"] == 1
    assert counts["families", "family"] > 500
    assert counts["files", "no voices"] >= 8
    # The counts by source add up to the same numbers.
    assert sources["families"].sum() == counts["families", "family"]
    assert sources["sounds"].sum() == counts["sounds", "unique"]
    assert sources["valid"].sum() == counts["verdicts", "valid"]
    assert len(sources) > 5


def test_the_views_on_verdicts_agree_with_the_tables(corpus):
    slots = query(corpus[0], "SELECT verdict, count(*) AS n FROM slot_verdicts GROUP BY ALL")
    assert slots["n"].sum() == len(corpus[1].read("decoded_voices"))
    findings = query(corpus[0], "SELECT rule, severity, parameter, value, slot FROM findings")
    in_tables = corpus[1].read("verdicts")["findings"].list.len().sum()
    assert findings.filter(pl.col("slot").is_null()).height == in_tables
    assert set(findings.drop_nulls("slot")["rule"]) == {"byte-over-127"}
    voices = query(corpus[0], "SELECT sound_id, verdict, label, split FROM voices")
    assert len(voices) == len(corpus[1].read("unique_voices"))
    assert (voices["label"].is_not_null() == (voices["verdict"] == "valid")).all()


def test_plain_duckdb_reads_the_database(corpus):
    with duckdb.connect(corpus[0], read_only=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM labeled_voices WHERE label = 'Bass'").fetchone()
    assert count > 90


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO 'stolen.csv'",
        "DROP VIEW raw_files",
        "ATTACH 'other.db'",
        "SET enable_external_access = true",
        "SELECT 1; SELECT 2",
        "",
        "SELEC 1",
        "SELECT * FROM no_such_table",
    ],
)
def test_a_query_may_only_read_the_corpus(corpus, sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatabaseError):
        query(corpus[0], sql)
    assert list(tmp_path.iterdir()) == []


def test_the_error_for_a_missing_database_gives_the_solution(tmp_path):
    with pytest.raises(DatabaseError, match="run `deepdx run` first"):
        query(tmp_path / "corpus.duckdb", "SELECT 1")
