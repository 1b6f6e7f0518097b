"""What each run changed: rows of tables compared, and the history of the runs."""
