"""All definitions put together. `defs` is what Dagster loads; `build_defs` makes them for the command and for tests."""

import dagster as dg

from deepdx_core.home import Home, find_home
from deepdx_core.progress import Report
from deepdx_pipeline import automation
from deepdx_pipeline.assets import corpus, curation, generator, labels, sources
from deepdx_pipeline.checks import all_checks
from deepdx_pipeline.resources import workplace


def build_defs(
    home: Home | None = None, report: Report | None = None, logger: dg.LoggerDefinition | None = None
) -> dg.Definitions:
    """The definitions on a home folder, by default the one that `find_home` finds.

    report: where progress is shown in place of the run's log. logger: takes the run's log in place of the console.
    """
    return dg.Definitions(
        assets=dg.load_assets_from_modules([sources, corpus, curation, labels, generator], include_specs=True),
        asset_checks=all_checks(),
        jobs=[automation.everything, automation.corpus, automation.evaluation],
        sensors=[automation.inbox_sensor],
        schedules=[automation.weekly_retraining],
        resources={"workplace": workplace(home or find_home(), report)},
        # A process a step would cost seconds each; the steps are short, and polars and torch use all cores anyway.
        executor=dg.in_process_executor,
        loggers={"console": logger} if logger else None,
    )


defs = build_defs()
