"""Repair of parameters out of range, where the right value is not in doubt. A repaired voice is a sound of its own."""

from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA, repack_vmem
from deepdx_core.dedup.functional import functional_parameters
from deepdx_core.dedup.near_duplicates import near_duplicates_across
from deepdx_core.documents import StrictModel
from deepdx_core.tables.curation import REPAIRS
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETERS, VMEM_SIZE

_CLAMPED, _TWIN, _INAUDIBLE, _NEAR_DUPLICATES, _PLAYS_ALIKE = REPAIRS

_LOST = 0x7F  # a packed byte with all bits set, which replaces a lost byte
_COLUMNS_OF_BYTE = {
    place: [i for i, p in enumerate(PARAMETERS) if p.vmem == place] for place in {p.vmem for p in PARAMETERS}
}
_FULL_RANGE = 99
_RATES: BoolArray = np.array(["eg_rate" in p.name and not p.name.startswith("pitch") for p in PARAMETERS])

_Count = Annotated[int, Field(ge=0, le=len(PARAMETERS))]


class RepairSettings(StrictModel):
    """Limits of repair.

    most_parameters: a voice with more parameters out of range is damaged throughout and not repaired.
    margin: highest excess over 99 that is clamped, since some editors write such values; over other maxima it is 1.
    """

    most_parameters: _Count = 2
    margin: _Count = 7


class Repaired(NamedTuple):
    """Repaired voices."""

    rows: npt.NDArray[np.intp]
    """Their rows among the voices given, [m], ascending."""
    parameters: UInt8Array
    """Their new parameters, `uint8[m, 145]`, all in range."""
    how: list[str]
    """The kind of repair, one of REPAIRS each, [m]."""


def repair(parameters: UInt8Array, settings: RepairSettings) -> Repaired:
    """Repair distinct sounds, `uint8[n, 145]`, in range or not. The first of these methods that applies is used:

    - If every parameter out of range exceeds its maximum by no more than the margin, it is set to the maximum.
    - If exactly one sound in range has all other parameters equal, its values are taken.
    - If the values make no audible difference, those of INIT VOICE are taken.
    - If all sounds in range at most 5 parameters away agree, their values are taken (measured by hiding the only twin:
      right in 96 of 100).
    - An envelope rate over 99 is set to 99: rates act in 64 steps, and 98 is in the last, so the voice plays the same.

    A byte with all bits set was lost in transfer, not written by an editor. It is therefore not clamped, and the other
    parameters stored in it count as lost too.
    """
    over = parameters > MAXIMA
    faults = np.count_nonzero(over, axis=1)
    rows = np.flatnonzero((faults > 0) & (faults <= settings.most_parameters))
    broken, over = parameters[rows], over[rows]
    in_range = parameters[faults == 0]
    in_lost = _in_lost_bytes(broken)
    near = ~np.any(over & (in_lost | _far(broken, settings)), axis=1)
    unknown = over | (in_lost & _beside(over & in_lost))

    repaired = np.minimum(broken, MAXIMA)
    how = np.where(near, _CLAMPED, "").astype(object)

    def settle(chosen: npt.NDArray[np.intp], values: UInt8Array, reason: str) -> None:
        repaired[chosen] = np.where(unknown[chosen], values, repaired[chosen])
        how[chosen] = reason

    open_ = np.flatnonzero(how == "")
    twins = _only_twins(broken[open_], unknown[open_], in_range)
    settle(open_[twins >= 0], in_range[twins[twins >= 0]], _TWIN)
    open_ = np.flatnonzero(how == "")
    settle(open_[_inaudible(repaired[open_], unknown[open_])], INIT_VOICE, _INAUDIBLE)
    open_ = np.flatnonzero(how == "")
    agreed, values = _agreeing_near_duplicates(broken[open_], unknown[open_], in_range)
    settle(open_[agreed], values, _NEAR_DUPLICATES)
    open_ = np.flatnonzero(how == "")
    settle(open_[~np.any(unknown[open_] & ~_RATES, axis=1)], MAXIMA, _PLAYS_ALIKE)

    done = how != ""
    return Repaired(rows[done], repaired[done], how[done].tolist())


def wild_faults(parameters: UInt8Array, settings: RepairSettings) -> npt.NDArray[np.intp]:
    """Count the parameters of voices, `uint8[n, 145]`, that are out of range by more than the margin, `intp[n]`.

    Lost bytes do not count: they say nothing about the data around them, while wild values are a sign of noise.
    """
    return np.asarray(np.count_nonzero(_far(parameters, settings) & ~_in_lost_bytes(parameters), axis=1))


