"""Schema checks: the rows of every table fit its schema."""

from collections.abc import Mapping

import dagster as dg

from deepdx_core.errors import DeepDXError
from deepdx_core.tables.schemas import TABLES
from deepdx_core.tables.stamps import Stamps, digest, source_digest
from deepdx_pipeline.resources import HomeResource

_SCHEMA = ("deepdx_core.tables", "deepdx_core.voice")
"""The packages that define the schemas."""


def _schema_check(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        name="fits_its_schema",
        asset=table,
        blocking=True,
        description="Every column has its type and range, keys are unique, and the rules of the table hold.",
    )
    def check(home: HomeResource) -> dg.AssetCheckResult:
        step, stamps = f"check {table} fits_its_schema", Stamps(home.paths)
        counts: Mapping[str, int] = {}
        try:
            validated = home.tables.is_validated(table)
            # An intact file that this version of the schema accepted needs no second look at its rows.
            inputs = digest({"table": home.tables.version(table), "schema": [source_digest(code) for code in _SCHEMA]})
            if not validated and not stamps.is_current(step, inputs):
                _, failures = TABLES[table].filter(home.tables.read(table))
                counts = failures.counts()
        except DeepDXError as error:
            return dg.AssetCheckResult(passed=False, metadata={"reason": str(error)})
        if not counts:
            stamps.record(step, inputs)
        return dg.AssetCheckResult(passed=not counts, metadata={"rows_that_fail": dict(counts)})

    return check


schema_checks = [_schema_check(table) for table in TABLES]
