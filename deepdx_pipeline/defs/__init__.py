"""Assets and their checks, a module for each stage: `sources`, `intake`, `dedup`, `sound`, `quality`, `labels`,
`dataset`, `generator`, `evaluation`, `database`. A stage is a group in the UI.

Bodies are thin: read tables, call one function of `deepdx_core`, write a table, report on it.
"""
