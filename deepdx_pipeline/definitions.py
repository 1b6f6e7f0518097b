"""All definitions. Dagster loads `defs`; the command and tests call `build_defs`."""

import dagster as dg

from deepdx_core.home import Home, find_home
from deepdx_pipeline import automation
from deepdx_pipeline import defs as stages
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.source_code import with_code_references


def build_defs(home: Home | None = None, logger: dg.LoggerDefinition | None = None) -> dg.Definitions:
    """Return the definitions for a home folder, by default the one that `find_home` finds.

    logger: takes the log of a run in place of the console.
    """
    return dg.Definitions(
        assets=with_code_references(dg.load_assets_from_package_module(stages, include_specs=True)),
        asset_checks=dg.load_asset_checks_from_package_module(stages),
        jobs=[automation.everything, automation.corpus, automation.evaluation],
        sensors=[automation.inbox_sensor],
        schedules=[automation.weekly_retraining],
        resources={"home": HomeResource(root=str((home or find_home()).root))},
        # A process for each step would cost seconds. Steps are short, and polars and torch use all cores anyway.
        executor=dg.in_process_executor,
        loggers={"console": logger} if logger else None,
    )


defs = build_defs()
