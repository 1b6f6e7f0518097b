"""C2ST, the classifier two-sample test: how well a classifier distinguishes two sets of voices.

Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", 2017.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, Float64Array, Int64Array
from deepdx_core.evaluation.metrics.classifiers import boosted_trees
from deepdx_core.evaluation.metrics.uncertainty import Estimate

FOLDS = 3


def c2st(
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    groups: Int64Array,
    seed: int,
    classifier: Callable[[int], Any] = boosted_trees,
) -> Estimate:
    """Return the area under the ROC curve of a classifier that distinguishes two sets: 0.5 is not at all, 1 always.

    first, second: `[n, k]` and `[m, k]`, nan for missing values. groups: families of both sets together,
    `int64[n + m]`. No family is in two folds, or the classifier would recognize voices by their relatives rather than
    by the difference between the sets. classifier: a classifier of scikit-learn, not yet fitted, for a seed. The area
    is the mean over three folds; nan if a fold lacks one of the sets. The standard error covers the choice of voices to
    classify, not of those that the classifier was fitted on.
    """
    areas = []
    for test, scores, is_first in _scored_folds(first, second, groups, seed, classifier):
        areas.append(area(scores, is_first, groups[test]))
    if len(areas) < FOLDS:
        return Estimate(float("nan"), float("nan"))
    means, errors = np.array(areas).T
    return Estimate(float(means.mean()), float(np.sqrt((errors**2).sum()) / FOLDS))


def c2st_parts(
    first: npt.NDArray[Any], second: npt.NDArray[Any], groups: Int64Array, seed: int
) -> tuple[float, Float64Array]:
    """Return the area of `c2st`, by boosted trees, and the influence of each voice on it, `float64[n + m]`.

    Influences sum to 0. Those on two areas with voices in common can be compared voice by voice. All are nan if the
    area is.
    """
    value, parts = 0.0, np.full(len(groups), np.nan)
    for test, scores, is_first in _scored_folds(first, second, groups, seed, boosted_trees):
        of_fold, deviations = _deviations(scores, is_first)
        value += of_fold / FOLDS
        parts[test] = deviations / FOLDS
    return (value if np.isfinite(parts).all() else float("nan")), parts


def _scored_folds(
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    groups: Int64Array,
    seed: int,
    classifier: Callable[[int], Any],
) -> Iterator[tuple[BoolArray, Float64Array, BoolArray]]:
    """Yield each fold, `bool[n + m]`, with the scores of its voices and whether they are of the first set.

    The classifier is fitted on the other folds. Ends early if a fold lacks one of the sets.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    both = np.concatenate([first, second])
    is_first = np.arange(len(both)) < len(first)
    fold = folds(groups, seed)
    for number in range(FOLDS):
        test = fold == number
        if len(np.unique(is_first[test])) < 2 or len(np.unique(is_first[~test])) < 2:
            return
        # Columns of nan alone carry no information, and the trees do not accept them.
        known = (both[~test] == both[~test]).any(axis=0)
        # With so few voices, a second thread gains little, and waits long if another program needs its core.
        with threadpool_limits(1), warnings.catch_warnings():
            # Networks are trained for a fixed time.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = classifier(seed).fit(both[~test][:, known], is_first[~test])
            scores = model.predict_proba(both[test][:, known])[:, 1]
        yield test, scores, is_first[test]


def folds(groups: Int64Array, seed: int) -> Int64Array:
    """Return the fold of each voice, `int64[n]`. A group is in one fold, and folds are about equally large."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middles = np.empty(len(sizes))
    middles[order] = np.cumsum(sizes[order]) - sizes[order] / 2
    return np.asarray((middles * FOLDS / len(groups)).astype(np.int64)[group])


def area(scores: Float64Array, positive: BoolArray, groups: Int64Array) -> Estimate:
    """Return the area under the ROC curve of scores `[n]`, with a standard error for voices grouped by family.

    Source: Obuchowski, "Nonparametric analysis of clustered ROC curve data", 1997.
    """
    value, parts = _deviations(scores, positive)
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, parts)
    return Estimate(value, float(np.sqrt((sums**2).sum() * len(sums) / max(len(sums) - 1, 1))))


def _deviations(scores: Float64Array, positive: BoolArray) -> tuple[float, Float64Array]:
    """Return the area under the ROC curve and the deviation from it that each voice accounts for."""
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    # Share of the negatives that a positive beats, or of the positives that beat a negative.
    beats = np.empty(len(scores))
    beats[positive] = (ranks[positive] - rankdata(scores[positive])) / negatives
    beats[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / positives
    value = float(beats[positive].mean())
    return value, (beats - value) / np.where(positive, positives, negatives)
