"""What assets that are tables share."""

from collections.abc import Callable

import dagster as dg

from deepdx_core.tables.schemas import describe
from deepdx_pipeline.results import Result

AssetFunction = Callable[[Callable[..., Result]], dg.AssetsDefinition]


def table_asset(group: str, name: str, *deps: str) -> AssetFunction:
    """An asset that writes the table of its name from those it depends on."""
    return dg.asset(name=name, group_name=group, deps=list(deps), description=describe(name), kinds={"parquet"})
