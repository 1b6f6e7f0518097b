"""corpus.duckdb: views over the tables with a comment on each table and column, and safe questions to it.

The tables are the truth; the database holds no rows and can be rebuilt at any time.
"""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import duckdb
import polars as pl

from deepdx_core.errors import DeepDXError
from deepdx_core.files import written_whole
from deepdx_core.tables.schemas import TABLES, describe, describe_columns
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES

# Older clients open a file of this version; DuckDB 2 itself would write one that only it can read.
_STORAGE_VERSION = "v1.2.0"

_VOICE_PARAMETERS = f"""
    SELECT sound_id, {", ".join(PARAMETER_NAMES)} FROM unique_voices SEMI JOIN (FROM verdicts WHERE verdict = 'valid')
    USING (sound_id)
"""
_VOICE_SOURCES = """
    SELECT sound_id, name, path, member, "offset", slot
    FROM decoded_voices JOIN (FROM raw_files SELECT path, member, sha256) USING (sha256)
    WHERE sound_id IS NOT NULL
"""
_VOICES = """
    SELECT
        sound_id, name, names, slots, files, verdict, verdicts.decided_by, why,
        list_transform(findings, lambda f: f.rule) AS found,
        repair, repaired_id, functional_id, family_id, best_name, family_size, family_representative,
        category, label, confidence, split, algorithm + 1 AS algorithm
    FROM unique_voices JOIN verdicts USING (sound_id) LEFT JOIN families USING (sound_id)
    LEFT JOIN labeled_voices USING (sound_id) LEFT JOIN (FROM training_splits WHERE in_corpus) USING (sound_id)
"""
_SLOT_VERDICTS = """
    SELECT sha256, "offset", slot, name, sound_id, coalesce(verdict, 'corrupt') AS verdict
    FROM decoded_voices LEFT JOIN verdicts USING (sound_id)
"""
_FINDINGS = """
    SELECT sound_id, NULL AS sha256, NULL AS "offset", NULL AS slot, unnest(findings, recursive := true) FROM verdicts
    UNION ALL BY NAME
    SELECT sha256, "offset", slot, 'corrupt' AS severity, unnest(findings, recursive := true)
    FROM decoded_voices WHERE sound_id IS NULL
"""


def _ladder_sql() -> str:
    return (files(__package__) / "ladder.sql").read_text()


_LABEL_DISAGREEMENTS = """
    SELECT sound_id, name, by_names, by_model, category, confidence, evidence
    FROM labeled_voices JOIN (FROM unique_voices SELECT sound_id, name) USING (sound_id)
    WHERE by_names <> by_model
"""


_LEAST_REAL = """
    SELECT sound_id, name, realness, learnt, label, files, family_size, found
    FROM realness JOIN voices USING (sound_id, label) ORDER BY realness, sound_id
"""

_VIEWS: dict[str, tuple[str, str, Callable[[], str]]] = {
    "voices": (
        "training_splits",
        "A sound with its names, verdict, family, label and split: what one asks about most.",
        lambda: _VOICES,
    ),
    "label_disagreements": (
        "labeled_voices",
        "Sounds whose names say one thing and whose parameters another: worth a listen.",
        lambda: _LABEL_DISAGREEMENTS,
    ),
    "least_real": (
        "realness",
        "Valid sounds, those first that the critic takes most for a model's: odd ones, and some that rules missed.",
        lambda: _LEAST_REAL,
    ),
    "voice_parameters": (
        "verdicts",
        "The 145 parameters, in VCED order, of each valid unique sound.",
        lambda: _VOICE_PARAMETERS,
    ),
    "voice_sources": (
        "decoded_voices",
        "Every place where a sound was found: path in the inbox, member of an archive, dump and slot.",
        lambda: _VOICE_SOURCES,
    ),
    "slot_verdicts": (
        "verdicts",
        "The verdict on every slot of every dump: that of its sound, and corrupt where it could not be read.",
        lambda: _SLOT_VERDICTS,
    ),
    "findings": (
        "verdicts",
        "Every finding: in a sound, or in a slot that could not be read; rule, severity, parameter and value.",
        lambda: _FINDINGS,
    ),
    "ladder": (
        "training_splits",
        "From files to families and labels: how many went on at each step, from each source, and what of others.",
        _ladder_sql,
    ),
}
"""Views beyond the tables: the last table each needs, what it is, its query."""


class DatabaseError(DeepDXError):
    """The database is not there, or a query cannot be answered; the message says why."""


def build_database(path: Path, tables: Tables) -> list[str]:
    """Write the database whole, with a view for every table that exists. Returns the names of the views."""
    present = [table for table in TABLES if tables.exists(table)]
    views = [view for view, (needs, _, _) in _VIEWS.items() if needs in present]
    with written_whole(path) as temporary, duckdb.connect() as connection:
        connection.execute(f"ATTACH {_quoted(str(temporary))} AS corpus (STORAGE_VERSION '{_STORAGE_VERSION}')")
        connection.execute("USE corpus")
        for table in present:
            source = _quoted(str(tables.path(table).resolve()))
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({source})")
            connection.execute(f"COMMENT ON VIEW {table} IS {_quoted(describe(table))}")
            for column, text in describe_columns(table).items():
                connection.execute(f'COMMENT ON COLUMN {table}."{column}" IS {_quoted(text)}')
        for view in views:
            _, text, query = _VIEWS[view]
            connection.execute(f"CREATE VIEW {view} AS {query()}")
            connection.execute(f"COMMENT ON VIEW {view} IS {_quoted(text)}")
        connection.execute("USE memory")
        connection.execute("DETACH corpus")
    return present + views


def query(path: Path, tables: Tables, sql: str) -> pl.DataFrame:
    """Answer one query. It may read the corpus and nothing else, and may change nothing.

    Raises DatabaseError if there is no database, for anything but a query, and for what DuckDB refuses.
    """
    if not path.is_file():
        raise DatabaseError(f"no corpus yet ({path}): run `deepdx run` first")
    try:
        with duckdb.connect(path, read_only=True) as connection:
            connection.execute(f"SET allowed_directories = [{_quoted(str(tables.folder.resolve()))}]")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            statements = connection.extract_statements(sql)
            kinds = {statement.type for statement in statements}
            # COPY could write to the folder that views must be able to read.
            if len(statements) != 1 or not kinds <= {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}:
                raise DatabaseError("one SELECT at a time: the corpus is there to be read")
            return pl.DataFrame(connection.sql(sql).to_arrow_table())
    except duckdb.Error as error:
        raise DatabaseError(str(error)) from error


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
