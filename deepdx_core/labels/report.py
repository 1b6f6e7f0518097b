"""Reports on the labels as a whole: by evidence, by algorithm, disagreements, categories that are too small."""

import numpy as np
import polars as pl

from deepdx_core.labels.combination import Evidence
from deepdx_core.labels.taxonomy import EVIDENCE, OTHER


def stages(evidence: Evidence) -> pl.DataFrame:
    """Count the sounds of each label as kinds of evidence are added, in order: `evidence`, `label`, `sounds`.

    A kind without evidence on any sound is left out. The user's labels count as names.
    """
    taxonomy = evidence.taxonomy
    present = [kind for kind in EVIDENCE if evidence.strength(kind).any()]
    tables = [_count_labels(evidence, tuple(present[: number + 1])) for number in range(len(present))]
    empty = pl.DataFrame(schema={"evidence": pl.String, "label": pl.String, "sounds": pl.UInt32})
    order = pl.col("label").replace_strict(
        {label: n for n, label in enumerate(taxonomy.labels)}, return_dtype=pl.UInt32
    )
    return pl.concat([empty, *(table.sort(order) for table in tables)])


def _count_labels(evidence: Evidence, kinds: tuple[str, ...]) -> pl.DataFrame:
    taxonomy = evidence.taxonomy
    probabilities = evidence.combined(kinds)
    enough = evidence.has_evidence(kinds) & (probabilities.max(axis=1) >= taxonomy.least_confidence)
    best = pl.Series(taxonomy.learnable).gather(probabilities.argmax(axis=1))
    return (
        pl.select(category=pl.when(pl.Series(enough)).then(best).otherwise(pl.lit(OTHER)))
        .select(label=pl.col("category").replace_strict(taxonomy.label_of, return_dtype=pl.String))
        .group_by("label")
        .agg(sounds=pl.len())
        .select(pl.lit(" + ".join(kinds)).alias("evidence"), "label", "sounds")
    )


def confusion(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the confusion counts of names and model, of sounds with both: `by_names`, `by_model`, `sounds`.

    rows: the table `labeled_voices`.
    """
    return (
        rows.drop_nulls(["by_names", "by_model"])
        .group_by("by_names", "by_model")
        .agg(sounds=pl.len())
        .sort("by_names", "sounds", "by_model", descending=[False, True, False])
    )


def by_algorithm(rows: pl.DataFrame) -> pl.DataFrame:
    """Count the sounds of each label by algorithm: `label`, `algorithm_label`, `sounds`."""
    return rows.group_by("label", "algorithm_label").agg(sounds=pl.len()).sort("label", "algorithm_label")


def disagreements(evidence: Evidence, count: int) -> pl.DataFrame:
    """Return the sounds whose names the model doubts most: `sound_id`, `by_names`, `by_model`, `log_odds`.

    They are worth listening to. At most one per family. log_odds: the model's log-odds of its own category against that
    of the names.
    """
    if evidence.classified is None:
        return pl.DataFrame(
            schema=dict.fromkeys(["sound_id", "by_names", "by_model"], pl.String) | {"log_odds": pl.Float64}
        )
    learnable = pl.Series(evidence.taxonomy.learnable)
    names, model = evidence.shares["names"], evidence.classified.probabilities
    rows = np.arange(len(names))
    by_names, by_model = names.argmax(axis=1), model.argmax(axis=1)
    return (
        evidence.sounds.select(
            "sound_id",
            "family_id",
            by_names=learnable.gather(by_names),
            by_model=learnable.gather(by_model),
            log_odds=pl.Series(np.log(model[rows, by_model] / model[rows, by_names])),
            named=pl.Series(names.any(axis=1)),
        )
        .filter("named", pl.col("by_names") != pl.col("by_model"), pl.Series(evidence.sounds["override"].is_null()))
        .sort("log_odds", "sound_id", descending=[True, False])
        .unique("family_id", keep="first", maintain_order=True)
        .select("sound_id", "by_names", "by_model", "log_odds")
        .head(count)
    )


def small_categories(evidence: Evidence) -> pl.DataFrame:
    """Return the categories with too few sounds to train on, each with the most similar one, to merge it with.

    Columns `category`, `examples` (clearly named sounds) and `merge_with`: the category that the model confuses the
    examples with most, of the same training label if it has another category; null without a model.
    """
    taxonomy = evidence.taxonomy
    counts = np.bincount(evidence.targets[evidence.targets >= 0], minlength=len(taxonomy.learnable))
    small = np.flatnonzero(counts < taxonomy.least_examples)
    merged = [_most_similar(evidence, int(number)) for number in small]
    return pl.DataFrame(
        {"category": [taxonomy.learnable[n] for n in small], "examples": counts[small], "merge_with": merged},
        schema={"category": pl.String, "examples": pl.UInt32, "merge_with": pl.String},
    )


def _most_similar(evidence: Evidence, number: int) -> str | None:
    if evidence.classified is None:
        return None
    taxonomy, classified = evidence.taxonomy, evidence.classified
    examples = evidence.targets == number
    mean = classified.probabilities[examples].mean(axis=0) if examples.any() else classified.prior
    label = taxonomy.label_of[taxonomy.learnable[number]]
    siblings = np.array([taxonomy.label_of[name] == label for name in taxonomy.learnable])
    siblings[number] = False
    others = siblings if siblings.any() else np.arange(len(siblings)) != number
    return taxonomy.learnable[int(np.where(others, mean, -1).argmax())]
