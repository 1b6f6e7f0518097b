"""Changes by runs: the comparison of tables, and the history of the runs."""
