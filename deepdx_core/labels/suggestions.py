"""Which voices to ask the user about: those whose answer would teach most."""

import polars as pl


def suggestions(rows: pl.DataFrame, families: pl.DataFrame, names: pl.DataFrame, count: int) -> pl.DataFrame:
    """The voices to ask about, best first: `sound_id`, `name`, `likeliest`, `confidence`, `unsure`, `evidence`.

    rows: the table `labeled_voices`. families: `sound_id`, `family_id`. names: `sound_id`, `name`.

    An answer speaks for the whole family, so a family counts by the sum of its sounds' doubts, `unsure`: how many of
    its labels are wrong, going by their confidence. Asked about is its most doubtful sound, unless the user spoke of
    one before. The likeliest categories take turns, so that not all answers are of one kind.
    """
    by_family = (
        rows.join(families, on="sound_id", how="left")
        .with_columns(pl.coalesce("family_id", "sound_id").alias("family_id"), doubt=1 - pl.col("confidence"))
        .sort("doubt", "sound_id", descending=[True, False])
        .with_columns(
            unsure=pl.col("doubt").sum().over("family_id"),
            answered=(pl.col("decided_by") == "user").any().over("family_id"),
        )
        .filter(~pl.col("answered"))
        .unique("family_id", keep="first", maintain_order=True)
    )
    return (
        by_family.sort("unsure", "sound_id", descending=[True, False])
        .with_columns(turn=pl.int_range(pl.len()).over("likeliest"))
        .sort("turn", "unsure", "sound_id", descending=[False, True, False])
        .head(count)
        .join(names, on="sound_id", how="left", maintain_order="left")
        .select("sound_id", "name", "likeliest", "confidence", "unsure", "evidence")
    )
