"""Parents: the closest voices of other families, from which a voice may have been derived.

Real voices are rarely made from scratch: half of those whose family is not in the training set differ from some other
voice in at most 15 of 145 parameters.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deepdx_core.arrays import Float64Array, Int64Array, UInt8Array
from deepdx_core.dataset.distances import hamming_distances
from deepdx_core.progress import Report, silent

CANDIDATES = 16
"""Candidate parents of each voice."""

TRAINING_SLACK, SAMPLING_SLACK = 5.0, 1.5
"""Number of further differing parameters that make a parent less likely by a factor of e.

In training, a voice is seen with several parents. In sampling, parents are closer, as they are for real voices: voices
written from parents drawn with the training slack had a C2ST of .61, those with the sampling slack one of .57, and the
latter differed from training voices as much as real ones do.
"""

_BATCH = 128  # voices whose distances to all others are in memory together
_SAME_FAMILY = np.iinfo(np.uint8).max  # more than any distance


@dataclass(frozen=True)
class Parents:
    """The candidate parents of each voice, closest first.

    rows: `int64[n, k]`, rows of the voices that parents were chosen from. differing: `int64[n, k]`, number of
    parameters that differ.
    """

    rows: Int64Array
    differing: Int64Array
    slack: float = TRAINING_SLACK

    @cached_property
    def cumulative(self) -> Float64Array:
        """Cumulative probabilities of the candidates, `float64[n, k]`; the closer, the likelier."""
        weights = np.exp((self.differing[:, :1] - self.differing) / self.slack)
        cumulative = np.cumsum(np.where(self.differing == _SAME_FAMILY, 0, weights), axis=1)
        return np.asarray(cumulative / cumulative[:, -1:])  # ends in 1, so that a candidate of weight 0 is never drawn

    def draw(self, voices: Int64Array, chances: Float64Array) -> tuple[Int64Array, Int64Array]:
        """Draw a parent for each of these voices, by `chances` from 0 to 1.

        Returns the parents' rows, and in how many parameters the voices differ from them.
        """
        drawn = (chances[:, None] > self.cumulative[voices]).sum(axis=1).clip(max=self.rows.shape[1] - 1)
        return self.rows[voices, drawn], self.differing[voices, drawn]


def find_parents(
    voices: UInt8Array, families: Int64Array, among: UInt8Array, families_among: Int64Array, report: Report = silent
) -> Parents:
    """Find the candidate parents of voices `uint8[n, 145]` among others `uint8[m, 145]`, not of their own family.

    Exact. Of equally close candidates, the first rows are taken. Raises ValueError if a voice has no candidate.
    """
    count = min(CANDIDATES, len(among))
    rows, distances = np.empty((len(voices), count), np.int64), np.empty((len(voices), count), np.int64)
    columns = np.ascontiguousarray(among.T)  # [145, m]
    for start in range(0, len(voices), _BATCH):
        batch = slice(start, start + _BATCH)
        counts = hamming_distances(voices[batch], columns)
        counts[families[batch, None] == families_among] = _SAME_FAMILY
        # Distance and row as one number: a total order, and so the same result on every machine.
        keys = counts.astype(np.int64) * len(among) + np.arange(len(among))
        nearest = np.sort(np.partition(keys, count - 1, axis=1)[:, :count], axis=1)
        distances[batch], rows[batch] = np.divmod(nearest, len(among))
        report("looking for parents", min(start + _BATCH, len(voices)), len(voices))
    if (distances[:, :1] == _SAME_FAMILY).any() or not count:
        raise ValueError("a voice has no parent: voices of more than one family are needed")
    return Parents(rows, distances)


def draw_parents(
    labels: Int64Array, parents: Parents, wanted: Int64Array, random: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """Draw a parent for each wanted label, and the number of parameters to differ from it, distributed as in training.

    A training voice of the label is drawn, or of any label if none has it, and only its parent is kept. Draws for one
    label do not depend on the other labels. labels, parents: of the training voices. Returns rows of the training
    voices `int64[n]`, and numbers of parameters `int64[n]`.
    """
    chances, rows = random.random(len(wanted)), np.empty(len(wanted), dtype=np.int64)
    for label in np.unique(wanted):
        (places,), (own,) = np.nonzero(wanted == label), np.nonzero(labels == label)
        own = own if len(own) else np.arange(len(labels))
        rows[places] = own[(chances[places] * len(own)).astype(np.int64)]
    return parents.draw(rows, random.random(len(rows)))
