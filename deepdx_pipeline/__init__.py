"""The pipeline: Dagster definitions over `deepdx_core`, and the `deepdx` command.

- `definitions`  the code location that Dagster loads
- `defs`         assets and their checks, one module per group; jobs, sensors, schedules
- `resources`    the home folder as a resource
- `tables`       how a table asset is declared, and the metadata of its materializations
- `lineage`      column lineage
- `plots`        figures as metadata
- `progress`     progress of assets, on the terminal or in the log of the run
- `source_code`  code references of assets
- `instance`     Dagster's storage in the home folder
- `daemon`       Dagster's daemon and code server, as a child process of `deepdx ui`
- `guard`        protection of the web app from the pages of other sites
- `cli`          the `deepdx` command
"""
