"""Whether a classifier can tell two sets of voices apart: the classifier two-sample test.

Source: Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", 2017.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, Float64Array, Int64Array

FOLDS = 3


def c2st(first: npt.NDArray[Any], second: npt.NDArray[Any], groups: Int64Array, seed: int) -> tuple[float, float]:
    """How well boosted trees tell the sets apart, as area under the ROC curve, and its standard error.

    0.5 is not at all, 1 always. first, second: `[n, k]` and `[m, k]`, nan where nothing is known. groups:
    `int64[n + m]`, the families of both together: none is in two folds, or the classifier would know voices by their
    relatives rather than by what tells the sets apart. The area is the mean over three folds. The error regards which
    voices were judged, not which the trees learned from. nan where a fold lacks one of the sets.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    both = np.concatenate([first, second])
    is_first = np.arange(len(both)) < len(first)
    fold = folds(groups, seed)
    areas = []
    for number in range(FOLDS):
        judged = fold == number
        if len(np.unique(is_first[judged])) < 2 or len(np.unique(is_first[~judged])) < 2:
            return float("nan"), float("nan")
        model = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
        # What is nan throughout tells nothing, and the trees do not take it.
        told = (both[~judged] == both[~judged]).any(axis=0)
        # On so few voices a second thread gains little, and where another program wants its core it waits long.
        with threadpool_limits(1, "openmp"):
            model.fit(both[~judged][:, told], is_first[~judged])
        areas.append(area(model.decision_function(both[judged][:, told]), is_first[judged], groups[judged]))
    means, errors = np.array(areas).T
    return float(means.mean()), float(np.sqrt((errors**2).sum()) / FOLDS)


def folds(groups: Int64Array, seed: int) -> Int64Array:
    """The fold of each voice, `int64[n]`, such that a group is in one fold and folds are about as large."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middles = np.empty(len(sizes))
    middles[order] = np.cumsum(sizes[order]) - sizes[order] / 2
    return np.asarray((middles * FOLDS / len(groups)).astype(np.int64)[group])


def area(scores: Float64Array, positive: BoolArray, groups: Int64Array) -> tuple[float, float]:
    """The area under the ROC curve of `scores`, `[n]`, and its standard error with voices grouped by family.

    Source: Obuchowski, "Nonparametric analysis of clustered ROC curve data", 1997.
    """
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    # The share of the other side that each one beats (is beaten by).
    beats = np.empty(len(scores))
    beats[positive] = (ranks[positive] - rankdata(scores[positive])) / negatives
    beats[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / positives
    found = float(beats[positive].mean())
    parts = (beats - found) / np.where(positive, positives, negatives)
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, parts)
    return found, float(np.sqrt((sums**2).sum() * len(sums) / max(len(sums) - 1, 1)))
