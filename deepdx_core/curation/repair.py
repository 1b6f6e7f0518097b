"""Parameters out of range put right, where there is no doubt how: the repaired voice is a sound of its own."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepdx_core.codec.packing import INIT_VOICE, MAXIMA, Bytes, Flags, repack_vmem
from deepdx_core.curation.identity import functional
from deepdx_core.tables.schemas import REPAIRS
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETERS, VMEM_SIZE

CLAMPED, TWIN, UNHEARD = REPAIRS

_LOST = 0x7F  # a packed byte with all bits set, which is what stands where a byte was lost
_COLUMNS_OF_BYTE = {
    place: [i for i, p in enumerate(PARAMETERS) if p.vmem == place] for place in {p.vmem for p in PARAMETERS}
}
_FULL_RANGE = 99


@dataclass(frozen=True)
class RepairSettings:
    """How much may be put right.

    most_parameters: a voice with more out of range is damaged throughout.
    margin: how far over 99 a parameter may stand to be set to 99, as some editors wrote; 1 for all other maxima.
    """

    most_parameters: int = 2
    margin: int = 7


class Repaired(NamedTuple):
    """Voices put right."""

    rows: npt.NDArray[np.intp]
    """Which rows of those given, [m], ascending."""
    parameters: Bytes
    """What they become, `uint8[m, 145]`, legal."""
    how: list[str]
    """One of REPAIRS each, [m]."""


def repair(parameters: Bytes, settings: RepairSettings) -> Repaired:
    """Put right what can be among distinct sounds, `uint8[n, 145]`, legal and not. In this order:

    - where every parameter out of range is so by no more than the margin, it is set to its highest value;
    - where one legal sound, and only one, has all other parameters the same, the values are that sound's;
    - where the values make no difference to what is heard, they become those of INIT VOICE.

    A byte with all bits set was lost on the way rather than written by an editor: it is never set to its highest value,
    and what else is stored in it counts as lost too.
    """
    over = parameters > MAXIMA
    faults = np.count_nonzero(over, axis=1)
    rows = np.flatnonzero((faults > 0) & (faults <= settings.most_parameters))
    broken, over = parameters[rows], over[rows]
    lost = over & _in_lost_bytes(broken)
    margin = np.where(MAXIMA == _FULL_RANGE, settings.margin, 1)
    near = ~np.any(over & (lost | (broken > MAXIMA + margin)), axis=1)

    mended = np.minimum(broken, MAXIMA)
    how = np.full(len(rows), "", dtype=object)
    how[near] = CLAMPED

    unknown = over | (_in_lost_bytes(broken) & _beside(lost))
    open_ = np.flatnonzero(~near)
    legal = parameters[faults == 0]
    twins = _only_twins(broken[open_], unknown[open_], legal)
    found = open_[twins >= 0]
    mended[found] = legal[twins[twins >= 0]]
    how[found] = TWIN

    open_ = open_[twins < 0]
    unheard = open_[_unheard(mended[open_], unknown[open_])]
    mended[unheard] = np.where(unknown[unheard], INIT_VOICE, mended[unheard])
    how[unheard] = UNHEARD

    done = how != ""
    return Repaired(rows[done], mended[done], how[done].tolist())


def _in_lost_bytes(parameters: Bytes) -> Flags:
    """Which parameters stand in a packed byte that has all bits set, `bool[n, 145]`."""
    names = np.zeros((len(parameters), NAME_LENGTH), dtype=np.uint8)
    packed = repack_vmem(parameters, names, np.zeros((len(parameters), VMEM_SIZE), dtype=np.uint8))
    all_set: Flags = packed[:, [p.vmem for p in PARAMETERS]] == _LOST
    return all_set


def _beside(lost: Flags) -> Flags:
    """The parameters that share a byte with one of `lost`, `bool[n, 145]`."""
    beside = np.zeros_like(lost)
    for columns in _COLUMNS_OF_BYTE.values():
        beside[:, columns] = lost[:, columns].any(axis=1, keepdims=True)
    return beside


def _only_twins(broken: Bytes, unknown: Flags, legal: Bytes) -> npt.NDArray[np.intp]:
    """The row of `legal` that is equal in all known parameters, -1 where there is none or more than one, `intp[n]`."""
    # A sum of random numbers, one for each value of each parameter: what is unknown can be taken out of it again.
    shares = np.random.default_rng(0).integers(0, 2**64, (len(PARAMETERS), 256), dtype=np.uint64)
    columns = np.arange(len(PARAMETERS))
    whole = _sums(shares, legal, columns)
    twins = np.full(len(broken), -1, dtype=np.intp)
    patterns, of_pattern = np.unique(unknown, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        gaps = np.flatnonzero(pattern)
        rows = np.flatnonzero(of_pattern.reshape(-1) == number)
        sums = whole - _sums(shares, legal, gaps)
        order = np.argsort(sums, kind="stable")
        wanted = _sums(shares, broken[rows], np.flatnonzero(~pattern))
        first = np.searchsorted(sums, wanted, side="left", sorter=order)
        last = np.searchsorted(sums, wanted, side="right", sorter=order)
        one = last - first == 1
        twins[rows[one]] = order[first[one]]
    candidates = np.flatnonzero(twins >= 0)
    equal = (broken[candidates] == legal[twins[candidates]]) | unknown[candidates]
    twins[candidates[~equal.all(axis=1)]] = -1  # equal sums of different voices
    return twins


def _sums(shares: npt.NDArray[np.uint64], parameters: Bytes, columns: npt.NDArray[np.intp]) -> npt.NDArray[np.uint64]:
    total = np.zeros(len(parameters), dtype=np.uint64)
    for column in columns:
        total += shares[column, parameters[:, column]]
    return total


def _unheard(parameters: Bytes, unknown: Flags) -> Flags:
    """Whether what is unknown makes no difference to what is heard, `bool[n]`: the extremes and INIT VOICE's agree."""
    low, high, usual = (
        functional(np.where(unknown, values, parameters).astype(np.uint8)) for values in (0, MAXIMA, INIT_VOICE)
    )
    same: Flags = np.all((low == high) & (low == usual), axis=1)
    return same
