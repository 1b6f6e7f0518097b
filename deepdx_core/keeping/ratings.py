"""Ratings and notes of sounds, in a CSV file: sound_id, rating, note."""

from typing import Final, NamedTuple

import polars as pl

from deepdx_core.home import Home
from deepdx_core.keeping.scale import RATINGS, Rating
from deepdx_core.overrides import change_override, read_overrides

_ALLOWED = ("", *RATINGS)  # empty: only a note


class RatedSound(NamedTuple):
    """The rating and note of a sound."""

    rating: Rating | None = None
    note: str = ""


class _Unchanged:
    """The type of `UNCHANGED`."""


UNCHANGED: Final = _Unchanged()
"""Leaves a rating or note as it is."""


def read_ratings(home: Home) -> pl.DataFrame:
    """Return the ratings and notes of a home, sorted by sound: `sound_id`, `rating` (null with only a note), `note`.

    Raises OverridesError with file, line and reason if the file is not valid. Sounds need not be in the corpus.
    """
    rows = read_overrides(home.ratings, "rating", _ALLOWED, text="note").drop("place")
    return rows.with_columns(pl.col("rating").replace({"": None}).cast(pl.Enum(Rating)))


def rate(
    home: Home,
    sound_id: str,
    rating: Rating | str | _Unchanged | None = UNCHANGED,
    note: str | _Unchanged | None = UNCHANGED,
) -> RatedSound:
    """Set the rating or the note of a sound, or both; None removes one.

    Return both as they were before: given to this function, they undo the change. Raises OverridesError, and changes
    nothing, if the file is not valid, for a rating that does not exist, and for a note of over 10,000 characters.
    """

    def change(before: tuple[str, str] | None) -> tuple[str, str] | None:
        old_rating, old_note = before or ("", "")
        after = (
            old_rating if isinstance(rating, _Unchanged) else str(rating or ""),
            old_note if isinstance(note, _Unchanged) else note or "",
        )
        return after if any(after) else None

    before = change_override(home.ratings, "rating", _ALLOWED, sound_id, change, lock=home.overrides_lock, text="note")
    return RatedSound(Rating(before[0]) if before and before[0] else None, before[1] if before else "")
