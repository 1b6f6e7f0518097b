"""Evidence for the category of each sound, by kind: its names, names of its family, files and folders."""

from typing import NamedTuple

import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array
from deepdx_core.labels.names import categories_of_names
from deepdx_core.labels.taxonomy import Taxonomy

Shares = Float64Array
"""`float64[n, categories]`: share of a sound's evidence for each category, times its reliability; sums to 1 at most."""

_FOLDER_PRIOR_VOICES = 10  # named voices that the taxonomy's reliability of folders is worth


class NameEvidence(NamedTuple):
    """Evidence from the names of sounds."""

    shares: Shares
    mentions: Shares
    """Share of the votes with known words that mention each category, 0 to 1."""
    words: pl.DataFrame
    """Per sound (`row`) and `category` (its index is `number`): `votes` of `all_votes`, the share `trusted`, and the
    strongest `name` with the `word` in it."""


def from_names(sounds: pl.DataFrame, taxonomy: Taxonomy) -> NameEvidence:
    """Return the evidence in `names` and `name_counts` of sounds: a name has one vote per file that uses it."""
    names = (
        sounds.select("names", "name_counts")
        .with_row_index("row")
        .explode("names", "name_counts", empty_as_null=False, keep_nulls=False)
    )
    known = categories_of_names(names["names"].unique(), taxonomy).drop_nulls("evidence")
    reliability = pl.when("hint").then(taxonomy.reliability["hints"]).otherwise(taxonomy.reliability["words"])
    votes = (
        names.join(known, left_on="names", right_on="name", maintain_order="left")
        .with_columns(votes=pl.col("name_counts").cast(pl.Int64))
        .with_columns(all_votes=pl.col("votes").sum().over("row"))
        .with_columns(share=pl.col("votes") / pl.col("all_votes"))
        .with_columns(trusted=pl.col("share") * reliability / 100)
    )
    shares = _sum_by_category(votes, "category", "trusted", len(sounds), taxonomy)
    words = (
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
    mentions = _sum_by_category(
        votes.explode("mentions").drop_nulls("mentions"), "mentions", "share", len(sounds), taxonomy
    )
    return NameEvidence(shares, mentions, words)


def from_family(shares: Shares, family_ids: pl.Series, converted: pl.Series, taxonomy: Taxonomy) -> Shares:
    """Return the mean evidence from the names of the other sounds in each family; those of converted ones do not count.

    shares: from each sound's own names. family_ids: the family of each sound. converted: True for converted ones.
    """
    families = family_ids.rank("dense").to_numpy().astype(np.int64) - 1
    shares = shares * ~converted.to_numpy()[:, None]
    has_evidence = (shares.sum(axis=1) > 0).astype(np.float64)
    totals = np.zeros((families.max(initial=-1) + 1, shares.shape[1]))
    np.add.at(totals, families, shares)
    others = np.bincount(families, has_evidence)[families] - has_evidence
    mean = (totals[families] - shares) / np.maximum(others, 1)[:, None]
    return np.asarray(mean.clip(0) * taxonomy.reliability["family"] / 100)


def from_folders(places: pl.DataFrame, shares: Shares, taxonomy: Taxonomy) -> Shares:
    """Return the evidence in the names of the files that contain a sound, and of their folders.

    places: `row` and `place`, a path, for every file of a sound. shares: from the names of each sound. The rules for
    names apply to paths too. A path is trusted as far as its category agrees with the names of the other voices in the
    file.
    """
    known = categories_of_names(places["place"].unique(), taxonomy).drop_nulls("evidence")
    hints = places.join(known.select("category", place="name"), on="place", maintain_order="left").sort("row", "place")
    rows = hints["row"].to_numpy()
    number = hints["category"].replace_strict(taxonomy.number, return_dtype=pl.Int64).to_numpy()
    others = pl.col("agreeing", "named").sum().over("place") - pl.col("agreeing", "named")
    prior = _FOLDER_PRIOR_VOICES * taxonomy.reliability["folders"] / 100
    trusted = (pl.col("agreeing") + prior) / (pl.col("named") + _FOLDER_PRIOR_VOICES)
    hints = (
        hints.with_columns(agreeing=pl.Series(shares[rows, number]), named=pl.Series(shares.sum(axis=1)[rows]))
        .with_columns(others)
        .with_columns(trusted=trusted / pl.len().over("row"))
    )
    return _sum_by_category(hints, "category", "trusted", len(shares), taxonomy)


def source_paths(raw_files: pl.DataFrame, voices: pl.DataFrame) -> pl.DataFrame:
    """Return the path of each file that contains a sound, `sound_id` and `place`, for folder hints.

    raw_files: `path`, `member`, `sha256` of the table of that name. voices: `sha256`, `sound_id` of `decoded_voices`.
    """
    where = raw_files.drop_nulls("sha256").select(
        "sha256", place=pl.concat_str("path", "member", separator="/", ignore_nulls=True)
    )
    return voices.drop_nulls("sound_id").unique().join(where, on="sha256").select("sound_id", "place").unique()


def _sum_by_category(rows: pl.DataFrame, category: str, value: str, count: int, taxonomy: Taxonomy) -> Shares:
    """Sum a column by `row` and category, `float64[count, categories]`."""
    number = rows[category].replace_strict(taxonomy.number, return_dtype=pl.Int64)
    table = np.zeros((count, len(taxonomy.learnable)))
    np.add.at(table, (rows["row"].to_numpy(), number.to_numpy()), rows[value].to_numpy())
    return table
