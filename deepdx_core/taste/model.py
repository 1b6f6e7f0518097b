"""The taste: Gaussian process regression of ratings over the features of sounds.

It is useful from a few ratings on: without any, every sound has the prior mean and standard deviation. The kernel is
fixed, since a handful of ratings cannot tell it: other kernels, lengths and noises within a factor of two predict
simulated tastes equally well (`python -m studies.taste HOME`). Source: Rasmussen and Williams, "Gaussian Processes for
Machine Learning" (2006).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import log_ndtr
from scipy.stats import spearmanr
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from deepdx_core.arrays import Float64Array, Int64Array
from deepdx_core.home import Home
from deepdx_core.keeping.ratings import read_ratings
from deepdx_core.keeping.scale import RATINGS
from deepdx_core.taste.features import Features

PRIOR = 0.35
"""The taste of a sound of which nothing is known: between `fine` and `keep`, as most sounds are just fine."""

_LIKED = 0.5  # between `fine` and `keep`
_SPREAD = 0.3  # standard deviation of a taste of which nothing is known
_NOISE = 0.2  # standard deviation of a rating of the same sound at another time
_KERNEL = ConstantKernel(_SPREAD**2) * Matern(2.0, nu=1.5)
_SHRINKAGE = 3  # ratings that the prior mean counts for
_MOST = 1000  # ratings used: the time grows with their square
_FEW = 8  # ratings, below which a correlation says nothing
_CHUNK = 4096
_CANDIDATES = 1500
_REFERENCES = 1000


@dataclass(frozen=True, eq=False)
class Taste:
    """A taste over the sounds of a corpus.

    Tastes are numbers about from 0 (skip) to 1 (star). ratings: number of ratings behind it. agreement: rank
    correlation of ratings with the taste that the others predict for them (leave one out), -1 to 1; None with fewer
    than 8 ratings, or only one kind.
    """

    features: Features
    ratings: int
    agreement: float | None
    _process: GaussianProcessRegressor
    _mean: float
    _rated: Int64Array

    @classmethod
    def of_home(cls, home: Home) -> "Taste":
        """Learn the taste that the ratings of a home show. Raises MissingTableError before the first run."""
        return cls.fit(Features.of_corpus(home), read_ratings(home))

    @classmethod
    def fit(cls, features: Features, ratings: pl.DataFrame) -> "Taste":
        """Learn a taste from ratings, `sound_id` and `rating` as `keeping.ratings.read_ratings` returns them.

        Notes without a rating do not count, nor ratings of sounds that are not valid ones of the corpus.
        """
        known = ratings.filter(pl.col("rating").is_not_null())
        rows = features.find(known["sound_id"])
        values = (
            known["rating"]
            .cast(pl.String)
            .replace_strict(
                {rating: number / (len(RATINGS) - 1) for number, rating in enumerate(RATINGS)}, return_dtype=pl.Float64
            )
            .to_numpy()
        )
        return cls.fit_rows(features, rows[rows >= 0], values[rows >= 0])

    @classmethod
    def fit_rows(cls, features: Features, rows: Int64Array, values: Float64Array) -> "Taste":
        """Learn a taste from ratings of rows of `features.vectors`, `int64[m]`, from 0 to 1, `float64[m]`."""
        rows, values = rows[-_MOST:], values[-_MOST:]
        mean = float((values.sum() + _SHRINKAGE * PRIOR) / (len(values) + _SHRINKAGE))
        process = GaussianProcessRegressor(_KERNEL, alpha=_NOISE**2, optimizer=None)
        if len(rows):
            process.fit(features.vectors[rows], values - mean)
        return cls(features, len(rows), _agreement(process, values - mean), process, mean, rows)

    def predict(self, of: Sequence[str] | pl.Series | Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return the mean and the standard deviation of the taste of sounds, `float64[m]` each.

        of: sound ids, or vectors, `float64[m, dimensions]`, of any voices by `Features.of_voices`. Raises
        UnknownSoundError for an id that is not of a valid sound.
        """
        vectors = of if isinstance(of, np.ndarray) else self.features.vectors[self.features.rows(of)]
        parts = [vectors[start : start + _CHUNK] for start in range(0, len(vectors), _CHUNK)]
        found = [self._process.predict(part, return_std=True) for part in parts]
        if not found:
            return np.empty(0), np.empty(0)
        return self._mean + np.concatenate([m for m, _ in found]), np.concatenate([s for _, s in found])

    def log_odds(self, of: Sequence[str] | pl.Series | Float64Array) -> Float64Array:
        """Return the log-odds that the user would rate each sound `keep` or `star`, `float64[m]`.

        of: sound ids or vectors, as `predict` takes them.
        """
        mean, deviation = self.predict(of)
        above = (mean - _LIKED) / np.hypot(deviation, _NOISE)
        return np.asarray(log_ndtr(above) - log_ndtr(-above))

    def sure(self, deviations: Float64Array) -> Float64Array:
        """Return how sure standard deviations of tastes are, 0 (nothing is known) to 1: the share of the prior gone."""
        return np.clip(1 - deviations / _SPREAD, 0, 1)

    def next_to_rate(self, count: int, seed: int = 0) -> list[str]:
        """Return the ids of the sounds whose ratings would tell most about all sounds, the most telling first.

        Each reduces the variance of the taste, summed over typical sounds of the corpus, the most, given those before
        it (active learning: Cohn, Ghahramani and Jordan, 1996). Rated sounds are left out.
        """
        random = np.random.default_rng(seed)
        total = len(self.features.vectors)
        pool = random.permutation(total)[:_CANDIDATES]
        pool = pool[~np.isin(pool, self._rated)]
        references = random.permutation(total)[:_REFERENCES]
        points = self.features.vectors[np.concatenate([pool, references])]
        _, covariance = self._process.predict(points, return_cov=True)
        chosen: list[int] = []
        for _ in range(min(count, len(pool))):
            with_references = covariance[: len(pool), len(pool) :]
            gain = (with_references**2).sum(axis=1) / (np.diag(covariance)[: len(pool)] + _NOISE**2)
            gain[chosen] = -1
            best = int(gain.argmax())
            chosen.append(best)
            column = covariance[:, best].copy()
            covariance -= np.outer(column, column) / (column[best] + _NOISE**2)
        return self.features.sound_ids.gather(pool[chosen]).to_list()


def _agreement(process: GaussianProcessRegressor, values: Float64Array) -> float | None:
    if len(values) < _FEW or np.ptp(values) == 0:
        return None
    inverse = np.linalg.inv(process.L_ @ process.L_.T)
    left_out = values - (inverse @ values) / np.diag(inverse)  # Rasmussen and Williams, equation 5.12
    return float(spearmanr(left_out, values).statistic)
