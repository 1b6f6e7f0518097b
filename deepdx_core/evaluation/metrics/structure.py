"""Structure: total variation between generated and real voices in the joint distributions of related parameters."""

from collections.abc import Iterator
from statistics import fmean

import numpy as np

from deepdx_core.arrays import Int64Array, UInt8Array
from deepdx_core.voice.columns import CARRIERS, operator_columns
from deepdx_core.voice.parameters import INDEX

_STEPS = 10  # bins are as wide as this, on a scale from 0 to 99
_Cells = Iterator[Int64Array]


def structure(generated: UInt8Array, real: UInt8Array) -> dict[str, float]:
    """Return total variation distances between voices `uint8[n, 145]` and `uint8[m, 145]`, from 0 (equal) to 1.

    Each is a mean over the six operators, with carriers and modulators distinguished:

    - frequency: mode, coarse, and fine in ten bins
    - envelopes: output level with each envelope level, in ten bins each
    - velocity: velocity sensitivity
    - key_scaling: both curves with both depths, in four bins each
    - rate_scaling: rate scaling
    """
    distances = {}
    for name, cells in _DISTRIBUTIONS.items():
        pairs = zip(cells(generated), cells(real), strict=True)
        distances[name] = fmean(_total_variation(one, other, operator) for one, other in pairs for operator in range(6))
    return distances


def _total_variation(one: Int64Array, other: Int64Array, operator: int) -> float:
    left, right = one[:, operator], other[:, operator]
    size = int(max(left.max(), right.max())) + 1
    shares = np.bincount(left, minlength=size) / len(left) - np.bincount(right, minlength=size) / len(right)
    return float(np.abs(shares).sum() / 2)


def _per_operator(parameters: UInt8Array, name: str) -> Int64Array:
    """Return a parameter of operators 1 to 6, `int64[n, 6]`."""
    return parameters[:, operator_columns(name)].astype(np.int64)


def _cells(parameters: UInt8Array, *parts: tuple[Int64Array, int]) -> Int64Array:
    """Return the cell of each operator in a joint distribution, `int64[n, 6]`.

    The first dimension is carrier or not. parts: the other dimensions, each with its size.
    """
    cell = CARRIERS[parameters[:, INDEX["algorithm"]]].astype(np.int64)
    for part, size in parts:
        cell = cell * size + part
    return cell


def _frequency(parameters: UInt8Array) -> _Cells:
    mode, fine = _per_operator(parameters, "mode"), _per_operator(parameters, "fine") // _STEPS
    coarse = _per_operator(parameters, "coarse")
    # A fixed frequency has only four coarse values: 1, 10, 100, 1,000 Hz.
    yield _cells(parameters, (mode, 2), (np.where(mode == 1, coarse % 4, coarse), 32), (fine, _STEPS))


def _envelopes(parameters: UInt8Array) -> _Cells:
    level = _per_operator(parameters, "output_level") // _STEPS
    for number in range(1, 5):
        yield _cells(parameters, (level, _STEPS), (_per_operator(parameters, f"eg_level_{number}") // _STEPS, _STEPS))


def _velocity(parameters: UInt8Array) -> _Cells:
    yield _cells(parameters, (_per_operator(parameters, "velocity_sensitivity"), 8))


def _key_scaling(parameters: UInt8Array) -> _Cells:
    curves = ((_per_operator(parameters, f"{side}_curve"), 4) for side in ("left", "right"))
    # 0, and three parts of the rest of the scale.
    depths = ((-(-_per_operator(parameters, f"{side}_depth") // 33), 4) for side in ("left", "right"))
    yield _cells(parameters, *curves, *depths)


def _rate_scaling(parameters: UInt8Array) -> _Cells:
    yield _cells(parameters, (_per_operator(parameters, "rate_scaling"), 8))


_DISTRIBUTIONS = {
    "frequency": _frequency,
    "envelopes": _envelopes,
    "velocity": _velocity,
    "key_scaling": _key_scaling,
    "rate_scaling": _rate_scaling,
}
