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
    nearest = int(from_start.argmin())
    order = np.arange(len(points))
    ordered = points.astype(np.float64)
    for place in range(len(points)):
        # What comes before `place` is in order; the rest is left.
        for array in (order, ordered):
            array[[place, nearest]] = array[[nearest, place]]
        if place + 1 < len(points):
            nearest = place + 1 + int(cdist(ordered[[place]], ordered[place + 1 :])[0].argmin())
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
