"""The labels of each sound, with the evidence in words."""

import numpy as np
import polars as pl

from deepdx_core.arrays import Float64Array, Int64Array
from deepdx_core.labels.combination import Evidence
from deepdx_core.labels.taxonomy import EVIDENCE, OTHER, Taxonomy
from deepdx_core.tables.dataset import LabeledVoices


def label_sounds(evidence: Evidence) -> pl.DataFrame:
    """Label each sound by its evidence. Return rows of `labeled_voices`, sorted by key.

    A sound has its likeliest category if that is likely enough; the user's label wins over all evidence. Of categories
    that tie, the one further up in the taxonomy's file wins.
    """
    taxonomy = evidence.taxonomy
    probabilities = evidence.combined()
    likeliest = probabilities.argmax(axis=1)
    by_user = evidence.sounds["override"].is_not_null()
    confidence = np.where(by_user, 1.0, probabilities.max(axis=1))
    enough = evidence.has_evidence() & (confidence >= taxonomy.least_confidence)
    names = pl.Series(taxonomy.learnable)
    by_kind = {kind: _best(evidence, kind) for kind in EVIDENCE}
    label_of = taxonomy.label_of
    rows = (
        evidence.sounds.with_columns(
            likeliest=names.gather(likeliest),
            confidence=pl.Series(confidence),
            label_confidence=pl.Series(np.where(by_user, 1.0, _label_confidence(probabilities, likeliest, taxonomy))),
            decided_by=_decided_by(evidence, probabilities),
            also=_likely_categories(evidence, probabilities, likeliest),
            algorithm_label=pl.col("algorithm") + 1,
            model=pl.lit(evidence.classified.model if evidence.classified else None, pl.String),
            **{f"by_{kind}": best for kind, best in by_kind.items()},
            evidence=_describe(evidence, by_kind),
        )
        .with_columns(
            category=pl.when(pl.col("override").is_not_null())
            .then("override")
            .when(pl.Series(enough))
            .then("likeliest")
            .otherwise(pl.lit(OTHER))
        )
        .with_columns(
            label=pl.col("category").replace_strict(label_of, return_dtype=pl.String),
            categories=pl.when(pl.col("override").is_not_null() | (pl.col("category") == OTHER))
            .then(pl.concat_list("category"))
            .otherwise("also"),
            decided_by=pl.when(pl.col("override").is_not_null())
            .then(pl.lit("user"))
            .when(pl.col("category") == OTHER)
            .then(pl.lit("nothing"))
            .otherwise("decided_by"),
        )
        .with_columns(
            labels=pl.col("categories")
            .list.eval(pl.element().replace_strict(label_of, return_dtype=pl.String))
            .list.unique(maintain_order=True)
        )
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in LabeledVoices.create_empty().schema.items())


def _best(evidence: Evidence, kind: str) -> pl.Series:
    """Return the likeliest category by one kind of evidence, null without evidence."""
    best = pl.Series(evidence.taxonomy.learnable).gather(evidence.probabilities(kind).argmax(axis=1))
    return pl.select(pl.when(pl.Series(evidence.strength(kind) > 0)).then(best)).to_series()


def _label_confidence(probabilities: Float64Array, likeliest: Int64Array, taxonomy: Taxonomy) -> Float64Array:
    """Return the probability of the label of each sound's likeliest category, `float64[n]`."""
    label = np.array([taxonomy.labels.index(taxonomy.label_of[name]) for name in taxonomy.learnable])
    return np.asarray((probabilities * (label[likeliest][:, None] == label)).sum(axis=1).clip(0, 1))


def _decided_by(evidence: Evidence, probabilities: Float64Array) -> pl.Series:
    """Return the kind of evidence that most favors the likeliest category over the second.

    Return "combination" where that kind alone would choose another category.
    """
    first, second = np.argsort(-probabilities, axis=1, kind="stable")[:, :2].T
    rows = np.arange(len(probabilities))
    pulls, agree = [], []
    for kind in EVIDENCE:
        log_odds = np.log(evidence.probabilities(kind)) * evidence.taxonomy.weight[kind]
        pulls.append((log_odds[rows, first] - log_odds[rows, second]) * evidence.strength(kind))
        agree.append(log_odds.argmax(axis=1) == first)
    strongest = np.argmax(pulls, axis=0)
    return pl.Series(np.where(np.array(agree)[strongest, rows], np.array(EVIDENCE)[strongest], "combination"))


def _likely_categories(evidence: Evidence, probabilities: Float64Array, likeliest: Int64Array) -> pl.Series:
    """Return the likeliest category and all others that are likely enough, or mentioned by enough of the names."""
    strength = np.maximum(probabilities, evidence.names.mentions)
    strength[np.arange(len(strength)), likeliest] = 2
    rows, numbers = np.nonzero(strength >= evidence.taxonomy.also_from)
    return (
        pl.DataFrame({"row": rows, "strength": strength[rows, numbers], "number": numbers})
        .with_columns(category=pl.Series(evidence.taxonomy.learnable, dtype=pl.String).gather(numbers))
        .sort("row", "strength", "number", descending=[False, True, False])
        .group_by("row", maintain_order=True)
        .agg("category")["category"]
    )


def _describe(evidence: Evidence, best: dict[str, pl.Series]) -> pl.Series:
    """Describe the evidence on each sound by kind, with reasons; null without evidence."""
    percent = {
        kind: pl.Series((100 * shares.max(axis=1)).round(), dtype=pl.Int64)
        for kind, shares in (*evidence.shares.items(), ("model", evidence.probabilities("model")))
    }
    vote = pl.format("names: {}, {} of {} votes ({}, by {})", "category", "votes", "all_votes", "name", "word")
    named = (
        evidence.names.words.sort("row", "trusted", "number", descending=[False, True, False])
        .unique("row", keep="first", maintain_order=True)
        .select("row", names=vote)
    )
    traits = pl.when(pl.col("traits") != "").then(pl.format(" ({})", "traits")).otherwise(pl.lit(""))
    return (
        evidence.sounds.with_row_index("row")
        .join(named, on="row", how="left", maintain_order="left")
        .select(
            pl.concat_str(
                pl.when(pl.col("override").is_not_null()).then(pl.format("the user: {}", "override")),
                "names",
                pl.format("model: {} {} %{}", best["model"], percent["model"], traits),
                pl.format("family: {} {} %", best["family"], percent["family"]),
                pl.format("folders: {} {} %", best["folders"], percent["folders"]),
                separator="; ",
                ignore_nulls=True,
            )
        )
        .to_series()
        .replace("", None)
    )
