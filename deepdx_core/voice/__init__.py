"""The DX7 voice as data: its parameters and its algorithms. No bytes, files or tables."""
