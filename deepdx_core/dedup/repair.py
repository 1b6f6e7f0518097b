"""Parameters out of range put right, where there is no doubt how: the repaired voice is a sound of its own."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import BoolArray, UInt8Array
from deepdx_core.codec.packing import INIT_VOICE, MAXIMA, repack_vmem
from deepdx_core.dedup.functional import functional_parameters
from deepdx_core.dedup.near_duplicates import near_duplicates_across
from deepdx_core.tables.curation import REPAIRS
from deepdx_core.voice.parameters import NAME_LENGTH, PARAMETERS, VMEM_SIZE

CLAMPED, TWIN, UNHEARD, KIN, PLAYS_ALIKE = REPAIRS

_LOST = 0x7F  # a packed byte with all bits set, which is what stands where a byte was lost
_COLUMNS_OF_BYTE = {
    place: [i for i, p in enumerate(PARAMETERS) if p.vmem == place] for place in {p.vmem for p in PARAMETERS}
}
_FULL_RANGE = 99
_RATES: BoolArray = np.array(["eg_rate" in p.name and not p.name.startswith("pitch") for p in PARAMETERS])


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
    parameters: UInt8Array
    """What they become, `uint8[m, 145]`, legal."""
    how: list[str]
    """One of REPAIRS each, [m]."""


def repair(parameters: UInt8Array, settings: RepairSettings) -> Repaired:
    """Put right what can be among distinct sounds, `uint8[n, 145]`, legal and not. In this order:

    - where every parameter out of range is so by no more than the margin, it is set to its highest value;
    - where one legal sound, and only one, has all other parameters the same, the values are that sound's;
    - where the values make no difference to what is heard, they become those of INIT VOICE;
    - where the legal sounds at most 5 parameters away all have the same values, they are these (measured where the only
      twin was hidden: right in 96 of 100);
    - an envelope rate over 99 is set to 99: rates act in 64 steps, of which 98 has the last, so that it plays alike.

    A byte with all bits set was lost on the way rather than written by an editor: it is not set to its highest value as
    an editor's slip is, and what else is stored in it counts as lost too.
    """
    over = parameters > MAXIMA
    faults = np.count_nonzero(over, axis=1)
    rows = np.flatnonzero((faults > 0) & (faults <= settings.most_parameters))
    broken, over = parameters[rows], over[rows]
    legal = parameters[faults == 0]
    in_lost = _in_lost_bytes(broken)
    near = ~np.any(over & (in_lost | _far(broken, settings)), axis=1)
    unknown = over | (in_lost & _beside(over & in_lost))

    mended = np.minimum(broken, MAXIMA)
    how = np.where(near, CLAMPED, "").astype(object)

    def settle(chosen: npt.NDArray[np.intp], values: UInt8Array, reason: str) -> None:
        mended[chosen] = np.where(unknown[chosen], values, mended[chosen])
        how[chosen] = reason

    open_ = np.flatnonzero(how == "")
    twins = _only_twins(broken[open_], unknown[open_], legal)
    settle(open_[twins >= 0], legal[twins[twins >= 0]], TWIN)
    open_ = np.flatnonzero(how == "")
    settle(open_[_unheard(mended[open_], unknown[open_])], INIT_VOICE, UNHEARD)
    open_ = np.flatnonzero(how == "")
    agreed, values = _of_near_duplicates(broken[open_], unknown[open_], legal)
    settle(open_[agreed], values, KIN)
    open_ = np.flatnonzero(how == "")
    settle(open_[~np.any(unknown[open_] & ~_RATES, axis=1)], MAXIMA, PLAYS_ALIKE)

    done = how != ""
    return Repaired(rows[done], mended[done], how[done].tolist())


def wild_faults(parameters: UInt8Array, settings: RepairSettings) -> npt.NDArray[np.intp]:
    """How many parameters of voices, `uint8[n, 145]`, are out of range by more than the margin, `intp[n]`.

    Lost bytes are not counted: they tell nothing of what is around them, while wild values are a mark of noise.
    """
    return np.asarray(np.count_nonzero(_far(parameters, settings) & ~_in_lost_bytes(parameters), axis=1))


def _far(parameters: UInt8Array, settings: RepairSettings) -> BoolArray:
    """Which parameters are over their highest value by more than the margin, `bool[n, 145]`."""
    margin = np.where(MAXIMA == _FULL_RANGE, settings.margin, 1)
    far: BoolArray = parameters > MAXIMA + margin
    return far


def _in_lost_bytes(parameters: UInt8Array) -> BoolArray:
    """Which parameters stand in a packed byte that has all bits set, `bool[n, 145]`."""
    names = np.zeros((len(parameters), NAME_LENGTH), dtype=np.uint8)
    packed = repack_vmem(parameters, names, np.zeros((len(parameters), VMEM_SIZE), dtype=np.uint8))
    all_set: BoolArray = packed[:, [p.vmem for p in PARAMETERS]] == _LOST
    return all_set


def _beside(lost: BoolArray) -> BoolArray:
    """The parameters that share a byte with one of `lost`, `bool[n, 145]`."""
    beside = np.zeros_like(lost)
    for columns in _COLUMNS_OF_BYTE.values():
        beside[:, columns] = lost[:, columns].any(axis=1, keepdims=True)
    return beside


def _only_twins(broken: UInt8Array, unknown: BoolArray, legal: UInt8Array) -> npt.NDArray[np.intp]:
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


def _of_near_duplicates(
    broken: UInt8Array, unknown: BoolArray, legal: UInt8Array
) -> tuple[npt.NDArray[np.intp], UInt8Array]:
    """The rows of `broken`, [m], whose legal kin agree on all that is unknown, and one such kin each."""
    parts = np.repeat(np.arange(2), [len(legal), len(broken)])
    pairs = near_duplicates_across(np.concatenate([legal, broken]), parts)
    pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
    rows, first, counts = np.unique(pairs[:, 1] - len(legal), return_index=True, return_counts=True)
    # Each kin against the first of its row, where it matters.
    differing = (legal[pairs[:, 0]] != legal[np.repeat(pairs[first, 0], counts)]) & unknown[pairs[:, 1] - len(legal)]
    doubt = np.logical_or.reduceat(differing.any(axis=1), first) if len(rows) else np.zeros(0, dtype=bool)
    return rows[~doubt], legal[pairs[first[~doubt], 0]]


def _sums(
    shares: npt.NDArray[np.uint64], parameters: UInt8Array, columns: npt.NDArray[np.intp]
) -> npt.NDArray[np.uint64]:
    total = np.zeros(len(parameters), dtype=np.uint64)
    for column in columns:
        total += shares[column, parameters[:, column]]
    return total


def _unheard(parameters: UInt8Array, unknown: BoolArray) -> BoolArray:
    """Whether what is unknown makes no difference to what is heard, `bool[n]`: the extremes and INIT VOICE's agree."""
    low, high, usual = (
        functional_parameters(np.where(unknown, values, parameters).astype(np.uint8))
        for values in (0, MAXIMA, INIT_VOICE)
    )
    same: BoolArray = np.all((low == high) & (low == usual), axis=1)
    return same
