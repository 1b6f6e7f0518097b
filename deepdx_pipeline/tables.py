"""Table assets: how one is declared, when it does nothing, and the metadata of its materializations."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from deepdx_core.changes.comparison import count_moves, find_moves
from deepdx_core.home import Home
from deepdx_core.tables.schemas import STATE_TABLES, TABLES, column_types, describe, describe_columns
from deepdx_core.tables.stamps import Stamps
from deepdx_core.tables.storage import Tables
from deepdx_pipeline.inputs import ASSET_STEPS, CHECK_STEPS, Files, Step, no_files
from deepdx_pipeline.lineage import column_lineage
from deepdx_pipeline.resources import HomeResource

Result = dg.MaterializeResult[Any]
Compute = Callable[..., Result]
AssetFunction = Callable[[Compute], dg.AssetsDefinition]

OWNERS = ["team:deepdx"]
STATE, CACHE = {"deepdx/storage": "state"}, {"deepdx/storage": "cache"}
"""Tags of assets: state cannot be recomputed, a cache can."""
DATA_VERSION_TAG = "dagster/data_version"
UNCHANGED = "unchanged"
"""Metadata of a materialization that did nothing, because inputs and outputs are those of the one before."""

_MOVES_SHOWN = 40
_MOVES = ("moved", "sounds_that_moved")
"""Metadata of tables in which sounds moved."""
_NOTHING_CHANGED = {"rows_added": 0, "rows_gone": 0, "rows_changed": 0, UNCHANGED: True}


def table_attributes(table: str) -> dict[str, Any]:
    """Return the arguments that `dg.asset` and `dg.AssetSpec` take for any table."""
    return {
        "description": inspect.cleandoc(describe(table)),  # indented lines would be shown as code
        "kinds": {"parquet", "polars"},
        "owners": OWNERS,
        "tags": STATE if table in STATE_TABLES else CACHE,
        "metadata": {"dagster/column_schema": column_schema(table), "dagster/table_name": f"corpus.main.{table}"},
    }


def table_asset(name: str, *, group: str, deps: list[str], code_version: str, reads: Files = no_files) -> AssetFunction:
    """Declare the asset that writes the table `name` from the tables and sources in `deps`.

    reads: other files of the home that it reads. While all of these are unchanged, it does nothing.
    """
    declare: AssetFunction = dg.asset(
        name=name, group_name=group, deps=deps, code_version=code_version, **table_attributes(name)
    )

    def outputs(home: Home) -> Iterable[Path]:
        return [Tables(home).path(name)]

    only_new = unless_unchanged(name, deps=deps, code_version=code_version, outputs=outputs, reads=reads)
    return lambda compute: declare(only_new(compute))


def unless_unchanged(
    name: str, *, deps: Sequence[str], code_version: str, outputs: Files, reads: Files = no_files
) -> Callable[[Compute], Compute]:
    """Make the function of an asset return its last result if nothing that it depends on has changed.

    deps, code_version, reads: as for `table_asset`; its config counts too. outputs: the files that it wrote. One that
    is gone or damaged is a reason to do the work.
    """

    def decorate(compute: Compute) -> Compute:
        config_class = inspect.signature(compute).parameters.get("config")
        step = Step(name, deps, code_version, reads, config_class.annotation if config_class else None)
        ASSET_STEPS[name] = step

        @wraps(compute)  # Dagster and its code references look at the function inside
        def compute_unless_unchanged(*arguments: Any, **resources: Any) -> Result:
            home: HomeResource = resources["home"]
            config = resources["config"].model_dump() if "config" in resources else {}
            before, stamps = step.inputs(home.paths, config), Stamps(home.paths)
            if step.is_done(home.paths, before) and (unchanged := _unchanged_result(home, name)):
                return unchanged
            result = compute(*arguments, **resources)
            if step.inputs(home.paths, config) == before:  # the user may have changed a file meanwhile
                stamps.record(name, before, outputs(home.paths))
            return result

        return compute_unless_unchanged

    return decorate


def passed_unless_changed(
    asset: str, check: str, *, deps: Sequence[str], code_version: str
) -> Callable[[Callable[..., dg.AssetCheckResult]], Callable[..., dg.AssetCheckResult]]:
    """Make the function of a check that passed pass again while nothing that it depends on has changed.

    deps: the tables and assets that it reads in addition to `asset`.
    """
    step = Step(f"check {asset} {check}", [asset, *deps], code_version)
    CHECK_STEPS.setdefault(asset, []).append(step)

    def decorate(evaluate: Callable[..., dg.AssetCheckResult]) -> Callable[..., dg.AssetCheckResult]:
        @wraps(evaluate)
        def evaluate_if_changed(home: HomeResource) -> dg.AssetCheckResult:
            inputs, stamps = step.inputs(home.paths), Stamps(home.paths)
            if stamps.is_current(step.name, inputs):
                return dg.AssetCheckResult(passed=True, metadata={UNCHANGED: True})
            result = evaluate(home=home)
            if result.passed:
                stamps.record(step.name, inputs)
            return result

        return evaluate_if_changed

    return decorate


def unchanged_table(home: HomeResource, table: str) -> Result:
    """Return the result of an asset that left its intact table as it is, with the metadata of when it was written.

    Without them if the history of runs does not have that.
    """
    version, last = home.tables.version(table), _last_materialization(table)
    path = dg.MetadataValue.path(home.tables.path(table))
    if last is None or last[0] != version or last[1].get("path") != path:
        return table_result(home, table, home.tables.count(table), version, **_NOTHING_CHANGED)
    return Result(asset_key=table, data_version=dg.DataVersion(version), metadata=last[1] | _NOTHING_CHANGED)


def _unchanged_result(home: HomeResource, asset: str) -> Result | None:
    """Return the result of an asset that does nothing, None if the history of runs does not have one to repeat."""
    if asset in TABLES:
        return unchanged_table(home, asset)
    if (last := _last_materialization(asset)) is None:
        return None
    return Result(asset_key=asset, data_version=dg.DataVersion(last[0]), metadata=last[1] | {UNCHANGED: True})


def _last_materialization(asset: str) -> tuple[str, dict[str, Any]] | None:
    """Return data version and metadata of the last materialization, without those about sounds that moved."""
    event = dg.AssetExecutionContext.get().instance.get_latest_materialization_event(dg.AssetKey(asset))
    last = event.asset_materialization if event else None
    if last is None or last.tags is None or DATA_VERSION_TAG not in last.tags:
        return None
    metadata = {name: value for name, value in last.metadata.items() if name not in _MOVES}
    return last.tags[DATA_VERSION_TAG], metadata


def plot_files(home: Home, asset: str) -> list[Path]:
    """Return the plots of an asset."""
    return sorted((home.plots / asset).glob("*.png"))


def column_schema(table: str) -> dg.TableSchema:
    """Return the columns of a table with their types and descriptions."""
    types = column_types(table)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, str(types[name]), description=about) for name, about in describe_columns(table).items()
        ]
    )


def materialized(home: HomeResource, table: str, rows: pl.DataFrame, version: str, **metadata: Any) -> Result:
    """Return the result of an asset that wrote a table.

    version: the data version, a digest of the content.
    metadata: added to the row count, column lineage and path of the table.
    """
    return table_result(home, table, len(rows), version, **_changes(home, table, rows), **metadata)


def table_result(home: HomeResource, table: str, count: int, version: str, **metadata: Any) -> Result:
    """Return the result of an asset whose table has `count` rows; see `materialized`."""
    return Result(
        asset_key=table,
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": count,
            "dagster/column_lineage": column_lineage(table),
            "path": dg.MetadataValue.path(home.tables.path(table)),
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
