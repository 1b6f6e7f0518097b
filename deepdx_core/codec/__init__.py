"""Bytes to voices and back. Bytes in, arrays out: no file system, no data frames, no torch."""
