"""Benchmarks: speed compared with the usual alternative, as a ratio within one run. They are not tests."""
