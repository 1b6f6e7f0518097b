"""What assets that are tables share."""

import inspect
from collections.abc import Callable

import dagster as dg

from deepdx_core.tables.schemas import describe
from deepdx_pipeline.results import Result

AssetFunction = Callable[[Callable[..., Result]], dg.AssetsDefinition]


def table_asset(group: str, name: str, *deps: str) -> AssetFunction:
    """An asset that writes the table of its name from those it depends on."""
    return dg.asset(name=name, group_name=group, deps=list(deps), description=description(name), kinds={"parquet"})


def description(table: str) -> str:
    """What a table is, without the indents of a docstring, which pages would show as code."""
    return inspect.cleandoc(describe(table))
