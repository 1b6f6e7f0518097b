"""Schema checks: the rows of every table fit its schema."""

import dagster as dg

from deepdx_core.errors import DeepDXError
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.stamps import source_digest
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.tables import passed_unless_changed

_CODE_VERSION = f"{source_digest('deepdx_core.tables')} {source_digest('deepdx_core.voice')}"


def _schema_check(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="fits_its_schema",
        asset=table,
        blocking=True,
        description="Every column has its type and range, keys are unique, and the rules of the table hold.",
    )
    @passed_unless_changed(table, "fits_its_schema", deps=[], code_version=_CODE_VERSION)
    def check(home: HomeResource) -> dg.AssetCheckResult:
        try:
            if home.tables.is_validated(table):
                return dg.AssetCheckResult(passed=True, metadata={"rows_that_fail": {}})
            _, failures = TABLES[table].filter(home.tables.read(table))
        except DeepDXError as error:
            return dg.AssetCheckResult(passed=False, metadata={"reason": str(error)})
        counts = failures.counts()
        return dg.AssetCheckResult(passed=not counts, metadata={"rows_that_fail": dict(counts)})

    return check


schema_checks = [_schema_check(table) for table in TABLES]
