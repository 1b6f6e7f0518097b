"""Dagster definitions.

Assets and their checks, one module per group in the UI, in the order of the pipeline: `sources`, `intake`,
`conversions`, `dedup`, `sound`, `quality`, `labels`, `dataset`, `database`, `generator`, `evaluation`. The check that
every table has is in `schema_checks`. Beside them: `jobs`, `sensors`, `schedules`.

Assets are thin: read tables, call one function of `deepdx_core`, write a table, report metadata.
"""
