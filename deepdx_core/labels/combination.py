"""Evidence of every kind on each sound, brought together into how probable each category is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from deepdx_core.arrays import BoolArray, Float32Array
from deepdx_core.labels import evidence
from deepdx_core.labels.evidence import Named, Shares
from deepdx_core.labels.model import Classified, Numbers, Probabilities, classify
from deepdx_core.labels.taxonomy import EVIDENCE, Taxonomy
from deepdx_core.labels.traits import describe_traits, traits
from deepdx_core.voice.parameters import PARAMETER_NAMES

_CONFIDENT = 0.7  # of what names say must be for one category, for the model to learn from it
_USERS_WORD = 0.99

_NOTHING_SAID = pl.DataFrame(schema={"sound_id": pl.String, "category": pl.String})


@dataclass(frozen=True)
class Evidence:
    """All that speaks for a category of each sound. Arrays have the rows of `sounds`."""

    taxonomy: Taxonomy
    sounds: pl.DataFrame
    """`sound_id`, `family_id`, `algorithm`, `traits` in words, and `said`, the category by the user; sorted by id."""
    names: Named
    shares: dict[str, Shares]
    """Of the kinds of evidence that are no model. The user's word stands in place of names."""
    taught: Numbers
    """The category, by its place, that each sound teaches the model, -1 where names are silent or contradict."""
    judged: Classified | None
    """What the model says, where there was enough to teach it."""

    def strength(self, kind: str) -> Probabilities:
        """How much a kind of evidence says of each sound, 0 for nothing to 1, `float64[n]`."""
        if kind == "model":
            return np.full(len(self.sounds), float(self.judged is not None))
        return np.asarray(self.shares[kind].sum(axis=1))

    def spoken(self, kinds: Sequence[str] = EVIDENCE) -> BoolArray:
        """Whether any of some kinds of evidence says anything of each sound that counts, `bool[n]`."""
        return np.asarray(np.any([self.taxonomy.weight[kind] * self.strength(kind) > 0 for kind in kinds], axis=0))

    def probabilities(self, kind: str) -> Probabilities:
        """How probable each category is by one kind of evidence alone, `float64[n, categories]`.

        What a share leaves open falls to all categories as they are common, and so does all where nothing is said.
        """
        count = len(self.taxonomy.learnable)
        prior = np.full(count, 1 / count) if self.judged is None else self.judged.prior
        if kind == "model":
            return np.tile(prior, (len(self.sounds), 1)) if self.judged is None else self.judged.probabilities
        return np.asarray(self.shares[kind] + (1 - self.shares[kind].sum(axis=1, keepdims=True)) * prior)

    def combined(self, kinds: Sequence[str] = EVIDENCE) -> Probabilities:
        """How probable each category is by some kinds of evidence together, `float64[n, categories]`.

        The mean of their log-odds, each kind by its weight in the taxonomy and by how much it says. A mean and no sum:
        the kinds are far from independent, since the model learned from names and families share them.
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
    *,
    heard: pl.DataFrame | None = None,
    places: pl.DataFrame | None = None,
    said_by_user: pl.DataFrame = _NOTHING_SAID,
) -> Evidence:
    """All evidence on sounds, with a model taught by those that names speak clearly of.

    sounds: `sound_id`, `names`, `name_counts` (in how many files each name stands) and the 145 parameters, all legal.
    families: `sound_id`, `family_id` of as many as have one. heard: what `evidence.heard` gives, of as many as were
    rendered. places: what `evidence.paths` gives; without it, there are no folder hints. said_by_user: `sound_id` and
    `category`, one of the taxonomy's.

    Raises ValueError where a sound has not a count for each name.
    """
    if sounds.select((pl.col("names").list.len() != pl.col("name_counts").list.len()).any()).item():
        raise ValueError("names and name_counts of a sound must have the same length")
    frame = (
        sounds.sort("sound_id")
        .join(families.select("sound_id", "family_id"), on="sound_id", how="left", maintain_order="left")
        .join(said_by_user.select("sound_id", said="category"), on="sound_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("family_id", "sound_id").alias("family_id"))
    )
    parameters = frame.select(PARAMETER_NAMES).to_numpy().astype(np.uint8, copy=False)
    of_parameters = traits(parameters)
    named = evidence.of_names(frame, taxonomy)
    shares = _with_users_word(named.shares, frame["said"], taxonomy)
    taught = _training_categories(shares)
    return Evidence(
        taxonomy,
        frame.select("sound_id", "family_id", "algorithm", "said", traits=describe_traits(of_parameters)),
        named,
        {
            "names": shares,
            "family": evidence.of_family(shares, frame["family_id"], taxonomy),
            "folders": evidence.of_folders(_rows(frame, places), shares, taxonomy),
        },
        taught,
        classify(
            np.column_stack([parameters, *of_parameters.values(), _of_sounds(frame, heard)]).astype(np.float32),
            taught,
            shares.sum(axis=1),
            frame["family_id"],
            len(taxonomy.learnable),
        ),
    )


def _with_users_word(shares: Shares, said: pl.Series, taxonomy: Taxonomy) -> Shares:
    """What the user says in place of what names say; of a sound that is "other", names say nothing."""
    number = said.replace_strict(taxonomy.number, default=None, return_dtype=pl.Int64).fill_null(-1).to_numpy()
    changed = shares.copy()
    changed[said.is_not_null().to_numpy()] = 0
    rows = np.flatnonzero(number >= 0)
    changed[rows, number[rows]] = _USERS_WORD
    return changed


def _training_categories(shares: Shares) -> Numbers:
    total = shares.sum(axis=1)
    return np.where((total > 0) & (shares.max(axis=1, initial=0) >= _CONFIDENT * total), shares.argmax(axis=1), -1)


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


def _of_sounds(frame: pl.DataFrame, heard: pl.DataFrame | None) -> Float32Array:
    """What was heard, `float32[n, measures]`, NaN where nothing was."""
    if heard is None:
        return np.empty((len(frame), 0), np.float32)
    columns = frame.select("sound_id").join(heard, on="sound_id", how="left", maintain_order="left").drop("sound_id")
    return columns.select(pl.all().cast(pl.Float32).fill_null(np.nan)).to_numpy()
