"""Table assets: how one is declared, and the metadata that each materialization of one has."""

import inspect
from collections.abc import Callable
from typing import Any

import dagster as dg
import polars as pl

from deepdx_core.tables.schemas import STATE_TABLES, TABLES, describe, describe_columns
from deepdx_pipeline.lineage import column_lineage
from deepdx_pipeline.resources import HomeResource

Result = dg.MaterializeResult[Any]
AssetFunction = Callable[[Callable[..., Result]], dg.AssetsDefinition]

OWNERS = ["team:deepdx"]
_STORAGE_TAG = "deepdx/storage"


def storage_tags(table: str) -> dict[str, str]:
    """Tag a table as state, which is kept for good, or as a cache, which any run can recompute."""
    return {_STORAGE_TAG: "state" if table in STATE_TABLES else "cache"}


def table_asset(name: str, *, group: str, deps: list[str], code_version: str) -> AssetFunction:
    """Declare the asset that writes the table `name` from the tables and sources in `deps`."""
    return dg.asset(
        name=name,
        group_name=group,
        deps=deps,
        code_version=code_version,
        description=description(name),
        kinds={"parquet", "polars"},
        owners=OWNERS,
        tags=storage_tags(name),
    )


def description(table: str) -> str:
    """Return the description of a table, dedented: pages would show indented lines as code."""
    return inspect.cleandoc(describe(table))


def column_schema(table: str) -> dg.TableSchema:
    """Return the columns of a table with types and descriptions."""
    types = TABLES[table].create_empty().schema
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, str(types[name]), description=about) for name, about in describe_columns(table).items()
        ]
    )


def materialized(home: HomeResource, table: str, rows: pl.DataFrame, version: str, **metadata: Any) -> Result:
    """Return the result of a table asset.

    version: the data version, a digest of the content. metadata: whatever is particular to the table; row count,
    columns, column lineage and path are added.
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
            **metadata,
        },
    )


def markdown_table(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return rows as a Markdown table. Names come from other people's files, so markup in them is escaped."""
    lines = [_line(rows.columns), "|---" * rows.width + "|"]
    lines += [_line(row) for row in rows.iter_rows()]
    return dg.MetadataValue.md("\n".join(lines))


def _line(cells: Any) -> str:
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


# Every character that Markdown or HTML would act on, as an entity.
_ENTITIES = {ord(mark): f"&#{ord(mark)};" for mark in "&<>\"'\\`*_[]|~#!"}


def _escape(cell: Any) -> str:
    text = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return text.translate(_ENTITIES)
