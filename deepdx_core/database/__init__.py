"""corpus.duckdb: its construction from all tables, its views, queries of a snapshot, explanations, the funnel."""
