"""Keyboard level scaling: the DX7's curves and the four points of the SY77, each fitted to the other.

Both change the output level in steps of 1/8 octave. The DX7 has a break point, and a depth and curve on either side;
the SY77 has offsets at four notes and straight lines between them.
"""

from itertools import combinations

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array
from deepdx_core.sound.engine.tables import BREAK_POINT_0, EXPONENTIAL_CURVE

KEYS = np.arange(128)
"""MIDI notes, for curves `float64[n, 128]`."""

_LOWEST_KEY, _HIGHEST_KEY = 21, 108
_WEIGHTS = np.where((KEYS >= _LOWEST_KEY) & (KEYS <= _HIGHEST_KEY), 1.0, 0.05)  # the keys of a piano, and the others
_LINEAR = 8  # steps for each group of three keys
_PER_DEPTH = 329 / 32768
_LIMIT = 127
_POINTS = 4
_FRACTIONS = (0.25, 0.4, 0.55, 0.7, 0.85)  # places for a point between the break point and an end
_PLACES = (*((sign * f, 0.0) for f in _FRACTIONS for sign in (-1, 1)), *combinations(_FRACTIONS, 2))
"""Places of the free points: one in the left (negative) or right curve, or two in a curve that has no other."""
_BATCH = 4096
_FARTHEST = len(EXPONENTIAL_CURVE) - 1

_GROUPS = (KEYS + 1) // 3  # by distance from the break point
_SHAPES = np.stack([_LINEAR * _GROUPS, EXPONENTIAL_CURVE[_GROUPS.clip(max=_FARTHEST)]]) * _PER_DEPTH
"""Steps for a depth of 1 by distance, `float64[2, 128]`: linear, exponential."""

_CURVES = np.array([[0, 1], [3, 2]])  # by sign and shape: -LIN, -EXP; +LIN, +EXP


def dx7_curves(scaling: Int64Array) -> Float64Array:
    """Return the steps by which each key is louder, `float64[n, 128]`, at most 127 either way.

    scaling: break point, left depth, right depth, left curve, right curve, `int64[n, 5]`.
    """
    break_point, left_depth, right_depth, left_curve, right_curve = scaling.T[:, :, None]
    distance = KEYS - break_point - BREAK_POINT_0
    right = distance >= 0
    depth, curve = np.where(right, right_depth, left_depth), np.where(right, right_curve, left_curve)
    shape = _SHAPES[((curve == 1) | (curve == 2)).astype(int), np.abs(distance)]
    return np.asarray((np.where(curve < 2, -1, 1) * shape * depth).clip(-_LIMIT, _LIMIT))


def sy77_curves(points: Int64Array, offsets: Int64Array) -> Float64Array:
    """Return the steps by which each key is louder, `float64[n, 128]`.

    points, offsets: ascending notes and the steps there, `int64[n, 4]`.
    """
    curves = np.repeat(offsets[:, :1].astype(float), len(KEYS), axis=1)
    for k in range(_POINTS - 1):
        start, end = points[:, [k]], points[:, [k + 1]]
        share = ((KEYS - start) / np.maximum(end - start, 1)).clip(0, 1)
        line = offsets[:, [k]] + share * (offsets[:, [k + 1]] - offsets[:, [k]])
        curves = np.where(start <= KEYS, line, curves)
    return curves


def fit_points(scaling: Int64Array) -> tuple[Int64Array, Int64Array, Float64Array]:
    """Fit four points to the DX7's curves: notes and offsets, `int64[n, 4]`, and the largest error on a piano's keys.

    Break point and both ends are points; the fourth is where it helps most. Ends are where a curve reaches its limit.
    scaling: as for `dx7_curves`.
    """
    distinct, inverse = np.unique(scaling, axis=0, return_inverse=True)
    parts = [_fit_points(distinct[i : i + _BATCH]) for i in range(0, len(distinct) or 1, _BATCH)]
    points, offsets, errors = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return points[inverse], offsets[inverse], errors[inverse]


