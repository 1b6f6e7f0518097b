"""Deduplication: exact duplicates, repairs, functional equality, near-duplicate families, audio similarity."""
