"""Studies of accuracy: how often labels, verdicts, the reader and generators are right. Run by hand, on public data."""
