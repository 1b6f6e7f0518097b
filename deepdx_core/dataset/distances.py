"""In how many parameters voices differ: the Hamming distance, between all pairs of two sets."""

import numpy as np

from deepdx_core.arrays import Int64Array, UInt8Array

_TILE = 8192  # training voices compared at a time
_AT_A_TIME = 32  # voices; a tile's counts fit in the processor's cache


def hamming_distances(voices: UInt8Array, columns: UInt8Array) -> UInt8Array:
    """In how many parameters each voice, `uint8[n, 145]`, differs from each of others, `uint8[n, m]`.

    columns: the others, `uint8[145, m]`, a parameter a row; a slice of them should fit in the processor's cache.
    """
    counts = np.zeros((len(voices), columns.shape[1]), dtype=np.uint8)
    unequal = np.empty(counts.shape, dtype=np.bool_)
    for column, values in zip(columns, voices.T, strict=True):
        np.not_equal(column, values[:, None], out=unequal)
        counts += unequal.view(np.uint8)
    return counts


def distances_to_closest(voices: UInt8Array, train: UInt8Array) -> Int64Array:
    """In how many parameters each voice, `uint8[n, 145]`, differs from the training voice nearest to it, `int64[n]`.

    Exact: every voice is compared with every one of `train`, `uint8[m, 145]`. Raises ValueError where there is none.
    """
    if not len(train):
        raise ValueError("there are no training voices to compare with")
    columns = np.ascontiguousarray(train.T)  # [145, m]
    closest = np.full(len(voices), voices.shape[1])
    for start in range(0, len(voices), _AT_A_TIME):
        some = voices[start : start + _AT_A_TIME]
        for begin in range(0, len(train), _TILE):
            counts = hamming_distances(some, columns[:, begin : begin + _TILE])
            least = closest[start : start + len(some)]
            np.minimum(least, counts.min(axis=1), out=least)
    return closest
