"""Bytes to voices and back. Functions take bytes and return arrays: no file system, no data frames, no torch."""
