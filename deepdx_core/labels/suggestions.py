"""Active learning: the voices to label next, where a label by the user improves the labels most."""

import polars as pl


def suggest_voices(rows: pl.DataFrame, families: pl.DataFrame, names: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return voices for the user to label, best first.

    Columns: `sound_id`, `name`, `likeliest`, `confidence`, `unsure`, `evidence`.

    rows: the table `labeled_voices`. families: `sound_id`, `family_id`. names: `sound_id`, `name`.

    A label applies to the whole family, so a family is ranked by `unsure`, its expected number of wrong labels: the sum
    of 1 - confidence over its sounds. It is represented by its least confident sound, and left out if the user labeled
    one of its sounds before. The likeliest categories take turns, so that suggestions are of all kinds.
    """
    by_family = (
        rows.join(families, on="sound_id", how="left")
        .with_columns(pl.coalesce("family_id", "sound_id").alias("family_id"), doubt=1 - pl.col("confidence"))
        .sort("doubt", "sound_id", descending=[True, False])
        .with_columns(
            unsure=pl.col("doubt").sum().over("family_id"),
            labeled_by_user=(pl.col("decided_by") == "user").any().over("family_id"),
        )
        .filter(~pl.col("labeled_by_user"))
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
