"""From which voices a voice may have been made: the closest ones of other families.

Real voices seldom come from nothing: half of those whose family nobody has seen differ from some other voice in no more
than 15 of 145 parameters.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.distances import hamming_distances
from deepdx_core.progress import Report, silent

CANDIDATES = 16

TO_LEARN, TO_WRITE = 5.0, 1.5
"""Slacks: so many parameters more make a parent less likely by a factor of e. While learning, a voice is seen with
several parents; they are written from nearer ones, as real voices have them: from those of the wider choice they were
told from real ones by an area of .61, with the closer one by .57, and differed from training voices as real ones do."""

_AT_A_TIME = 128  # voices whose distances to all others are held at once
_APART = np.iinfo(np.uint8).max  # more than any distance


@dataclass(frozen=True)
class Parents:
    """For each voice its candidates, nearest first: their rows, `int64[n, k]`, and how many parameters differ."""

    rows: Int64Array
    differing: Int64Array
    slack: float = TO_LEARN

    @cached_property
    def cumulated(self) -> Float64Array:
        """The chance that it is this candidate or one before it, `float64[n, k]`: the nearer, the likelier."""
        weights = np.where(self.differing == _APART, 0, np.exp((self.differing[:, :1] - self.differing) / self.slack))
        cumulated = np.cumsum(weights, axis=1)
        return np.asarray(cumulated / cumulated[:, -1:])  # ends in 1, so that none of no weight is ever drawn

    def draw(self, voices: Int64Array, chances: Float64Array) -> tuple[Int64Array, Int64Array]:
        """A parent for each of some voices, and in how many parameters they differ, by `chances` from 0 to 1."""
        drawn = (chances[:, None] > self.cumulated[voices]).sum(axis=1).clip(max=self.rows.shape[1] - 1)
        return self.rows[voices, drawn], self.differing[voices, drawn]


def find_parents(
    voices: UInt8Array, families: Int64Array, among: UInt8Array, families_among: Int64Array, report: Report = silent
) -> Parents:
    """The candidates of each of `voices`, `uint8[n, 145]`, among others, `uint8[m, 145]`, not of its own family.

    Exact; of equally close ones, the first. Raises ValueError where a voice has none at all.
    """
    count = min(CANDIDATES, len(among))
    rows, distances = np.empty((len(voices), count), np.int64), np.empty((len(voices), count), np.int64)
    columns = np.ascontiguousarray(among.T)  # [145, m]
    for start in range(0, len(voices), _AT_A_TIME):
        some = slice(start, start + _AT_A_TIME)
        counts = hamming_distances(voices[some], columns)
        counts[families[some, None] == families_among] = _APART
        # Distance and row as one number: the order is total, and so the same on every machine.
        keys = counts.astype(np.int64) * len(among) + np.arange(len(among))
        nearest = np.sort(np.partition(keys, count - 1, axis=1)[:, :count], axis=1)
        distances[some], rows[some] = np.divmod(nearest, len(among))
        report("looking for parents", min(start + _AT_A_TIME, len(voices)), len(voices))
    if (distances[:, :1] == _APART).any() or not count:
        raise ValueError("a voice has no parent: voices of more than one family are needed")
    return Parents(rows, distances)
