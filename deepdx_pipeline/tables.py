"""Table assets: how one is declared, and the metadata of its materializations."""

import inspect
from collections.abc import Callable
from typing import Any

import dagster as dg
import polars as pl

from deepdx_core.changes.comparison import count_moves, find_moves
from deepdx_core.tables.schemas import STATE_TABLES, TABLES, describe, describe_columns
from deepdx_pipeline.lineage import column_lineage
from deepdx_pipeline.resources import HomeResource

Result = dg.MaterializeResult[Any]
AssetFunction = Callable[[Callable[..., Result]], dg.AssetsDefinition]

OWNERS = ["team:deepdx"]
STATE, CACHE = {"deepdx/storage": "state"}, {"deepdx/storage": "cache"}
"""Tags of assets: state cannot be recomputed, a cache can."""

_MOVES_SHOWN = 40


def table_attributes(table: str) -> dict[str, Any]:
    """Return the arguments that `dg.asset` and `dg.AssetSpec` take for any table."""
    return {
        "description": inspect.cleandoc(describe(table)),  # indented lines would be shown as code
        "kinds": {"parquet", "polars"},
        "owners": OWNERS,
        "tags": STATE if table in STATE_TABLES else CACHE,
    }


def table_asset(name: str, *, group: str, deps: list[str], code_version: str) -> AssetFunction:
    """Declare the asset that writes the table `name` from the tables and sources in `deps`."""
    declare: AssetFunction = dg.asset(
        name=name, group_name=group, deps=deps, code_version=code_version, **table_attributes(name)
    )
    return declare


def column_schema(table: str) -> dg.TableSchema:
    """Return the columns of a table with their types and descriptions."""
    types = TABLES[table].create_empty().schema
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, str(types[name]), description=about) for name, about in describe_columns(table).items()
        ]
    )


def materialized(home: HomeResource, table: str, rows: pl.DataFrame, version: str, **metadata: Any) -> Result:
    """Return the result of an asset that wrote a table.

    version: the data version, a digest of the content.
    metadata: added to the row count, column schema, column lineage, name and path of the table.
    """
    return Result(
        asset_key=table,
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(rows),
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(table),
            "dagster/table_name": f"corpus.main.{table}",
            "path": dg.MetadataValue.path(home.tables.path(table)),
            **_changes(home, table, rows),
            **metadata,
        },
    )


def _changes(home: HomeResource, table: str, rows: pl.DataFrame) -> dict[str, Any]:
    """Return what the run changed in a table: counts of rows, and the sounds whose verdict, label or split moved."""
    counts, changes = home.history.compare_table(table, rows.cast(TABLES[table].create_empty().schema))
    moves = find_moves(changes)
    metadata = {
        "rows_added": counts.added,
        "rows_gone": counts.gone,
        "rows_changed": counts.changed,
        "moved": markdown_table(count_moves(moves).head(_MOVES_SHOWN)) if len(moves) else None,
        "sounds_that_moved": markdown_table(moves.head(_MOVES_SHOWN)) if len(moves) else None,
    }
    return {name: value for name, value in metadata.items() if value is not None}


def markdown_table(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return rows as a Markdown table. Markup in them is escaped: names come from other people's files."""
    lines = [_line(rows.columns), "|---" * rows.width + "|"]
    lines += [_line(row) for row in rows.iter_rows()]
    return dg.MetadataValue.md("\n".join(lines))


def _line(cells: Any) -> str:
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


# HTML entities of the characters that Markdown or HTML interprets.
_ENTITIES = {ord(mark): f"&#{ord(mark)};" for mark in "&<>\"'\\`*_[]|~#!"}


def _escape(cell: Any) -> str:
    text = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return text.translate(_ENTITIES)
