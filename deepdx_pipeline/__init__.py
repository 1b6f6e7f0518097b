"""The pipeline: Dagster assets over `deepdx_core`, and the `deepdx` command.

- `assets`       the tables, the model and the banks; thin: read tables, call core, write, say what was done
- `checks`       asset checks, made from the tables' schemas and the funnel
- `automation`   jobs, the sensor on the inbox, the weekly schedule
- `definitions`  all of it put together
- `instance`     Dagster's storage in the home folder
- `cli`          the command
"""
