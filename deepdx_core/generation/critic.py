"""The critic: log-odds that a voice is real rather than written by the writer, from its label, parameters and sound.

It is the discriminator of discriminator rejection sampling (Azadi et al., 2019), trained after the writer, on real and
on written voices. Boosted trees: a transformer of 600 steps could not distinguish the two (area under the ROC curve .50
on held-out voices), while trees do so within seconds, since they test single values and their bounds: .62 from the
parameters alone, .71 by ear as well (`python -m studies.critic HOME`).
"""

from dataclasses import dataclass, replace

import numpy as np

from deepdx_core.arrays import Float64Array, UInt8Array
from deepdx_core.dataset.arrays import Voices
from deepdx_core.sound.feature_bytes import FEATURE_BYTES
from deepdx_core.trees import MAX_CATEGORIES, Trees, fit_trees
from deepdx_core.voice.parameters import PARAMETERS

MAX_LABELS = MAX_CATEGORIES

_TREES, _LEAVES = 300, 31
_FEWEST_TO_CALIBRATE = 200  # voices of each kind
_MAX_SCALE = 2.0
_BYTES = 1 + len(PARAMETERS)


@dataclass(frozen=True, eq=False)
class Critic:
    """Trees over the bytes of a voice: its label id, its 145 parameters, and by ear its audio features.

    Raises ValueError if the trees test other bytes.
    """

    trees: Trees
    by_ear: bool = False

    def __post_init__(self) -> None:
        count = _BYTES + self.by_ear * FEATURE_BYTES
        if self.trees.columns.max() >= count:
            raise ValueError(f"columns must be below {count}")

    def realness(self, voices: Voices, sound: UInt8Array | None = None) -> Float64Array:
        """Return the log-odds that each voice is real rather than written, `float64[n]`.

        sound: the voices' audio features by `feature_bytes`, for a critic by ear.
        """
        if self.by_ear != (sound is not None):
            raise ValueError("a critic by ear needs the sound of the voices, and no other does")
        return self.trees.sum_leaves(_inputs(voices, sound))[:, 0]

    def calibrated(self, of_real: Float64Array, of_written: Float64Array) -> "Critic":
        """Return the critic with log-odds as they are right for voices that it was not fitted to.

        of_real, of_written: its log-odds of such voices, `float64[n]` and `float64[m]`. Logistic regression maps them
        to better ones (Platt, "Probabilistic outputs for support vector machines", 1999). With few voices, nothing
        changes.
        """
        from sklearn.linear_model import LogisticRegression

        if min(len(of_real), len(of_written)) < _FEWEST_TO_CALIBRATE:
            return self
        scores = np.concatenate([of_real, of_written])[:, None]
        is_real = np.arange(len(scores)) < len(of_real)
        fitted = LogisticRegression(class_weight="balanced").fit(scores, is_real)
        scale, offset = float(fitted.coef_[0, 0].clip(0, _MAX_SCALE)), float(fitted.intercept_[0])
        is_leaf = self.trees.children[:, :, 0] == np.arange(self.trees.children.shape[1])
        values = np.where(is_leaf, self.trees.values * scale + offset / len(self.trees.values), self.trees.values)
        return replace(self, trees=replace(self.trees, values=values))


def fit_critic(real: Voices, written: Voices, seed: int, sound: tuple[UInt8Array, UInt8Array] | None = None) -> Critic:
    """Fit a critic to real and written voices. Both classes have the same total weight, whatever their sizes.

    sound: audio features of the real and of the written voices, by `feature_bytes`, for a critic by ear.
    """
    is_real = np.arange(len(real) + len(written)) < len(real)
    weights = np.where(is_real, len(written) / len(real), 1.0)
    of_real, of_written = sound or (None, None)
    inputs = np.concatenate([_inputs(real, of_real), _inputs(written, of_written)])
    trees = fit_trees(inputs, is_real, weights, categorical=(0,), seed=seed, max_iter=_TREES, max_leaf_nodes=_LEAVES)
    return Critic(trees, sound is not None)


def _inputs(voices: Voices, sound: UInt8Array | None) -> UInt8Array:
    """Return the bytes that the trees test, `uint8[n, 146]`, or more by ear."""
    columns = [voices.labels.astype(np.uint8)[:, None], voices.parameters]
    return np.concatenate(columns if sound is None else [*columns, sound], axis=1)
