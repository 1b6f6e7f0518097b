"""The label of a sound: its names vote."""

import polars as pl

from deepdx_core.labels.names import categories_of_names
from deepdx_core.labels.taxonomy import OTHER, Taxonomy


def label_sounds(sounds: pl.DataFrame, taxonomy: Taxonomy) -> pl.DataFrame:
    """Category and label of each sound, one row a sound in the order given.

    Takes `sound_id`, `names` and `name_counts` (lists of one length: in how many dumps the sound had that name) and
    `algorithm` (0 to 31); other columns are ignored. Returns

    - `sound_id`, `category`, `label`
    - `algorithm_label`: the algorithm's number on the panel, 1 to 32
    - `confidence`: votes for the category, each by how reliable the word that decided is, of all votes of names that
      say something; 0 where none does
    - `evidence`: the name most voted with for the category, and how the votes went; null where no name says anything

    A name votes once for each dump, and less for a hint than for a word. Where categories tie, the one further up in
    the taxonomy's file wins; where names do, the one first in the alphabet is shown.
    """
    if sounds.select((pl.col("names").list.len() != pl.col("name_counts").list.len()).any()).item():
        raise ValueError("names and name_counts of a sound must have the same length")
    row = sounds.with_row_index("row").lazy()
    names = row.select("row", "names", "name_counts").explode("names", "name_counts").drop_nulls().collect()
    said = categories_of_names(names["names"].unique(), taxonomy).filter(pl.col("evidence").is_not_null())
    strength = {
        rule.key: taxonomy.hint_reliability if rule.hint else taxonomy.word_reliability for rule in taxonomy.rules
    }
    votes = (
        names.lazy()
        .join(said.lazy(), left_on="names", right_on="name")
        .with_columns(votes=pl.col("name_counts").cast(pl.UInt64))
        .with_columns(weight=pl.col("votes") * pl.col("evidence").replace_strict(strength, return_dtype=pl.UInt64))
    )
    ballot = (
        votes.sort("row", "weight", "names", descending=[False, True, False])
        .group_by("row", "category", maintain_order=True)
        .agg(pl.col("votes", "weight").sum(), pl.col("names", "evidence").first())
        .with_columns(
            all_votes=pl.col("votes").sum().over("row"),
            rank=pl.col("category").replace_strict(
                {c: i for i, c in enumerate(taxonomy.categories)}, return_dtype=pl.UInt32
            ),
        )
        .sort("weight", "rank", descending=[True, False])
        .unique("row", keep="first", maintain_order=True)
    )
    said_so = pl.format("{} -> {} ({}) {} of {} votes", "names", "category", "evidence", "votes", "all_votes")
    return (
        row.select("row", "sound_id", "algorithm")
        .join(ballot, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("category").fill_null(OTHER), algorithm_label=pl.col("algorithm").cast(pl.UInt8) + 1)
        .select(
            "sound_id",
            "category",
            pl.col("category").replace_strict(dict(taxonomy.label_of), return_dtype=pl.String).alias("label"),
            "algorithm_label",
            (pl.col("weight") / (100 * pl.col("all_votes"))).fill_null(0.0).cast(pl.Float32).alias("confidence"),
            pl.when(pl.col("names").is_not_null()).then(said_so).alias("evidence"),
        )
        .collect()
    )
