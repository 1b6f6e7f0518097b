"""Cluster-robust standard errors (Liang and Zeger 1986): voices of one family are not independent, and count as one."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import Float64Array, Int64Array


class Estimate(NamedTuple):
    """A metric and its standard error; nan if they cannot be computed."""

    value: float
    standard_error: float


def mean_with_error(values: npt.NDArray[np.generic], groups: Int64Array) -> Estimate:
    """Return the mean of values `[n]` and its standard error, for values grouped by family `int64[n]`."""
    return Estimate(float(values.mean()), standard_error(values, groups))


def standard_error(values: npt.NDArray[np.generic], groups: Int64Array) -> float:
    """Return the standard error of the mean of values `[n]`, for values grouped by family `int64[n]`.

    nan if there is only one group. Source: Liang and Zeger, "Longitudinal data analysis using generalized linear
    models", 1986, for a mean.
    """
    _, group = np.unique(groups, return_inverse=True)
    deviations: Float64Array = values - values.astype(np.float64).mean()
    sums = np.bincount(group, deviations)
    if len(sums) < 2:
        return float("nan")
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(values))
