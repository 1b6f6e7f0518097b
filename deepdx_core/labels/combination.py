"""All evidence on each sound, combined into the probability of each category."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from deepdx_core.arrays import BoolArray, Float64Array, Int64Array
from deepdx_core.judges.judge import Judge
from deepdx_core.labels import evidence
from deepdx_core.labels.evidence import NameEvidence, Shares
from deepdx_core.labels.model import Classified, classify
from deepdx_core.labels.taxonomy import EVIDENCE, Taxonomy
from deepdx_core.labels.traits import compute_traits, describe_traits, stack_traits
from deepdx_core.voice.parameters import PARAMETER_NAMES

_CLEAR = 0.7  # share of the names' evidence that one category needs to be clear
_USER_SHARE = 0.99

_NO_OVERRIDES = pl.DataFrame(schema={"sound_id": pl.String, "category": pl.String})


@dataclass(frozen=True)
class Evidence:
    """All evidence on the category of each sound. Arrays have the rows of `sounds`."""

    taxonomy: Taxonomy
    sounds: pl.DataFrame
    """`sound_id`, `family_id`, `algorithm`, `traits` in words, and `override`, the user's category; sorted by id."""
    names: NameEvidence
    shares: dict[str, Shares]
    """Shares by kind of evidence, except the model. The user's category replaces the evidence of names."""
    targets: Int64Array
    """Index of the category that the names of each sound clearly indicate, -1 if they are missing or disagree."""
    classified: Classified | None
    """Predictions of the judge; None without one, or if it knows no category of the taxonomy."""

    def strength(self, kind: str) -> Float64Array:
        """Return the strength of a kind of evidence on each sound, 0 (none) to 1, `float64[n]`."""
        if kind == "model":
            return np.full(len(self.sounds), float(self.classified is not None))
        return np.asarray(self.shares[kind].sum(axis=1))

    def has_evidence(self, kinds: Sequence[str] = EVIDENCE) -> BoolArray:
        """True where a sound has evidence of any of these kinds with a weight over 0, `bool[n]`."""
        return np.asarray(np.any([self.taxonomy.weight[kind] * self.strength(kind) > 0 for kind in kinds], axis=0))

    def probabilities(self, kind: str) -> Float64Array:
        """Return the probability of each category by one kind of evidence, `float64[n, categories]`.

        The remainder of the shares, all of it without evidence, is distributed as the prior.
        """
        count = len(self.taxonomy.learnable)
        prior = np.full(count, 1 / count) if self.classified is None else self.classified.prior
        if kind == "model":
            return np.tile(prior, (len(self.sounds), 1)) if self.classified is None else self.classified.probabilities
        return np.asarray(self.shares[kind] + (1 - self.shares[kind].sum(axis=1, keepdims=True)) * prior)

    def combined(self, kinds: Sequence[str] = EVIDENCE) -> Float64Array:
        """Return the probability of each category by several kinds of evidence, `float64[n, categories]`.

        The mean of their log-probabilities, weighted by the taxonomy's weight times the strength of each kind. A mean,
        not a sum: the kinds are far from independent, since judges are trained on names and families share them.
        """
        weights = {kind: self.taxonomy.weight[kind] * self.strength(kind) for kind in kinds}
        total = np.sum(list(weights.values()), axis=0)
        score = np.log(self.probabilities(kinds[0])) * (total == 0)[:, None]
        for kind, weight in weights.items():
            score += (weight / np.where(total > 0, total, 1))[:, None] * np.log(self.probabilities(kind))
        odds = np.exp(score - score.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def combine_evidence(
    sounds: pl.DataFrame,
    families: pl.DataFrame,
    taxonomy: Taxonomy,
    judge: Judge | None,
    *,
    places: pl.DataFrame | None = None,
    overrides: pl.DataFrame = _NO_OVERRIDES,
) -> Evidence:
    """Collect all evidence on sounds.

    sounds: `sound_id`, `converted`, `names`, `name_counts` (files per name) and the 145 parameters, all in range.
    families: `sound_id`, `family_id`; sounds may be missing. judge: of labels; None for no model. places: from
    `evidence.source_paths`; None for no folder hints. overrides: `sound_id` and `category` of the taxonomy.

    Raises ValueError if a sound does not have one count per name.
    """
    if sounds.select((pl.col("names").list.len() != pl.col("name_counts").list.len()).any()).item():
        raise ValueError("names and name_counts of a sound must have the same length")
    frame = (
        sounds.sort("sound_id")
        .join(families.select("sound_id", "family_id"), on="sound_id", how="left", maintain_order="left")
        .join(overrides.select("sound_id", override="category"), on="sound_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("family_id", "sound_id").alias("family_id"))
    )
    parameters = frame.select(PARAMETER_NAMES).to_numpy().astype(np.uint8, copy=False)
    traits = compute_traits(parameters)
    names = evidence.from_names(frame, taxonomy)
    shares = apply_overrides(names.shares, frame["override"], taxonomy)
    return Evidence(
        taxonomy,
        frame.select("sound_id", "family_id", "algorithm", "override", traits=describe_traits(traits)),
        names,
        {
            "names": shares,
            "family": evidence.from_family(shares, frame["family_id"], frame["converted"], taxonomy),
            "folders": evidence.from_folders(_rows(frame, places), shares, taxonomy),
        },
        clear_categories(shares),
        classify(judge, parameters, stack_traits(traits), frame["sound_id"], taxonomy.learnable) if judge else None,
    )


def apply_overrides(shares: Shares, override: pl.Series, taxonomy: Taxonomy) -> Shares:
    """Replace the evidence of names by the user's category; "other" leaves no evidence."""
    number = override.replace_strict(taxonomy.number, default=None, return_dtype=pl.Int64).fill_null(-1).to_numpy()
    changed = shares.copy()
    changed[override.is_not_null().to_numpy()] = 0
    rows = np.flatnonzero(number >= 0)
    changed[rows, number[rows]] = _USER_SHARE
    return changed


def clear_categories(shares: Shares) -> Int64Array:
    """Return the index of the category that the evidence of each sound clearly indicates, -1 if there is none."""
    total = shares.sum(axis=1)
    return np.where((total > 0) & (shares.max(axis=1, initial=0) >= _CLEAR * total), shares.argmax(axis=1), -1)


def _rows(frame: pl.DataFrame, places: pl.DataFrame | None) -> pl.DataFrame:
    if places is None:
        return pl.DataFrame(schema={"row": pl.UInt32, "place": pl.String})
    return (
        frame.select("sound_id")
        .with_row_index("row")
        .join(places, on="sound_id")
        .select("row", "place")
        .unique()
        .sort("row", "place")
    )
