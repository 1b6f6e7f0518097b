"""corpus.duckdb: built from all tables, read as one snapshot, and the funnel from files to families."""
