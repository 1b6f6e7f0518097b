"""What the labels are like as a whole: by evidence, by algorithm, where evidence disagrees, what is too small."""

import numpy as np
import polars as pl

from deepdx_core.labels.combination import Evidence
from deepdx_core.labels.taxonomy import EVIDENCE, OTHER


def stages(evidence: Evidence) -> pl.DataFrame:
    """How many sounds each label has before and after each kind of evidence: `evidence`, `label`, `sounds`.

    Kinds are added in their order; one that says nothing of any sound is left out. The user's word is counted as a
    name.
    """
    taxonomy = evidence.taxonomy
    present = [kind for kind in EVIDENCE if evidence.strength(kind).any()]
    tables = [_labels_of(evidence, tuple(present[: number + 1])) for number in range(len(present))]
    empty = pl.DataFrame(schema={"evidence": pl.String, "label": pl.String, "sounds": pl.UInt32})
    order = pl.col("label").replace_strict(
        {label: n for n, label in enumerate(taxonomy.labels)}, return_dtype=pl.UInt32
    )
    return pl.concat([empty, *(table.sort(order) for table in tables)])


def _labels_of(evidence: Evidence, kinds: tuple[str, ...]) -> pl.DataFrame:
    taxonomy = evidence.taxonomy
    probable = evidence.combined(kinds)
    enough = evidence.spoken(kinds) & (probable.max(axis=1) >= taxonomy.least_confidence)
    best = pl.Series(taxonomy.learnable).gather(probable.argmax(axis=1))
    return (
        pl.select(category=pl.when(pl.Series(enough)).then(best).otherwise(pl.lit(OTHER)))
        .select(label=pl.col("category").replace_strict(dict(taxonomy.label_of), return_dtype=pl.String))
        .group_by("label")
        .agg(sounds=pl.len())
        .select(pl.lit(" + ".join(kinds)).alias("evidence"), "label", "sounds")
    )


def confusion(rows: pl.DataFrame) -> pl.DataFrame:
    """How often names and the model say what, of sounds of which both speak: `by_names`, `by_model`, `sounds`.

    rows: the table `labeled_voices`.
    """
    return (
        rows.drop_nulls(["by_names", "by_model"])
        .group_by("by_names", "by_model")
        .agg(sounds=pl.len())
        .sort("by_names", "sounds", "by_model", descending=[False, True, False])
    )


def by_algorithm(rows: pl.DataFrame) -> pl.DataFrame:
    """How many sounds of each label have each algorithm: `label`, `algorithm_label`, `sounds`."""
    return rows.group_by("label", "algorithm_label").agg(sounds=pl.len()).sort("label", "algorithm_label")


def disagreements(evidence: Evidence, count: int) -> pl.DataFrame:
    """The sounds whose names the model doubts most: `sound_id`, `by_names`, `by_model`, `log_odds`.

    One of a family; log_odds are the model's for its category against that of the names. They are worth a listen.
    """
    if evidence.judged is None:
        return pl.DataFrame(
            schema=dict.fromkeys(["sound_id", "by_names", "by_model"], pl.String) | {"log_odds": pl.Float64}
        )
    learnable = pl.Series(evidence.taxonomy.learnable)
    said, model = evidence.shares["names"], evidence.judged.probabilities
    rows = np.arange(len(said))
    named, modelled = said.argmax(axis=1), model.argmax(axis=1)
    return (
        evidence.sounds.select(
            "sound_id",
            "family_id",
            by_names=learnable.gather(named),
            by_model=learnable.gather(modelled),
            log_odds=pl.Series(np.log(model[rows, modelled] / model[rows, named])),
            named=pl.Series(said.any(axis=1)),
        )
        .filter("named", pl.col("by_names") != pl.col("by_model"), pl.Series(evidence.sounds["said"].is_null()))
        .sort("log_odds", "sound_id", descending=[True, False])
        .unique("family_id", keep="first", maintain_order=True)
        .select("sound_id", "by_names", "by_model", "log_odds")
        .head(count)
    )


def too_small(evidence: Evidence) -> pl.DataFrame:
    """The categories with too few sounds to learn from, and which each is best merged with: the one most like it.

    Columns `category`, `examples` (sounds that names speak clearly of) and `merge_with`: of the same training label if
    that has another, the category that the model takes those examples for most; null where there is no model.
    """
    taxonomy = evidence.taxonomy
    counts = np.bincount(evidence.taught[evidence.taught >= 0], minlength=len(taxonomy.learnable))
    small = np.flatnonzero(counts < taxonomy.least_examples)
    merged = [_most_like(evidence, int(number)) for number in small]
    return pl.DataFrame(
        {"category": [taxonomy.learnable[n] for n in small], "examples": counts[small], "merge_with": merged},
        schema={"category": pl.String, "examples": pl.UInt32, "merge_with": pl.String},
    )


def _most_like(evidence: Evidence, number: int) -> str | None:
    if evidence.judged is None:
        return None
    taxonomy = evidence.taxonomy
    examples = evidence.taught == number
    said = evidence.judged.probabilities[examples].mean(axis=0) if examples.any() else evidence.judged.prior
    label = taxonomy.label_of[taxonomy.learnable[number]]
    kin = np.array([taxonomy.label_of[name] == label for name in taxonomy.learnable])
    kin[number] = False
    others = kin if kin.any() else np.arange(len(kin)) != number
    return taxonomy.learnable[int(np.where(others, said, -1).argmax())]
