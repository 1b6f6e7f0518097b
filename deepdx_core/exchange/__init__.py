"""Voices in other forms of files: inspected, converted, read from tables and written to them."""
