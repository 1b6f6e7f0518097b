"""The critic: how real a voice looks, by its parameters and label alone.

It is a discriminator that is taught once the writer is, with real voices and written ones. Its odds are how much more
often a voice is real than written, by which written voices are chosen from (Azadi et al., "Discriminator rejection
sampling", 2019). Boosted trees: a transformer of 600 steps could not tell the two apart (area .50 on voices held out),
where trees do within seconds (.67), as they ask for single values and their bounds. They are taught anew wherever a
model is loaded, from what is stored with it: there is no way to store them that runs no foreign code.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from deepdx_core.arrays import Float64Array
from deepdx_core.dataset.arrays import Voices

MOST_LABELS = 255
"""So many values of what has no order the trees can tell apart."""


class Critic:
    """Boosted trees taught with real voices and written ones."""

    def __init__(self, real: Voices, written: Voices, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        is_real = np.arange(len(real) + len(written)) < len(real)
        # As many of each, by weight: odds of 1 are those of a voice that is as often the one as the other.
        weights = np.where(is_real, len(written) / len(real), 1.0)
        self._trees = HistGradientBoostingClassifier(
            categorical_features=[real.parameters.shape[1]], early_stopping=False, random_state=seed
        )
        seen = np.concatenate([_columns(real), _columns(written)])
        with threadpool_limits(1, "openmp"):  # sums hang on how they are split
            self._trees.fit(seen, is_real, sample_weight=weights)

    def realness(self, voices: Voices) -> Float64Array:
        """The log-odds that each voice is real rather than written, `float64[n]`."""
        if not len(voices):
            return np.empty(0)
        return np.asarray(self._trees.decision_function(_columns(voices)))


def _columns(voices: Voices) -> npt.NDArray[Any]:
    """What the trees see: the parameters and the label, `uint8[n, 146]`."""
    return np.column_stack([voices.parameters, voices.labels.astype(np.uint8)])
