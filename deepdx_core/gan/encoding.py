"""The encoding of a voice as a 16x16 image, and back. Only this file knows the meaning of the image's cells.

As in the blog "Deep DX", the image has an area for each operator and one for the common parameters. Each is filled row
by row, left to right, in the order of the parameter table:

- rows 0-1 operator 6, rows 2-3 operator 5, ... rows 10-11 operator 1: 32 cells each, 2 of them spare;
- rows 12-15 the common parameters: 64 cells, 2 of them spare.

A parameter takes one or more neighboring cells:

- An ordinal takes one: -1 for 0, 1 for its maximum, and the values between them linearly from -0.85 to 0.85. The gap is
  there because real voices crowd at the ends (an envelope's rest level is 0 in nine of ten). There, 0 and 3 sound
  different, but are nearly the same to a network without the gap. Decoding maps everything beyond the inner range to
  the end. The switches (mode, the two syncs) are ordinals with two ends.
- An ordinal whose factory default lies inside its range (detune 7, coarse 1, break point 39, pitch envelope levels 50,
  transpose 24, ...) takes a second cell: 1 if the voice has the default, else -1. In decoding, a positive cell
  overrides the ordinal. Real voices keep to those defaults by the thousand, and a network that has to hit one among 100
  levels comes close instead: a pitch envelope at 49 is a voice out of tune. The other defaults lie at an end.
- A categorical (algorithm, LFO wave, the curves), whose values have no order, takes one cell per value: 1 for its
  value, -1 for the others. In decoding, the largest cell wins, the first of equal ones.

Spare cells are 0. Every legal voice survives `encode` and `decode` unchanged, and every finite image decodes to a
legal voice.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import Float32Array, UInt8Array
from deepdx_core.codec.packing import MAXIMA
from deepdx_core.voice.parameters import OPERATORS, PARAMETERS

SIDE = 16
_OPERATOR_CELLS = 2 * SIDE
_INNER = 0.85
"""Bound of the values between the ends of an ordinal's range."""


@dataclass(frozen=True)
class Cell:
    """The meaning of the cell at `place` (row * SIDE + column) for the parameter `PARAMETERS[parameter]`.

    kind: "ordinal", the position of the value in its range; "default" or "choice", whether the value is `value`.
    """

    place: int
    kind: Literal["ordinal", "default", "choice"]
    parameter: int
    value: int = 0


def _cells() -> tuple[Cell, ...]:
    areas = {f"op{operator}": order * _OPERATOR_CELLS for order, operator in enumerate(OPERATORS)}
    areas["common"] = len(OPERATORS) * _OPERATOR_CELLS
    free = dict(areas)  # the next free cell of each area
    cells: list[Cell] = []
    for i, parameter in enumerate(PARAMETERS):
        prefix = parameter.name.partition("_")[0]
        area = prefix if prefix in areas else "common"
        if parameter.categorical:
            meanings = [Cell(free[area] + value, "choice", i, value) for value in range(parameter.maximum + 1)]
        else:
            meanings = [Cell(free[area], "ordinal", i)]
            if 0 < parameter.default < parameter.maximum:
                meanings.append(Cell(free[area] + 1, "default", i, parameter.default))
        cells += meanings
        free[area] += len(meanings)
    return tuple(cells)


CELLS: tuple[Cell, ...] = _cells()
"""All cells but the spare ones, in the order of the parameter table."""


def _columns(kind: str) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], UInt8Array]:
    """Return the places, parameters and values of the cells of a kind."""
    cells = [cell for cell in CELLS if cell.kind == kind]
    return (
        np.array([cell.place for cell in cells], dtype=np.intp),
        np.array([cell.parameter for cell in cells], dtype=np.intp),
        np.array([cell.value for cell in cells], dtype=np.uint8),
    )


_ORDINAL_PLACES, _ORDINALS, _ = _columns("ordinal")
_DEFAULT_PLACES, _DEFAULTED, _DEFAULTS = _columns("default")
_CHOICE_PLACES, _CHOICES, _CHOICE_VALUES = _columns("choice")
_HALF_RANGES = MAXIMA[_ORDINALS].astype(np.float32) / 2


def encode(parameters: UInt8Array) -> Float32Array:
    """Encode legal voices `uint8[n, 145]` as images `float32[n, 16, 16]`. Raises ValueError for illegal ones."""
    if parameters.dtype != np.uint8 or parameters.shape[1:] != MAXIMA.shape or (parameters > MAXIMA).any():
        raise ValueError(f"expected uint8[n, {len(MAXIMA)}] of legal values, got {parameters.dtype}{parameters.shape}")
    cells = np.zeros((len(parameters), SIDE * SIDE), dtype=np.float32)
    linear = parameters[:, _ORDINALS] / _HALF_RANGES - 1
    cells[:, _ORDINAL_PLACES] = np.where(np.abs(linear) == 1, linear, _INNER * linear)
    cells[:, _DEFAULT_PLACES] = np.where(parameters[:, _DEFAULTED] == _DEFAULTS, 1, -1)
    cells[:, _CHOICE_PLACES] = np.where(parameters[:, _CHOICES] == _CHOICE_VALUES, 1, -1)
    return cells.reshape(-1, SIDE, SIDE)


def decode(images: Float32Array) -> UInt8Array:
    """Decode images `float32[n, 16, 16]` to legal voices `uint8[n, 145]`. Raises ValueError for values not finite."""
    if images.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"expected images of {SIDE}x{SIDE}, got the shape {images.shape}")
    if not np.isfinite(images).all():
        raise ValueError("an image has a value that is not finite")
    cells = images.reshape(-1, SIDE * SIDE)
    parameters = np.zeros((len(cells), len(PARAMETERS)), dtype=np.uint8)
    linear = cells[:, _ORDINAL_PLACES].clip(-_INNER, _INNER) / _INNER
    parameters[:, _ORDINALS] = np.rint((linear + 1) * _HALF_RANGES)
    at_default = cells[:, _DEFAULT_PLACES] > 0
    parameters[:, _DEFAULTED] = np.where(at_default, _DEFAULTS, parameters[:, _DEFAULTED])
    for parameter in np.unique(_CHOICES):
        places = _CHOICE_PLACES[parameter == _CHOICES]
        parameters[:, parameter] = cells[:, places].argmax(axis=1)
    return parameters
