"""The scale of ratings. Nothing heavy is imported here: options of commands are made from it."""

from enum import StrEnum


class Rating(StrEnum):
    """Rating of a sound, from the lowest."""

    SKIP = "skip"
    FINE = "fine"
    KEEP = "keep"
    STAR = "star"


RATINGS = tuple(Rating)
"""All ratings, in ascending order."""
