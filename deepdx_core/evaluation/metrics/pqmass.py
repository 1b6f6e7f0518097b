"""PQMass: whether two sets of voices have equal shares in the cells of random partitions.

Source: Lemos et al., "PQMass: probabilistic assessment of the quality of generative models using probability mass
estimation", 2024.
"""

import numpy as np

from deepdx_core.arrays import UInt8Array
from deepdx_core.evaluation.metrics.prdc import squared_distances

_PARTITIONS = 100
_MAX_CELLS = 100
_VOICES_PER_CELL = 10  # at least, on average


def pqmass(first: UInt8Array, second: UInt8Array, seed: int) -> float:
    """Return chi-squared per degree of freedom, as a mean over random partitions: 1 for sets of one distribution.

    first, second: voices `uint8[n, 145]` and `uint8[m, 145]`. Each partition consists of the Voronoi cells of up to 100
    voices drawn from both sets, which are then left out; distances are those of PRDC.

    Voices of a family fall into one cell together, and the test counts them as independent. So families of one set only
    raise the result above 1, for real voices too: their row is the reference.
    """
    from scipy.stats import chi2_contingency

    both = np.concatenate([first, second])
    is_first = np.arange(len(both)) < len(first)
    cells = max(2, min(_MAX_CELLS, len(both) // _VOICES_PER_CELL))
    random = np.random.default_rng(seed)
    ratios = []
    for _ in range(_PARTITIONS):
        centers, others = np.split(random.permutation(len(both)), [cells])
        cell = squared_distances(both[others], both[centers]).argmin(axis=1)
        counts = np.bincount(2 * cell + is_first[others], minlength=2 * cells).reshape(cells, 2)
        test = chi2_contingency(counts[counts.any(axis=1)], correction=False)
        ratios.append(test.statistic / max(test.dof, 1))
    return float(np.mean(ratios))
