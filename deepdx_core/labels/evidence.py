"""What speaks for each category of each sound, by kind of evidence: names, the family's other names, folders."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import polars.selectors as cs

from deepdx_core.labels.names import categories_of_names
from deepdx_core.labels.taxonomy import Taxonomy

Shares = npt.NDArray[np.float64]
"""`float64[n, categories]`: how much of a sound's evidence speaks for each, by its reliability; in all 1 at most."""

_NOTE, _VELOCITY = 60, 100  # the longest clip, of middle C
_FOLDER_VOICES = 10  # named voices that count as much as the reliability that the taxonomy's file gives to folders


class Named(NamedTuple):
    """What the names of sounds say."""

    shares: Shares
    mentions: Shares
    """Of the votes of names that say something, how many mention each category, 0 to 1."""
    words: pl.DataFrame
    """For each sound, by `row`, and `category` (also by `number`) that names speak for: `votes` of `all_votes`, how far
    they are `trusted`, and the strongest `name` with the `word` in it."""


def of_names(sounds: pl.DataFrame, taxonomy: Taxonomy) -> Named:
    """What names say of sounds with `names` and `name_counts`: a name votes once for each file that gives it."""
    names = (
        sounds.select("names", "name_counts")
        .with_row_index("row")
        .explode("names", "name_counts", empty_as_null=False, keep_nulls=False)
    )
    said = categories_of_names(names["names"].unique(), taxonomy).drop_nulls("evidence")
    reliability = pl.when("hint").then(taxonomy.reliability["hints"]).otherwise(taxonomy.reliability["words"])
    votes = (
        names.join(said, left_on="names", right_on="name", maintain_order="left")
        .with_columns(votes=pl.col("name_counts").cast(pl.Int64))
        .with_columns(all_votes=pl.col("votes").sum().over("row"))
        .with_columns(share=pl.col("votes") / pl.col("all_votes"))
        .with_columns(trusted=pl.col("share") * reliability / 100)
    )
    shares = _by_category(votes, "category", "trusted", len(sounds), taxonomy)
    spoken = (
        votes.sort("row", "trusted", "names", descending=[False, True, False])
        .group_by("row", "category", maintain_order=True)
        .agg(
            pl.col("trusted", "votes").sum(),
            pl.col("all_votes").first(),
            name=pl.col("names").first(),
            word=pl.col("evidence").first(),
        )
        .with_columns(number=pl.col("category").replace_strict(taxonomy.number, return_dtype=pl.Int64))
    )
    mentions = _by_category(
        votes.explode("mentions").drop_nulls("mentions"), "mentions", "share", len(sounds), taxonomy
    )
    return Named(shares, mentions, spoken)


def of_family(shares: Shares, family_ids: pl.Series, taxonomy: Taxonomy) -> Shares:
    """What the names of the other sounds of a family say, from what names say of each sound."""
    families = family_ids.rank("dense").to_numpy().astype(np.int64) - 1
    speaks = (shares.sum(axis=1) > 0).astype(np.float64)
    totals = np.zeros((families.max(initial=-1) + 1, shares.shape[1]))
    np.add.at(totals, families, shares)
    others = np.bincount(families, speaks)[families] - speaks
    mean = (totals[families] - shares) / np.maximum(others, 1)[:, None]
    return np.asarray(mean.clip(0) * taxonomy.reliability["family"] / 100)


def of_folders(places: pl.DataFrame, shares: Shares, taxonomy: Taxonomy) -> Shares:
    """What the files say that a sound comes from, by their own and their folders' names.

    places: `row` and `place`, a path, for every file that a sound is in. The names' rules read the path, and how far it
    is trusted is told by the other voices in that file: how many of those that names speak of it names aright.
    """
    said = categories_of_names(places["place"].unique(), taxonomy).drop_nulls("evidence")
    hints = places.join(said.select("category", place="name"), on="place", maintain_order="left").sort("row", "place")
    rows = hints["row"].to_numpy()
    number = hints["category"].replace_strict(taxonomy.number, return_dtype=pl.Int64).to_numpy()
    others = pl.col("agrees", "speaks").sum().over("place") - pl.col("agrees", "speaks")
    at_first = _FOLDER_VOICES * taxonomy.reliability["folders"] / 100
    trusted = (pl.col("agrees") + at_first) / (pl.col("speaks") + _FOLDER_VOICES)
    hints = (
        hints.with_columns(agrees=pl.Series(shares[rows, number]), speaks=pl.Series(shares.sum(axis=1)[rows]))
        .with_columns(others)
        .with_columns(trusted=trusted / pl.len().over("row"))
    )
    return _by_category(hints, "category", "trusted", len(shares), taxonomy)


def paths(raw_files: pl.DataFrame, voices: pl.DataFrame) -> pl.DataFrame:
    """The path of each file that a sound is in, `sound_id` and `place`, for folder hints.

    raw_files: of that table `path`, `member`, `sha256`. voices: of `decoded_voices`, `sha256` and `sound_id`.
    """
    where = raw_files.drop_nulls("sha256").select(
        "sha256", place=pl.concat_str("path", "member", separator="/", ignore_nulls=True)
    )
    return voices.drop_nulls("sound_id").unique().join(where, on="sha256").select("sound_id", "place").unique()


def audio_columns(audio: pl.DataFrame) -> pl.DataFrame:
    """What the model hears of each sound in the table `audio_features`: all that its main clip measures."""
    return audio.filter(pl.col("note") == _NOTE, pl.col("velocity") == _VELOCITY).select(
        "sound_id", cs.float() - cs.by_name("held_seconds", "after_seconds")
    )


def _by_category(rows: pl.DataFrame, category: str, value: str, count: int, taxonomy: Taxonomy) -> Shares:
    """Sums of a column by `row` and category, `float64[count, categories]`."""
    place = rows[category].replace_strict(taxonomy.number, return_dtype=pl.Int64)
    table = np.zeros((count, len(taxonomy.learnable)))
    np.add.at(table, (rows["row"].to_numpy(), place.to_numpy()), rows[value].to_numpy())
    return table
