"""Build corpus.duckdb: the rows of all tables, and views and macros over them, in one self-contained file.

The file contains the tables as they were when it was built. It is a cache that each run rebuilds.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from deepdx_core.database.macros import MACROS
from deepdx_core.database.views import SLOTS, VIEWS
from deepdx_core.files import written_whole
from deepdx_core.tables.schemas import TABLES, describe, describe_columns
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parameters import PARAMETER_NAMES

# DuckDB 1.2 and later can open files of this version. By default, DuckDB 2 writes files that only DuckDB 2 can read.
_STORAGE_VERSION = "v1.2.0"

_STORED = {table: SLOTS if table == "decoded_voices" else table for table in TABLES}
"""The name of each table in the database."""
RELATIONS = [*_STORED.values(), *VIEWS]
"""The names of all tables and views in the database."""
_OMITTED: dict[str, Sequence[str]] = {
    "dumps": ["payload"],
    "synth_messages": ["payload"],
    "decoded_voices": PARAMETER_NAMES,
}
"""Columns that are not stored: raw bytes, and parameters that a view takes from `unique_voices`."""


def build_database(path: Path, tables: Tables) -> list[str]:
    """Write the database with every table, view and macro. Return the names of tables and views.

    A table that was never written, or is a damaged cache, is empty.
    """
    with written_whole(path, set_aside=True) as temporary, duckdb.connect() as connection:
        connection.execute(f"ATTACH {_quoted(str(temporary))} AS corpus (STORAGE_VERSION '{_STORAGE_VERSION}')")
        connection.execute("USE corpus")
        connection.execute("BEGIN")  # otherwise each of a thousand comments would write the catalog
        for table in TABLES:
            rows = tables.read_or_empty(table).drop(_OMITTED.get(table, []))
            name, descriptions = _STORED[table], describe_columns(table)
            connection.register("rows", rows.to_arrow())
            connection.execute(f"CREATE TABLE {name} AS FROM rows")
            connection.unregister("rows")
            connection.execute(f"COMMENT ON TABLE {name} IS {_quoted(describe(table))}")
            for column in rows.columns:
                connection.execute(f'COMMENT ON COLUMN {name}."{column}" IS {_quoted(descriptions[column])}')
        for name, view in VIEWS.items():
            connection.execute(f"CREATE VIEW {name} AS {view.sql}")
            connection.execute(f"COMMENT ON VIEW {name} IS {_quoted(view.description)}")
            for column in connection.sql(f"FROM {name} LIMIT 0").columns:
                connection.execute(f'COMMENT ON COLUMN {name}."{column}" IS {_quoted(view.describe(column))}')
        for name, macro in MACROS.items():
            kind = "TABLE " if macro.returns_table else ""
            connection.execute(f"CREATE MACRO {name}({', '.join(macro.parameters)}) AS {kind}{macro.sql}")
            connection.execute(f"COMMENT ON MACRO {kind}{name} IS {_quoted(macro.description)}")
        connection.execute("COMMIT")
        connection.execute("USE memory")
        connection.execute("DETACH corpus")
    return RELATIONS


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
