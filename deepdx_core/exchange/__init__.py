"""Voices from and to files of other forms: inspected, converted, read from tables and written to them."""
