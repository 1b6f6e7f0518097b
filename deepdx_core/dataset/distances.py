"""Hamming distances between voices: the number of parameters in which they differ."""

import numpy as np

from deepdx_core.arrays import Int64Array, UInt8Array

_TILE = 8192  # training voices per step
_BATCH = 32  # voices per step; the counts of a tile fit in the cache of a core


def hamming_distances(voices: UInt8Array, columns: UInt8Array) -> UInt8Array:
    """Return the distance of each voice, `uint8[n, 145]`, to each of m others, `uint8[n, m]`.

    columns: the other voices transposed, `uint8[145, m]`; m should be small enough for the cache of a core.
    """
    counts = np.zeros((len(voices), columns.shape[1]), dtype=np.uint8)
    unequal = np.empty(counts.shape, dtype=np.bool_)
    for column, values in zip(columns, voices.T, strict=True):
        np.not_equal(column, values[:, None], out=unequal)
        counts += unequal.view(np.uint8)
    return counts


def distances_to_closest(voices: UInt8Array, train: UInt8Array) -> Int64Array:
    """Return the distance of each voice, `uint8[n, 145]`, to its closest training voice; see `find_closest`."""
    return find_closest(voices, train)[1]


def find_closest(
    voices: UInt8Array, train: UInt8Array, excluded: Int64Array | None = None
) -> tuple[Int64Array, Int64Array]:
    """Return the closest training voice of each voice, `uint8[n, 145]`: its row and its distance, `int64[n]` each.

    Exact: all pairs are compared; of equally close ones, the first is taken. train: `uint8[m, 145]`. excluded: for each
    voice, a row of `train` that is not compared, `int64[n]`, such as that of the voice itself; if there is no other,
    the distance is 146. Raises ValueError if there are no training voices.
    """
    if not len(train):
        raise ValueError("there are no training voices to compare with")
    columns = np.ascontiguousarray(train.T)  # [145, m]
    rows = np.zeros(len(voices), dtype=np.int64)
    closest = np.full(len(voices), voices.shape[1] + 1)
    for start in range(0, len(voices), _BATCH):
        some = voices[start : start + _BATCH]
        for begin in range(0, len(train), _TILE):
            counts = hamming_distances(some, columns[:, begin : begin + _TILE])
            if excluded is not None:
                places = excluded[start : start + _BATCH] - begin
                inside = np.flatnonzero((places >= 0) & (places < counts.shape[1]))
                counts[inside, places[inside]] = np.iinfo(counts.dtype).max
            best = counts.argmin(axis=1)
            distances = counts[np.arange(len(some)), best]
            nearer = distances < closest[start : start + len(some)]
            rows[start : start + len(some)][nearer] = begin + best[nearer]
            closest[start : start + len(some)][nearer] = distances[nearer]
    return rows, closest
