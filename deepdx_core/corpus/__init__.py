"""The corpus as a database that people query: DuckDB views over the tables, and the ladder from files to sounds."""
