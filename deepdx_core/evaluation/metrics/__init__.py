"""The metrics of the evaluation, one per file."""
