"""Dumps to rows: every voice slot with its parameters, sound id and findings."""