def _fit_points(scaling: Int64Array) -> tuple[Int64Array, Int64Array, Float64Array]:
    curves = dx7_curves(scaling)
    rows = np.arange(len(curves))[:, None]
    middle = (scaling[:, 0] + BREAK_POINT_0).astype(np.int64)
    full = np.abs(curves) >= _LIMIT
    left = np.where(full & (middle[:, None] > KEYS), KEYS, 0).max(axis=1)
    right = np.where(full & (middle[:, None] < KEYS), KEYS, KEYS[-1]).min(axis=1)
    left = np.maximum(left, np.minimum(middle, _LOWEST_KEY))
    right = np.minimum(right, np.maximum(middle, _HIGHEST_KEY))
    # Without a curve on one side, the break point is the end of that side.
    left, right = np.where(scaling[:, 1] > 0, left, middle), np.where(scaling[:, 2] > 0, right, middle)
    best = (np.zeros((len(curves), _POINTS), np.int64), np.zeros((len(curves), _POINTS), np.int64))
    lowest, largest = np.full(len(curves), np.inf), np.zeros(len(curves))
    one_sided = (left == middle) | (right == middle)
    for first, second in _PLACES:
        # Two points in a curve without another; else one of the four in either, the break point is the other.
        far = np.where(right == middle, left, right)
        ends = far if second else (left if first < 0 else right)
        between = np.rint(middle + abs(first) * (ends - middle)).astype(np.int64)
        other = np.rint(middle + second * (far - middle)).astype(np.int64) if second else middle
        points = np.sort(np.stack([left, right, between, other], axis=1), axis=1)
        offsets = np.rint(curves[rows, points]).astype(np.int64)
        errors = np.abs(sy77_curves(points, offsets) - curves)
        total = (errors * _WEIGHTS).sum(axis=1)
        better = (total < lowest) & (one_sided | (second == 0))
        for kept, new in zip(best, (points, offsets), strict=True):
            kept[better] = new[better]
        lowest = np.where(better, total, lowest)
        largest = np.where(better, np.where(_WEIGHTS == 1, errors, 0).max(axis=1), largest)
    return *best, largest


def fit_curves(points: Int64Array, offsets: Int64Array) -> tuple[Int64Array, Float64Array]:
    """Fit the DX7's curves to four points: scaling as for `dx7_curves`, and the largest error on a piano's keys."""
    both = np.concatenate([points, offsets], axis=1)
    distinct, inverse = np.unique(both, axis=0, return_inverse=True)
    parts = [_fit_curves(distinct[i : i + _BATCH]) for i in range(0, len(distinct) or 1, _BATCH)]
    scaling, errors = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return scaling[inverse], errors[inverse]


def _fit_curves(both: Int64Array) -> tuple[Int64Array, Float64Array]:
    points, offsets = both[:, :_POINTS], both[:, _POINTS:]
    order = np.argsort(points, axis=1, kind="stable")
    curves = sy77_curves(np.take_along_axis(points, order, 1), np.take_along_axis(offsets, order, 1))
    curves = curves.clip(-_LIMIT, _LIMIT)
    best = np.zeros((len(both), 5), np.int64)
    lowest, largest = np.full(len(both), np.inf), np.zeros(len(both))
    # A note of the four, or the place between two of them.
    middles = np.concatenate([points, (points[:, :-1] + points[:, 1:]) // 2], axis=1)
    for break_point in (middles - BREAK_POINT_0).clip(0, 99).T:
        distance = KEYS - break_point[:, None] - BREAK_POINT_0
        sides = [_fit_side(curves, np.abs(distance), side) for side in (distance < 0, distance >= 0)]
        (left_depth, left_curve), (right_depth, right_curve) = sides
        scaling = np.stack([break_point, left_depth, right_depth, left_curve, right_curve], axis=1)
        errors = np.abs(dx7_curves(scaling) - curves)
        total = (errors * _WEIGHTS).sum(axis=1)
        better = total < lowest
        best[better] = scaling[better]
        lowest = np.where(better, total, lowest)
        largest = np.where(better, np.where(_WEIGHTS == 1, errors, 0).max(axis=1), largest)
    return best, largest


def _fit_side(curves: Float64Array, distance: Int64Array, side: np.ndarray) -> tuple[Int64Array, Int64Array]:
    """Return depth and curve, `int64[n]`, that fit one side of the break point best, by least squares."""
    weights = np.where(side, _WEIGHTS, 0) * (np.abs(curves) < _LIMIT)
    best_depth, best_curve = np.zeros(len(curves), np.int64), np.zeros(len(curves), np.int64)
    lowest = np.full(len(curves), np.inf)
    for number, shape in enumerate(_SHAPES):
        steps = shape[distance]
        slope = (weights * steps * curves).sum(axis=1) / np.maximum((weights * steps**2).sum(axis=1), 1e-9)
        depth = np.rint(np.abs(slope)).clip(0, 99)
        fitted = (np.sign(slope) * depth)[:, None] * steps
        total = (np.abs(fitted.clip(-_LIMIT, _LIMIT) - curves) * np.where(side, _WEIGHTS, 0)).sum(axis=1)
        better = total < lowest
        best_depth = np.where(better, depth, best_depth).astype(np.int64)
        best_curve = np.where(better, _CURVES[(slope > 0).astype(int), number], best_curve)
        lowest = np.where(better, total, lowest)
    return best_depth, np.where(best_depth > 0, best_curve, 0)