def _far(parameters: UInt8Array, settings: RepairSettings) -> BoolArray:
    """True where a parameter exceeds its maximum by more than the margin, `bool[n, 145]`."""
    margin = np.where(MAXIMA == _FULL_RANGE, settings.margin, 1)
    far: BoolArray = parameters > MAXIMA + margin
    return far


def _in_lost_bytes(parameters: UInt8Array) -> BoolArray:
    """True where the packed byte of a parameter has all bits set, `bool[n, 145]`."""
    names = np.zeros((len(parameters), NAME_LENGTH), dtype=np.uint8)
    packed = repack_vmem(parameters, names, np.zeros((len(parameters), VMEM_SIZE), dtype=np.uint8))
    all_set: BoolArray = packed[:, [p.vmem for p in PARAMETERS]] == _LOST
    return all_set


def _beside(lost: BoolArray) -> BoolArray:
    """True where a parameter shares its packed byte with one of `lost`, `bool[n, 145]`."""
    beside = np.zeros_like(lost)
    for columns in _COLUMNS_OF_BYTE.values():
        beside[:, columns] = lost[:, columns].any(axis=1, keepdims=True)
    return beside


def _only_twins(broken: UInt8Array, unknown: BoolArray, in_range: UInt8Array) -> npt.NDArray[np.intp]:
    """Return the row of `in_range` that equals each voice in all known parameters, -1 if not exactly one, `intp[n]`."""
    # Hash a voice as a sum of random numbers, one per value of each parameter, so that unknown ones can be subtracted.
    terms = np.random.default_rng(0).integers(0, 2**64, (len(PARAMETERS), 256), dtype=np.uint64)
    columns = np.ascontiguousarray(in_range.T)  # read a parameter at a time, once for each pattern
    whole = _sums(terms, columns, np.arange(len(PARAMETERS)))
    twins = np.full(len(broken), -1, dtype=np.intp)
    patterns, of_pattern = np.unique(unknown, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        gaps = np.flatnonzero(pattern)
        rows = np.flatnonzero(of_pattern.reshape(-1) == number)
        sums = whole - _sums(terms, columns, gaps)
        wanted = _sums(terms, broken[rows].T, np.flatnonzero(~pattern))
        candidates = np.flatnonzero(np.isin(sums, wanted))  # few: sorting all sums would take most of the time
        order = candidates[np.argsort(sums[candidates], kind="stable")]
        first = np.searchsorted(sums[order], wanted, side="left")
        last = np.searchsorted(sums[order], wanted, side="right")
        one = last - first == 1
        twins[rows[one]] = order[first[one]]
    candidates = np.flatnonzero(twins >= 0)
    equal = (broken[candidates] == in_range[twins[candidates]]) | unknown[candidates]
    twins[candidates[~equal.all(axis=1)]] = -1  # equal sums of different voices
    return twins


def _agreeing_near_duplicates(
    broken: UInt8Array, unknown: BoolArray, in_range: UInt8Array
) -> tuple[npt.NDArray[np.intp], UInt8Array]:
    """Return the rows of `broken`, [m], whose near-duplicates agree on all unknown parameters, and one of them each."""
    parts = np.repeat(np.arange(2), [len(in_range), len(broken)])
    pairs = near_duplicates_across(np.concatenate([in_range, broken]), parts)
    pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
    rows, first, counts = np.unique(pairs[:, 1] - len(in_range), return_index=True, return_counts=True)
    # Compare each near-duplicate with the first of its row in the unknown parameters.
    firsts = in_range[np.repeat(pairs[first, 0], counts)]
    differing = (in_range[pairs[:, 0]] != firsts) & unknown[pairs[:, 1] - len(in_range)]
    doubt = np.logical_or.reduceat(differing.any(axis=1), first) if len(rows) else np.zeros(0, dtype=bool)
    return rows[~doubt], in_range[pairs[first[~doubt], 0]]


def _sums(
    terms: npt.NDArray[np.uint64], parameters: UInt8Array, columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.uint64]:
    """Return the sum of the terms of some parameters of each voice, `uint64[n]`. parameters: `uint8[145, n]`."""
    total = np.zeros(parameters.shape[1], dtype=np.uint64)
    for column in columns:
        total += terms[column][parameters[column]]
    return total


def _inaudible(parameters: UInt8Array, unknown: BoolArray) -> BoolArray:
    """True where unknown parameters make no audible difference, `bool[n]`: 0, the maxima and INIT VOICE's agree."""
    low, high, default = (
        functional_parameters(np.where(unknown, values, parameters).astype(np.uint8))
        for values in (0, MAXIMA, INIT_VOICE)
    )
    same: BoolArray = np.all((low == high) & (low == default), axis=1)
    return same
