"""Dumps to rows: every voice slot with its parameters, its sound id and its findings."""
