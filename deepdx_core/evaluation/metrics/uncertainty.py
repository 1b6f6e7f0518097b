"""How sure a share or a mean over voices is: voices of one family say the same thing, and count as one."""

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import Float64Array, Int64Array


def standard_error(values: npt.NDArray[np.generic], groups: Int64Array) -> float:
    """The standard error of the mean of `values`, `[n]`, of which those of one group, `int64[n]`, are not independent.

    nan where there is but one group. Source: Liang and Zeger, "Longitudinal data analysis using generalized linear
    models", 1986, for a mean.
    """
    _, group = np.unique(groups, return_inverse=True)
    deviations: Float64Array = values - values.astype(np.float64).mean()
    sums = np.bincount(group, deviations)
    if len(sums) < 2:
        return float("nan")
    return float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / len(values))


def mean_with_error(values: npt.NDArray[np.generic], groups: Int64Array) -> tuple[float, float]:
    """The mean and its standard error."""
    return float(values.mean()), standard_error(values, groups)
