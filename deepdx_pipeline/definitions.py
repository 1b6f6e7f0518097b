"""The code location. Dagster loads `defs`; the command and tests call `build_defs`."""

import dagster as dg

from deepdx_core.home import Home, find_home
from deepdx_core.settings import load_settings
from deepdx_pipeline import defs as definition_modules
from deepdx_pipeline.defs import alert_sensors, jobs, schedules, sensors
from deepdx_pipeline.executor import in_process_executor
from deepdx_pipeline.resources import HomeResource
from deepdx_pipeline.source_code import with_code_references


def build_defs(home: Home | None = None, logger: dg.LoggerDefinition | None = None) -> dg.Definitions:
    """Return the definitions for a home folder. Raises SettingsError if its `deepdx.toml` is not valid.

    home: by default the home folder that `find_home` finds.
    logger: receives the log of a run in place of the console.
    """
    home = home or find_home()
    settings = load_settings(home.settings)
    return dg.Definitions(
        assets=with_code_references(dg.load_assets_from_package_module(definition_modules)),
        asset_checks=dg.load_asset_checks_from_package_module(definition_modules),
        jobs=jobs.build_jobs(settings),
        sensors=[sensors.inbox_sensor(settings.ui), *alert_sensors.alert_sensors(settings.alerts, home)],
        schedules=[schedules.weekly_retraining(settings)],
        resources={"home": HomeResource(root=str(home.root))},
        executor=in_process_executor,
        loggers={"console": logger} if logger else None,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for the home folder of this process."""
    return build_defs()
