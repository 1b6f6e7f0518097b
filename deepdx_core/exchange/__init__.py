"""Voices of any files: inspected, converted, read from tables and written to them."""
