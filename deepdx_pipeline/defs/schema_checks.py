"""Schema checks: the rows of every table fit its schema."""

import dagster as dg

from deepdx_core.errors import DeepDXError
from deepdx_core.tables.schemas import TABLES
from deepdx_pipeline.resources import HomeResource


def _schema_check(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="fits_its_schema",
        asset=table,
        blocking=True,
        description="Every column has its type and range, keys are unique, and the rules of the table hold.",
    )
    def check(home: HomeResource) -> dg.AssetCheckResult:
        try:
            _, failures = TABLES[table].filter(home.tables.read(table))
        except DeepDXError as error:
            return dg.AssetCheckResult(passed=False, metadata={"reason": str(error)})
        counts = failures.counts()
        return dg.AssetCheckResult(passed=not counts, metadata={"rows_that_fail": dict(counts)})

    return check


schema_checks = [_schema_check(table) for table in TABLES]
