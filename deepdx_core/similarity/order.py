"""An order of sounds in which neighbors are alike."""

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from deepdx_core.arrays import Float64Array, Int64Array

_MAX_REFINED = 1000  # points: the time of 2-opt grows with more than their square


def short_path(points: npt.NDArray[np.floating], start: npt.NDArray[np.floating] | None = None) -> Int64Array:
    """Return an order of points, `[n, dimensions]`, in which neighbors are near, `int64[n]`.

    It begins near `start`, or else at the point farthest from the middle, and goes to the nearest neighbor each time.
    The path of up to 1,000 points is then shortened by 2-opt (Croes, 1958).
    """
    if not len(points):
        return np.empty(0, dtype=np.int64)
    from_start = (
        -np.linalg.norm(points - points.mean(axis=0), axis=1)
        if start is None
        else np.linalg.norm(points - start, axis=1)
    )
    left = np.ones(len(points), dtype=bool)
    path = [int(from_start.argmin())]
    left[path[0]] = False
    while left.any():
        distances = cdist(points[path[-1:]], points)[0]
        path.append(int(np.where(left, distances, np.inf).argmin()))
        left[path[-1]] = False
    order = np.array(path)
    return _shortened(order, cdist(points, points)) if len(points) <= _MAX_REFINED else order


def _shortened(order: Int64Array, distances: Float64Array) -> Int64Array:
    improved = True
    while improved:
        improved = False
        for first in range(1, len(order) - 1):
            # Reversing order[first:last + 1] replaces two steps; at the end of the path there is only one.
            before, ends = order[first - 1], order[first + 1 :]
            after = np.append(ends[1:], -1)
            step = np.where(after >= 0, distances[ends, after], 0)
            new_step = np.where(after >= 0, distances[order[first], after], 0)
            gains = distances[before, order[first]] + step - distances[before, ends] - new_step
            if gains.max() > 1e-9:
                last = first + 1 + int(gains.argmax())
                order[first : last + 1] = order[first : last + 1][::-1].copy()
                improved = True
    return order
