"""Folders and files of a home: read, and damaged in several ways."""

import random

import polars as pl

DAMAGES = ("emptied", "truncated", "a flipped bit", "deleted", "a folder", "other columns")
"""Ways in which `damage_file` damages a file."""


def damage_file(path, how, seed=0):
    """Damage a file in one of the ways in `DAMAGES`. `seed` chooses the flipped bit."""
    content = path.read_bytes()
    if how == "emptied":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "a flipped bit":
        place = random.Random(seed).randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
    elif how == "deleted":
        path.unlink()
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "other columns":
        pl.DataFrame({"sound_id": ["a" * 20]}).write_parquet(path)


def file_contents(folder):
    """Return the content of every file below a folder, by its path relative to the folder."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
